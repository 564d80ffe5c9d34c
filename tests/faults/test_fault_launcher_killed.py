"""launch/local.sh is killed, and the processes that it started train on without it.

Right: they are asked to stop, as by Ctrl-C, and save.
"""

import signal
import subprocess
import sys
from pathlib import Path

from launching import LAUNCH, until

PROGRAM = """
import os, signal, time
number = os.environ["GAXJAX_PROCESS"]
def save(*_):
    time.sleep(0.3)
    os.rename("begun" + number, "saved" + number)
    os._exit(0)
signal.signal(signal.SIGTERM, save)
with open("begun" + number, "w"):
    time.sleep(60)
"""


def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    command = ["bash", str(LAUNCH / "local.sh"), "2", sys.executable, "-c", PROGRAM]
    with open(tmp_path / "errors", "w") as errors:
        launcher = subprocess.Popen(command, cwd=tmp_path, stdout=errors, stderr=errors)
    until(lambda: all((tmp_path / f"begun{index}").exists() for index in "01"))
    launcher.send_signal(signal.SIGKILL)
    assert launcher.wait() == -signal.SIGKILL
    until(lambda: all((tmp_path / f"saved{index}").exists() for index in "01"))
    assert "local.sh was killed; its processes are asked to stop" in (tmp_path / "errors").read_text()
