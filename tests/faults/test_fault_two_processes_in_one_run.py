"""Two processes train one run at once: every row twice, or one of them dies

Right: the second exits with 2 and names the first, by its host and number; what a dead process left behind is
taken over.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import runs
import tiny

from gaxjax import cli
from gaxjax.errors import InputError, Unwritable
from gaxjax.runs import lock
from gaxjax.runs.holder import Holder, parse_holder, start_time, this_process
from gaxjax.runs.lock import FILE, Lock, hold


def write(workdir: Path, **differing: Any) -> Holder:
    """A lock like this process's own, but for some fields."""
    workdir.mkdir(exist_ok=True)
    holder = replace(this_process(), **differing)
    (workdir / FILE).write_text(json.dumps(asdict(holder)))
    return holder


def wait(condition: Callable[[], Any]) -> None:
    """Until it is true."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_second_process_and_the_one_after_a_kill(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, whole = tiny.copy(tmp_path_factory, tmp_path)
    run = tmp_path / "one"
    first = runs.start("train", recipe, "--workdir", run, "--kimg", "100")
    runs.until(lambda: runs.steps(run), first)
    first.send_signal(signal.SIGSTOP)  # it lives, but changes nothing under our eyes
    try:
        who = f"process {first.pid} on {os.uname().nodename}"
        before = (run / "recipe.json").stat().st_mtime_ns
        capsys.readouterr()
        assert tiny.train(recipe, run, "--kimg", "100") == 2
        assert capsys.readouterr().err.startswith(f"error: {run} is being trained by {who} (since ")
        assert (run / "recipe.json").stat().st_mtime_ns == before and first.poll() is None
        assert cli.main(["sample", str(run), "--n", "4", "--out", str(tmp_path / "grid.png")]) == 0
        first.kill()
        wait(lambda: not start_time(first.pid))  # nobody has asked for its status: a zombie is no process
        with hold(run):
            assert parse_holder((run / FILE).read_bytes()).process == os.getpid()
        assert f"{run} is taken over from {who} (since " in capsys.readouterr().err
    finally:
        runs.finish(first, 1)
    assert not list(run.glob(".lock*")) and not list(whole.glob(".lock*"))


def test_dead_process_of_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Gone, or another by the same number."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for differing in ({"process": gone.pid}, {"birth": "1"}):
        holder = write(tmp_path / "run", **differing)
        with hold(tmp_path / "run"):
            assert (
                f"{tmp_path / 'run'} is taken over from {holder}, which is gone\n" in capsys.readouterr().err
            )
    assert list((tmp_path / "run").iterdir()) == []


def test_another_container_of_this_machine(tmp_path: Path) -> None:
    """Its numbers mean nothing here, but the kernel knows whether the file is locked."""
    device = tmp_path.stat().st_dev
    write(tmp_path, space="pid:[1]", host="container", device=device)
    with open(tmp_path / FILE, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(InputError, match=r"is being trained by process \d+ on container"):
            Lock(tmp_path).attempt()
    with hold(tmp_path):
        pass
    write(tmp_path, space="pid:[1]", device=device + 1)  # mounted twice: the kernel may not know
    assert Lock(tmp_path).attempt() is False


def test_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It counts as gone once its file has stood still; a sign of life refuses at once."""
    monkeypatch.setattr(lock, "STALE", 0.2)
    monkeypatch.setattr(lock, "POLL", 0.05)
    holder = write(tmp_path, kernel="another", host="far")
    with hold(tmp_path):
        said = capsys.readouterr().err.splitlines()
    going = "going on once there was no sign of its life for 0 seconds"
    assert said == [
        f"{tmp_path} was being trained by {holder}; {going}",
        f"{tmp_path} is taken over from {holder}, which gave no sign of life for 0 seconds",
    ]
    holder = write(tmp_path, kernel="another", host="far")
    late = Lock(tmp_path)
    assert late.attempt() is False
    (tmp_path / FILE).write_text(json.dumps(asdict(replace(holder, beats=holder.beats + 1))))
    with pytest.raises(InputError, match=r"is being trained by process \d+ on far \(since .*\): wait until"):
        late.attempt()


def test_lock_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a process that was killed while it wrote it."""
    monkeypatch.setattr(lock, "STALE", 0.1)
    monkeypatch.setattr(lock, "POLL", 0.05)
    for text in (b"", b"[]", b"\xff", b'{"beats": "x"}'):
        (tmp_path / FILE).write_bytes(text)
        with hold(tmp_path):
            pass


def test_signs_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the lock is made again if somebody has removed it."""
    monkeypatch.setattr(lock, "BEAT", 0.02)
    with hold(tmp_path) as held:
        path = tmp_path / FILE
        wait(lambda: parse_holder(path.read_bytes()).beats > 3)
        path.unlink()
        wait(lambda: path.exists() and parse_holder(path.read_bytes()).process == os.getpid())
        assert held
        held.check()


def test_process_that_slept_while_another_took_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not go on writing, and leaves the other's lock alone."""
    monkeypatch.setattr(lock, "BEAT", 0.02)
    with hold(tmp_path) as held:
        assert held
        write(tmp_path, host="other")
        wait(lambda: held._successor)
        with pytest.raises(Unwritable, match=r"was taken over by process \d+ on other"):
            held.check()
    assert parse_holder((tmp_path / FILE).read_bytes()).host == "other"


def test_two_that_take_over_at_once(tmp_path: Path) -> None:
    """The one that comes late finds the lock of the other, and puts it back."""
    holder = write(tmp_path, process=2**22 + 1)
    text = (tmp_path / FILE).read_bytes()
    early, late = Lock(tmp_path), Lock(tmp_path)
    assert early.attempt()
    assert late._remove(text, str(holder)) is False
    with early, pytest.raises(InputError, match="is being trained by"):
        late.attempt()
    assert list(tmp_path.iterdir()) == []
