"""What runs on one machine: local.sh, quickstart.sh and the environment under all of them."""

import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from launching import LAUNCH, REPOSITORY, executable, run, until


def is_alive(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    if Path("/proc").exists():
        return status.exists() and status.read_text().rpartition(") ")[2][0] != "Z"
    return subprocess.run(["kill", "-0", str(process)], capture_output=True).returncode == 0


# Several processes


def test_local_gives_every_process_its_number_and_the_same_coordinator() -> None:
    script = 'echo "$GAXJAX_PROCESS of $GAXJAX_PROCESSES at $GAXJAX_COORDINATOR"; echo "$1" >&2; printf end'
    result = run("bash", LAUNCH / "local.sh", "2", "--", "bash", "-c", script, "_", "a  b")
    assert result.returncode == 0
    assert result.stderr == ""
    lines = sorted(result.stdout.splitlines())
    address = lines[0].rpartition(" ")[2]
    assert re.fullmatch(r"127\.0\.0\.1:\d+", address)
    assert lines == sorted(
        line for i in "01" for line in (f"[{i}] {i} of 2 at {address}", f"[{i}] a  b", f"[{i}] end")
    )


def test_local_ends_the_others_when_one_fails_and_passes_its_status_on() -> None:
    begin = time.monotonic()
    script = "((GAXJAX_PROCESS)) && exit 7; sleep 50; echo late"
    result = run("bash", LAUNCH / "local.sh", "2", "bash", "-c", script)
    assert result.returncode == 7
    assert "late" not in result.stdout
    assert time.monotonic() - begin < 30


def test_local_kills_what_does_not_answer() -> None:
    deaf = "((GAXJAX_PROCESS)) && exit 3; trap '' TERM; sleep 50 & wait; sleep 50"
    begin = time.monotonic()
    result = run("bash", LAUNCH / "local.sh", "2", "bash", "-c", deaf, GAXJAX_GRACE="1")
    assert result.returncode == 3
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize(
    ("number", "answer"), [(signal.SIGTERM, "sys.exit(5)"), (signal.SIGINT, "print('saved', flush=True)")]
)
def test_local_passes_signals_on_to_all_and_waits_for_them(
    tmp_path: Path, number: signal.Signals, answer: str
) -> None:
    program = f"""
import os, signal, sys, time
def answer(*_):
    time.sleep(0.5)
    open("saved" + os.environ["GAXJAX_PROCESS"], "w").close()
    {answer}
    os._exit(0)
signal.signal({int(number)}, answer)
with open("pid" + os.environ["GAXJAX_PROCESS"] + ".part", "w") as file:
    file.write(str(os.getpid()))
os.rename(file.name, file.name.removesuffix(".part"))
while True:
    time.sleep(0.1)
"""
    command = ["bash", str(LAUNCH / "local.sh"), "2", sys.executable, "-c", program]
    # A shell leaves INT ignored where it was when it began: as it is in tests that run in the background. A
    # handler of ours is reset to the default in the program that we start.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    signal.signal(signal.SIGINT, before)
    pids = [tmp_path / "pid0", tmp_path / "pid1"]
    until(lambda: all(path.exists() for path in pids))
    process.send_signal(number)
    assert process.wait(timeout=30) == (5 if number == signal.SIGTERM else 0)
    assert (tmp_path / "saved0").exists() and (tmp_path / "saved1").exists()
    assert not any(is_alive(int(path.read_text())) for path in pids)


def test_local_dry_run_prints_every_process() -> None:
    result = run("bash", LAUNCH / "local.sh", "2", "--dry-run", "gaxjax", "train", "a b.py")
    expected = (
        "GAXJAX_COORDINATOR=127.0.0.1:PORT GAXJAX_PROCESSES=2 GAXJAX_PROCESS={} gaxjax train 'a b.py'\n"
    )
    assert (result.returncode, result.stdout) == (0, expected.format(0) + expected.format(1))


BAD = [(), ("2",), ("0", "true"), ("two", "true"), ("2", "--"), ("2", "--dry-run"), ("2", "--dry-run", "--")]


@pytest.mark.parametrize("arguments", BAD)
def test_local_says_how_it_is_used(arguments: tuple[str, ...]) -> None:
    result = run("bash", LAUNCH / "local.sh", *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: launch/local.sh N [--dry-run] [--] COMMAND...")


# The environment


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the scripts need, in a folder with spaces; its pip only notes what it is told."""
    root = tmp_path / "a check out"
    root.mkdir()
    shutil.copytree(LAUNCH, root / "launch")
    for name in ("requirements.txt", "requirements-test.txt", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, root)
    executable(
        root / ".venv" / "bin" / "python",
        'if [[ "$1 $2" == "-m pip" ]]; then echo "${@:3}" >>"${0%/.venv/*}/pip.log"; '
        f'else exec {shlex.quote(sys.executable)} "$@"; fi',
    )
    executable(root / ".venv" / "bin" / "gaxjax", 'printf "%s\\n" "$PWD" "$@"')
    return root


def test_quickstart_installs_once_and_trains_from_anywhere(checkout: Path, tmp_path: Path) -> None:
    def quickstart() -> list[str]:
        result = run("bash", checkout / "launch" / "quickstart.sh", "--kimg", "1 2", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        expected = ["train", "configs/quickstart.py", "--workdir", "runs/quickstart", "--kimg", "1 2"]
        assert result.stdout.splitlines() == [str(checkout), *expected]
        log = checkout / "pip.log"
        installed = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return installed

    quiet = "install --quiet --disable-pip-version-check"
    requirements = f"{quiet} --requirement {checkout}/requirements.txt"
    package = f"{quiet} --no-deps --no-build-isolation --editable {checkout}"
    assert quickstart() == [requirements, package]
    assert quickstart() == []
    with open(checkout / "requirements.txt", "a") as lock:
        lock.write("# a change\n")
    assert quickstart() == [requirements]


def test_an_interrupted_installation_is_done_again(checkout: Path) -> None:
    python = checkout / ".venv" / "bin" / "python"
    works = python.read_text()
    python.write_text(works.replace("; else", "; exit 9; else"))
    assert run("bash", checkout / "launch" / "quickstart.sh").returncode == 9
    python.write_text(works)
    assert run("bash", checkout / "launch" / "quickstart.sh").returncode == 0
    assert (checkout / "pip.log").read_text().count("requirements.txt") == 2


def test_no_python_or_a_bad_environment_is_said_at_once(checkout: Path, tmp_path: Path) -> None:
    executable(tmp_path / "bin" / "python3", '[[ $1 == --version ]] || exit 1; echo "Python 3.9.2"')
    for tool in ("bash", "dirname", "cat", "rm"):
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    alone = str(tmp_path / "bin")

    executable(checkout / ".venv" / "bin" / "python", "exit 1")
    result = run("bash", checkout / "launch" / "quickstart.sh", PATH=alone)
    assert result.returncode == 1
    assert "is not a working Python of 3.11 or newer; remove" in result.stderr

    (checkout / ".venv" / "bin" / "python").unlink()
    result = run("bash", checkout / "launch" / "quickstart.sh", PATH=alone)
    assert result.returncode == 1
    assert ".venv exists but has no bin/python; remove it and run this again" in result.stderr

    shutil.rmtree(checkout / ".venv")
    result = run("bash", checkout / "launch" / "quickstart.sh", PATH=alone)
    assert result.returncode == 1
    assert "error: no Python of 3.11 or newer, only Python 3.9.2; install one" in result.stderr
    result = run("bash", checkout / "launch" / "quickstart.sh", PATH=alone, GAXJAX_PYTHON="python3")
    assert "error: GAXJAX_PYTHON=python3 is not a Python of 3.11 or newer" in result.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize(("training", "tests", "status"), [(0, 0, 0), (0, 3, 3), (4, 0, 4), (4, 3, 3)])
def test_ci_trains_then_tests_and_tells_what_failed(
    tmp_path: Path, training: int, tests: int, status: int
) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(REPOSITORY / ".ci" / "run", tmp_path / ".ci")
    executable(tmp_path / "launch" / "quickstart.sh", f'echo "trained $@"; exit {training}')
    executable(tmp_path / "tests" / "run.sh", f'echo "tested $@"; exit {tests}')
    result = run(tmp_path / ".ci" / "run", "-k", "launch")
    assert (result.returncode, result.stdout) == (status, "trained \ntested -k launch\n")


def test_everything_is_pinned() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    pin = re.compile(r'([a-z0-9-]+)==[\w.]+( ; python_version (<|>=) "3\.12")?')
    for name, declared in (
        ("requirements.txt", project["dependencies"]),
        ("requirements-test.txt", project["optional-dependencies"]["test"]),
    ):
        lines = [line for line in (REPOSITORY / name).read_text().splitlines() if not re.match("#|$", line)]
        assert [line for line in lines if not pin.fullmatch(line)] == []
        wanted = {re.split(r"[^\w-]", text)[0].replace("_", "-").lower() for text in declared}
        assert wanted <= {line.partition("==")[0] for line in lines}
