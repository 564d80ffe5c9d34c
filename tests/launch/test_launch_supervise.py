"""tpu_pod.sh supervise: what it does about each state of the slice and of the run, without a cloud."""

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from launching import LAUNCH, executable, run

COMMAND = ("--", "gaxjax", "train", "a.py", "--workdir", "/shared/a")
ASKED = {
    "list": "look",
    "create": "create",
    "scp": "copy",
    "delete": "delete",
    "describe": "describe",
    "tpu_worker.sh install": "install",
    "tpu_worker.sh run": "run",
    "tpu_worker.sh outcome": "ask",
    "tpu_worker.sh status": "status",
}
"""Part of a gcloud command -> the word for it."""


def words(lines: str) -> list[str]:
    """What gcloud was asked, without the looks at the request, of which there is one before everything."""
    # The part that begins last tells: the workers' commands are at the end of a line.
    asked = [max(ASKED, key=lambda part, line=line: line.rfind(part)) for line in lines.splitlines()]
    return [ASKED[part] for part in asked if part != "list"]


@pytest.fixture
def supervise(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """supervise with a gcloud that notes what it is asked and answers from the lines of two files.

    The answer "fail" makes it fail; of the workers' answers, each line is one look at all of them.
    """
    folder = shlex.quote(str(tmp_path))
    executable(
        tmp_path / "bin" / "gcloud",
        f"""
echo "${{*:4}}" >>{folder}/asked
answer() {{ # FILE: its next line
    local line
    line=$(head -n 1 {folder}/"$1")
    sed -i 1d {folder}/"$1"
    [[ $line != fail ]] || exit 1
    tr ' ' '\\n' <<<"$line" | sed "s/^[a-z0-9].*/$2&/"
}}
case "$*" in
    *" list "*) answer states ;;
    *" create "*) [[ ! -e {folder}/refused ]] || exit 1 ;;
    *"outcome gaxjax"*) answer outcomes 'gaxjax-outcome ' ;;
esac""",
    )
    # No copy of this repository is made, nor removed.
    executable(tmp_path / "bin" / "git", "")
    executable(tmp_path / "bin" / "rm", "")

    def supervise(
        states: str, outcomes: str, *flags: str, command: tuple[str, ...] = COMMAND
    ) -> subprocess.CompletedProcess[str]:
        (tmp_path / "states").write_text(states.replace(" ", "\n").replace("ABSENT", "") + "\n")
        (tmp_path / "outcomes").write_text(outcomes.replace(", ", "\n") + "\n")
        variables = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "GAXJAX_POLL": "0"}
        place = ("--name", "pod", "--zone", "z1", "--type", "v6e-16", *flags)
        pod = LAUNCH / "tpu_pod.sh"
        return run("bash", pod, "supervise", *place, *command, cwd=tmp_path, **variables)

    return supervise


def test_a_slice_that_is_taken_away_is_made_again_and_the_run_resumed(
    supervise: Callable, tmp_path: Path
) -> None:
    taken = "ABSENT WAITING_FOR_RESOURCES PROVISIONING ACTIVE ACTIVE ACTIVE SUSPENDING SUSPENDED"
    result = supervise(
        f"{taken} ABSENT ACTIVE ACTIVE", "absent absent, running running, 143 143, absent, 0 0", "--spot"
    )
    assert result.returncode == 0, result.stderr
    asked = (tmp_path / "asked").read_text()
    begin = ["create", "ask", "copy", "install", "run"]
    assert words(asked) == [*begin, "ask", "ask", "run", "delete", *begin, "ask", "status", "delete"]
    for line in asked.splitlines():
        assert line.endswith("--zone=z1")
        assert "delete" not in line or "--force --quiet" in line  # with nobody there to be asked
        assert "create" not in line or ("--node-id=pod" in line and "--spot" in line)
        assert "ssh" not in line or "--node=all --worker=all" in line


@pytest.mark.parametrize(
    ("outcomes", "status", "asked"),
    [
        ("0 0", 0, ["status", "delete"]),  # it was started again when all was over
        ("3 2", 2, ["status", "delete"]),  # the one that has the reason, and not those that lost it
        ("1 0", 1, ["status", "delete"]),
        ("running 2, 3 2", 2, ["ask", "status", "delete"]),  # not before all have ended
        ("3 143, running", 0, ["run", "ask"]),
        ("none none, running", 0, ["run", "ask"]),  # the workers were started anew
        ("0 3, running", 0, ["run", "ask"]),
        ("maintenance 143, running", 0, ["ask"]),
        ("running 143, running", 0, ["ask"]),
        ("fail, running", 0, ["ask"]),
        ("other", 1, []),
    ],
)
def test_the_outcome_on_all_workers_decides(
    supervise: Callable, tmp_path: Path, outcomes: str, status: int, asked: list[str]
) -> None:
    looks = outcomes.count(",") + 1
    more = asked[-1:] == ["ask"]  # those that go on are ended by their success
    result = supervise(" ".join(["ACTIVE"] * (looks + more)), outcomes + ", 0" * more)
    assert result.returncode == status, result.stderr
    end = ["ask", "status", "delete"] if more else []
    assert words((tmp_path / "asked").read_text()) == ["ask", *asked, *end]


def test_the_slice_is_kept_when_that_is_asked(supervise: Callable, tmp_path: Path) -> None:
    result = supervise("ACTIVE", "0", "--keep")
    assert result.returncode == 0
    assert words((tmp_path / "asked").read_text()) == ["ask", "status"]
    assert "the slice stays, and its bill: launch/tpu_pod.sh delete --name pod --zone z1" in result.stderr


def test_it_gives_up(supervise: Callable, tmp_path: Path) -> None:
    """On requests that fail, workers that never answer, and a run that never gets anywhere."""
    result = supervise("FAILED ABSENT FAILED ABSENT FAILED", "")
    assert result.returncode == 1 and "the last 3 requests have failed; giving up" in result.stderr
    asked = words((tmp_path / "asked").read_text())
    assert asked == ["describe", "delete", "create", "describe", "delete", "create", "describe", "delete"]

    result = supervise(" ".join(["ACTIVE"] * 10), ", ".join(["fail"] * 10))
    assert result.returncode == 1 and "that happened 10 times; giving up. The slice stays" in result.stderr

    (tmp_path / "asked").unlink()
    result = supervise(" ".join(["ACTIVE"] * 11), ", ".join(["3 3"] * 11))
    assert result.returncode == 1 and "started 10 times on this slice without an end" in result.stderr
    assert words((tmp_path / "asked").read_text()) == ["ask", "run"] * 10 + ["ask", "status", "delete"]

    (tmp_path / "refused").touch()
    result = supervise("ABSENT ABSENT ABSENT", "")
    assert result.returncode == 1 and "the request was refused; giving up" in result.stderr


def test_interrupted_it_leaves_the_slice_alone(supervise: Callable, tmp_path: Path) -> None:
    """And the next one takes up what is there, as all of them begin with a look."""
    executable(tmp_path / "bin" / "sleep", "kill -TERM $PPID; exec /bin/sleep 0.2")
    result = supervise("ABSENT ACTIVE", "running")
    assert result.returncode == 130
    assert "the slice and its run go on, and the bill" in result.stderr
    assert words((tmp_path / "asked").read_text()) == ["create"]


def test_dry_run_goes_through_one_preemption(supervise: Callable, tmp_path: Path) -> None:
    result = supervise("", "", "--dry-run", "--node-count", "2")
    assert result.returncode == 0, result.stderr
    assert not (tmp_path / "asked").exists()
    lines = [line for line in result.stdout.splitlines() if not line.startswith(("git ", "rm "))]
    looks = [line.removeprefix("# the request is ") for line in lines if line.startswith("#")]
    taken = ["ABSENT", "WAITING_FOR_RESOURCES", "ACTIVE, the run absent", "ACTIVE, the run running"]
    assert looks == [*taken, "SUSPENDED", "ABSENT", "ACTIVE, the run absent", "ACTIVE, the run 0"]
    tpu = "gcloud compute tpus queued-resources "
    asked = [line.removeprefix(tpu) for line in lines if not line.startswith("#")]
    begin = ["create", "ask", "copy", "install", "run"]
    assert words("\n".join(asked)) == [*begin, "ask", "delete", *begin, "ask", "delete"]
    assert asked[0] == "list '--filter=name~/pod$' '--format=value(state.state)' --zone=z1"
    flags = "--accelerator-type=v6e-16 --runtime-version=v2-alpha-tpuv6e --zone=z1"
    assert asked[1] == f"create pod --node-count=2 {flags}"
    assert asked[-1] == "delete pod --force --quiet --zone=z1"


def test_it_refuses_before_anything_is_asked_for(supervise: Callable, tmp_path: Path) -> None:
    result = supervise("", "", command=("--", "gaxjax", "train", "a.py"))
    assert result.returncode == 2
    assert "supervise: gaxjax train needs --workdir, shared by all workers" in result.stderr
    assert not (tmp_path / "asked").exists()
