"""slurm.sbatch, without a cluster: as SLURM runs it, with stand-ins for what it calls."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from launching import LAUNCH, executable, run, until

TRAIN = ("gaxjax", "train", "a b.py", "--workdir", "/shared/a")


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Begins the script as SLURM does: a copy of it, in the folder that it was submitted from.

    In place of tasks there is one. It ends with the status in the file `ended`, once it is there; TERM
    writes it.
    """
    folder = shlex.quote(str(tmp_path))
    executable(
        tmp_path / "bin" / "srun",
        f"""
echo "srun $(printf '%q ' "$@")" >>{folder}/asked
trap 'echo TERM >>{folder}/signals; echo 143 >{folder}/ended' TERM
echo $$ >{folder}/task
until [[ -e {folder}/ended ]]; do sleep 0.05; done
exit "$(<{folder}/ended)"
""",
    )
    executable(tmp_path / "bin" / "squeue", f"cat {folder}/state")
    executable(tmp_path / "bin" / "scontrol", f'echo "scontrol $*" >>{folder}/asked')
    shutil.copytree(LAUNCH, tmp_path / "repository" / "launch")
    spooled = shutil.copy(LAUNCH / "slurm.sbatch", tmp_path / "slurm_script")

    def job(state: str) -> subprocess.Popen[str]:
        (tmp_path / "state").write_text(f"{state}\n")
        variables = {
            "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
            "SLURM_JOB_ID": "17",
            "SLURM_SUBMIT_DIR": str(tmp_path / "repository"),
        }
        return subprocess.Popen(
            ["bash", str(spooled), *TRAIN], env=variables, stdout=subprocess.PIPE, text=True
        )

    return job


def test_job_is_requeued_once_it_has_saved(job: Callable, tmp_path: Path) -> None:
    """SLURM tells the tasks and may tell the script too, which must neither end by that nor pass it on."""
    process = job("RUNNING")
    until(lambda: (tmp_path / "task").exists() and (tmp_path / "task").read_text() != "")
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert process.poll() is None and not (tmp_path / "signals").exists()
    os.kill(int((tmp_path / "task").read_text()), signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    step, requeued = (tmp_path / "asked").read_text().splitlines()
    assert shlex.split(step) == ["srun", "--kill-on-bad-exit=0", *TRAIN]
    assert requeued == "scontrol requeue 17"
    assert output == "all is saved; back into the queue\n"
    assert (tmp_path / "signals").read_text() == "TERM\n"


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("COMPLETING", 143),  # canceled, or SLURM requeues it itself
        ("RUNNING", 0),
        ("RUNNING", 1),
        ("RUNNING", 2),
        ("RUNNING", 3),  # a lost process has a reason; if it was the node, SLURM requeues the job itself
    ],
)
def test_job_ends_otherwise(job: Callable, tmp_path: Path, state: str, status: int) -> None:
    (tmp_path / "ended").write_text(str(status))
    process = job(state)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (status, "")
    assert "scontrol" not in (tmp_path / "asked").read_text()


def test_script_asks_for_what_it_says() -> None:
    text = (LAUNCH / "slurm.sbatch").read_text()
    flags = dict(re.findall(r"^#SBATCH --([a-z-]+)(?:=(\S+))?$", text, re.MULTILINE))
    assert len(flags) == text.count("\n#SBATCH")
    # SLURM stops reading them at the first line that is neither a comment nor empty.
    assert text.index("\nset -euo") > text.rindex("\n#SBATCH")
    assert int(flags["nodes"]) > 1 and flags["ntasks-per-node"] == "1"
    assert flags["requeue"] == "" and flags["open-mode"] == "append"
    # To the tasks: with B: in front it would be to the script alone.
    name, _, seconds = flags["signal"].partition("@")
    assert signal.Signals[f"SIG{name}"] == signal.SIGTERM and int(seconds) >= 120


def test_dry_run_prints_the_step(tmp_path: Path) -> None:
    result = run("bash", LAUNCH / "slurm.sbatch", "--dry-run", *TRAIN, cwd=LAUNCH.parent)
    expected = "srun --kill-on-bad-exit=0 gaxjax train 'a b.py' --workdir /shared/a\n"
    assert (result.returncode, result.stdout) == (0, expected)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "run what? sbatch launch/slurm.sbatch gaxjax train CONFIG --workdir DIR; got: nothing"),
        (("python", "a.py"), "got: python a.py"),
        (("gaxjax", "train", "a.py"), "gaxjax train needs --workdir, a directory that all nodes share"),
    ],
)
def test_job_refuses(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    result = run("bash", LAUNCH / "slurm.sbatch", *words, cwd=LAUNCH.parent)
    assert result.returncode == 2 and message in result.stderr
    elsewhere = run("bash", LAUNCH / "slurm.sbatch", *words, cwd=tmp_path)
    assert elsewhere.returncode == 2 and "submit this from the repository" in elsewhere.stderr
