"""How the tests of launch/ run a script: as a person would, with stand-ins for the programs that it calls."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
LAUNCH = REPOSITORY / "launch"


def run(
    *command: str | Path, cwd: str | Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs a command without the settings of whoever runs the tests, and with these variables instead.

    GAXJAX_VENV above all: it would be the environment that the tests run in.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GAXJAX_", "TPU_"))}
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=cwd, env=kept | variables, capture_output=True, text=True, timeout=60)


def executable(path: Path, text: str) -> None:
    """Writes a bash script that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{shutil.which('bash')}\n{text}\n")
    path.chmod(0o755)


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Waits for something that another process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not happen within {seconds} s"
        time.sleep(0.05)


def job(count: int) -> list[dict[str, str]]:
    """The variables of the processes of one run, as somebody sets them by hand on several machines."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    # The stand-in devices hang when their pool of threads is too small.
    settings = {"NPROC": "64"}
    shared = settings | {"GAXJAX_COORDINATOR": f"127.0.0.1:{port}", "GAXJAX_PROCESSES": str(count)}
    return [shared | {"GAXJAX_PROCESS": str(index)} for index in range(count)]
