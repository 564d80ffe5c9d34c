"""tpu_pod.sh and tpu_worker.sh: Cloud TPU slices, without a cloud."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from launching import LAUNCH, REPOSITORY, executable, run, until

WORKER = "bash gaxjax/source/launch/tpu_worker.sh"


@pytest.fixture
def pod(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """tpu_pod.sh with a gcloud that only writes down what it is asked."""
    executable(tmp_path / "bin" / "gcloud", f'printf "%s\\n" "$*" >>{shlex.quote(str(tmp_path))}/asked')

    def pod(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        path = f"{tmp_path}/bin:{os.environ['PATH']}"
        return run("bash", LAUNCH / "tpu_pod.sh", *arguments, PATH=path, **variables)

    return pod


TPU = "gcloud compute tpus queued-resources"
ALL = "--node=all --worker=all"
ARCHIVE = shlex.quote(str(REPOSITORY / "gaxjax.tar.gz"))
OUTPUT = shlex.quote(f"--output={REPOSITORY / 'gaxjax.tar.gz'}")
CREATE = "--node-id=pod --accelerator-type={0} --runtime-version={1}"
DRY_RUNS = {
    "create --type v4-32 --spot --project mine": f"""\
{TPU} create pod {CREATE.format("v4-32", "tpu-ubuntu2204-base")} --spot --zone=z1 --project=mine
""",
    "create --type v5litepod-16": f"""\
{TPU} create pod {CREATE.format("v5litepod-16", "v2-alpha-tpuv5-lite")} --zone=z1
""",
    "create --type v5p-16": f"""\
{TPU} create pod {CREATE.format("v5p-16", "v2-alpha-tpuv5")} --zone=z1
""",
    "create --type v6e-16 --node-count 2": f"""\
{TPU} create pod --node-count=2 --accelerator-type=v6e-16 --runtime-version=v2-alpha-tpuv6e --zone=z1
""",
    "create --type v9-8 --version other": f"""\
{TPU} create pod {CREATE.format("v9-8", "other")} --zone=z1
""",
    "install": f"""\
git -C {shlex.quote(str(REPOSITORY))} archive --format=tar.gz {OUTPUT} HEAD
{TPU} scp {ARCHIVE} pod:gaxjax.tar.gz {ALL} --zone=z1
rm -- {ARCHIVE}
{TPU} ssh pod {ALL} '--command=rm -rf gaxjax/incoming && mkdir -p gaxjax/incoming \
&& tar -xzf gaxjax.tar.gz -C gaxjax/incoming && bash gaxjax/incoming/launch/tpu_worker.sh install' --zone=z1
""",
    "run -- gaxjax train configs/a.py:b --workdir /shared/run --kimg 5": f"""\
{TPU} ssh pod {ALL} \
'--command={WORKER} run gaxjax train configs/a.py:b --workdir /shared/run --kimg 5' --zone=z1
""",
    "run -- gaxjax train configs/a.py:b --workdir gs://bucket/run": f"""\
{TPU} ssh pod {ALL} '--command={WORKER} run gaxjax train configs/a.py:b --workdir gs://bucket/run' --zone=z1
""",
    "run --one-worker -- gaxjax train configs/a.py --workdir runs/a": f"""\
{TPU} ssh pod {ALL} '--command={WORKER} run --one-worker gaxjax train configs/a.py --workdir runs/a' --zone=z1
""",
    "status": f"""\
{TPU} describe pod '--format=value(state.state)' --zone=z1
{TPU} ssh pod {ALL} '--command={WORKER} status' --zone=z1
""",
    "stop": f"""\
{TPU} ssh pod {ALL} '--command={WORKER} stop' --zone=z1
""",
    "delete": f"""\
{TPU} delete pod --force --zone=z1
""",
}


@pytest.mark.parametrize("arguments", DRY_RUNS)
def test_pod_dry_run_prints_the_commands_and_runs_none(pod: Callable, tmp_path: Path, arguments: str) -> None:
    verb, *rest = arguments.split()
    result = pod(verb, "--dry-run", "--name", "pod", "--zone", "z1", *rest)
    assert (result.returncode, result.stdout) == (0, DRY_RUNS[arguments])
    assert not (tmp_path / "asked").exists()


def test_pod_takes_its_names_from_the_environment(pod: Callable) -> None:
    named = {"TPU_NAME": "pod", "TPU_ZONE": "z1", "TPU_TYPE": "v4-32", "TPU_VERSION": "v", "TPU_PROJECT": "p"}
    line = f"{TPU} create pod {CREATE.format('v4-32', 'v')} --zone=z1 --project=p\n"
    assert pod("create", "--dry-run", **named).stdout == line
    assert pod("create", "--dry-run", "--name", "other", **named).stdout == line.replace("pod ", "other ")


def test_pod_quotes_what_the_workers_shell_reads(pod: Callable) -> None:
    words = ["gaxjax", "train", "a b.py", "--workdir=/shared/c", "--note", "it's $HOME", ""]
    result = pod("run", "--dry-run", "--name", "pod", "--zone", "z1", "--", *words)
    local = shlex.split(result.stdout)
    (remote,) = (word.removeprefix("--command=") for word in local if word.startswith("--command="))
    assert shlex.split(remote) == [*WORKER.split(), "run", *words]


def test_pod_asks_gcloud(pod: Callable, tmp_path: Path) -> None:
    assert pod("delete", "--name", "pod", "--zone", "z1").returncode == 0
    assert (tmp_path / "asked").read_text() == "compute tpus queued-resources delete pod --force --zone=z1\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "no verb; expected supervise, create, install, run, status, stop or delete"),
        ("fly", "unknown verb fly; expected supervise, create, install, run, status, stop or delete"),
        ("status --zone z1", "status: which slice? give --name or set TPU_NAME"),
        ("status --name pod", "status: which zone is pod in? give --zone or set TPU_ZONE"),
        ("status --name", "--name needs a value"),
        ("status --nmae pod", "status: unknown argument --nmae"),
        ("run --name pod --zone z1 gaxjax", "run: unknown argument gaxjax; the command to run follows --"),
        ("stop --name pod --zone z1 --spot", "stop: --spot and --node-count belong to create and supervise"),
        ("stop --name pod --zone z1 -- gaxjax", "stop takes no command; got: gaxjax"),
        (
            "create --name pod --zone z1",
            "create: which accelerator? give --type or set TPU_TYPE, such as v6e-16 or v5litepod-16",
        ),
        (
            "create --name pod --zone z1 --type v9-8",
            "create: no runtime version is known for v9-8; give --version or set TPU_VERSION",
        ),
        (
            "create --name pod --zone z1 --type tpu7x-16",
            "create: TPU7x and later are not in this API: use GKE (launch/gke.sh --type tpu7x:2x2x2), or a "
            "managed instance group (Compute Engine's pages, 'Create a MIG with multi-host TPU slice')",
        ),
        (
            "supervise --name pod --zone z1 --type v5e-16 -- gaxjax train a --workdir /b",
            "supervise: this API calls v5e v5litepod; give --type v5litepod-16",
        ),
        (
            "create --name pod --zone z1 --type v3-32 --node-count 2",
            "create: several slices at once need v4 or newer, not v3-32",
        ),
        (
            "create --name pod --zone z1 --type v4-32 --node-count some",
            "create: --node-count some is no number of slices, 1 or more",
        ),
        (
            "run --name pod --zone z1 -- train ring.py",
            "run: what? end with: -- gaxjax train CONFIG --workdir DIR",
        ),
        (
            "run --name pod --zone z1 -- gaxjax train ring.py",
            "run: gaxjax train needs --workdir, shared by all workers: a path on NFS or a mounted bucket",
        ),
        (
            "run --name pod --zone z1 -- gaxjax train ring.py --workdir runs/ring",
            "run: --workdir runs/ring is no absolute path; give one on NFS or a mounted bucket",
        ),
    ],
)
def test_pod_refuses(pod: Callable, tmp_path: Path, arguments: str, message: str) -> None:
    result = pod(*arguments.split())
    assert result.returncode == 2
    assert result.stderr.splitlines()[0] == f"error: {message}"
    assert not (tmp_path / "asked").exists()


@pytest.fixture
def worker(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """tpu_worker.sh on a worker of its own, with a gaxjax that says what it got and saves when ended."""
    if not (shutil.which("flock") and shutil.which("setsid")):
        pytest.skip("the workers' script is for Linux: no flock or setsid here")
    shutil.copytree(LAUNCH, tmp_path / "gaxjax" / "source" / "launch")
    executable(
        tmp_path / "gaxjax" / "venv" / "bin" / "gaxjax",
        'echo "$GAXJAX_COORDINATOR: $*, in ${PWD##*/}"\n'
        "[[ $2 == long ]] || exit 4\n"
        "trap 'echo saved; exit 143' TERM\n"
        "while true; do sleep 0.1; done",
    )
    # For Compute Engine's metadata server.
    notice = shlex.quote(str(tmp_path / "notice"))
    executable(tmp_path / "bin" / "curl", f'[[ $* == *"/maintenance-event" ]] && cat {notice}')
    (tmp_path / "notice").write_text("NONE")
    variables = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "GAXJAX_POLL": "0.1"}
    return lambda *words: run("bash", tmp_path / "gaxjax/source/launch/tpu_worker.sh", *words, **variables)


def test_worker_runs_reports_and_stops(worker: Callable, tmp_path: Path) -> None:
    assert "nothing was run yet" in worker("status").stdout
    assert "nothing is running" in worker("stop").stdout
    assert "started" in worker("run", "--one-worker", "gaxjax", "train", "long", "--workdir", "b/c").stdout
    log = tmp_path / "gaxjax" / "run.log"
    until(lambda: log.exists() and "auto: train long --workdir b/c, in source" in log.read_text())
    assert ": running\n" in worker("status").stdout
    again = worker("run", "--one-worker", "gaxjax", "train", "long", "--workdir", "b/c")
    assert again.returncode == 1 and "a run is going already" in again.stderr
    refused = worker("install")
    assert refused.returncode == 1 and "a run is going; stop it before installing" in refused.stderr
    stopped = worker("stop")
    assert ": ended with status 143\n" in stopped.stdout
    assert "saved" in stopped.stdout.splitlines()


def test_worker_stops_the_run_when_maintenance_is_due(worker: Callable, tmp_path: Path) -> None:
    """Its one word for what supervises it, from nothing to a notice and past it."""
    command = ("gaxjax", "train", "long", "--workdir", "b/c")
    word = lambda *words: worker("outcome", *words).stdout  # noqa: E731
    assert word(*command) == "gaxjax-outcome none\n"
    worker("run", "--one-worker", *command)
    log = tmp_path / "gaxjax" / "run.log"
    until(lambda: log.exists() and "auto: train long" in log.read_text())
    assert word(*command) == "gaxjax-outcome running\n"
    assert word("gaxjax", "train", "another") == "gaxjax-outcome other\n"
    (tmp_path / "notice").write_text("TERMINATE_ON_HOST_MAINTENANCE")
    until(lambda: word(*command) == "gaxjax-outcome maintenance\n")
    assert log.read_text().splitlines().count("saved") == 1
    assert "maintenance is due, the run is asked to save and stop" in log.read_text()
    (tmp_path / "notice").write_text("NONE")
    assert word(*command) == "gaxjax-outcome 143\n"
    assert word("gaxjax", "train", "another") == "gaxjax-outcome none\n"


def test_worker_keeps_the_status_of_a_run_that_failed(worker: Callable) -> None:
    assert worker("run", "--one-worker", "gaxjax", "train", "short", "--workdir=b/c").returncode == 0
    until(lambda: ": ended with status 4\n" in worker("status").stdout)
    assert worker("outcome", "gaxjax", "train", "short", "--workdir=b/c").stdout == "gaxjax-outcome 4\n"


def test_worker_wants_a_directory_that_all_workers_see(worker: Callable, tmp_path: Path) -> None:
    for form in (["--workdir", f"{tmp_path}/new/run"], [f"--workdir={tmp_path}/new/run"]):
        result = worker("run", "gaxjax", "train", "short", *form)
        assert result.returncode == 1
        assert f"{tmp_path}/new/run is on a disk of this worker alone" in result.stderr
        assert not (tmp_path / "gaxjax" / "run.log").exists()
    assert worker("run", "--one-worker", "gaxjax", "train", "short", *form).returncode == 0


def test_worker_says_when_nothing_is_installed(worker: Callable, tmp_path: Path) -> None:
    (tmp_path / "gaxjax" / "venv" / "bin" / "gaxjax").unlink()
    result = worker("run", "--one-worker", "gaxjax", "train", "short", "--workdir", "b/c")
    assert result.returncode == 1
    assert "gaxjax is not installed here; run launch/tpu_pod.sh install" in result.stderr
