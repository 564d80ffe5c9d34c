"""A run that is stopped, by whatever, ends as one that never was: bit for bit, with real processes."""

import random
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import runs

STEPS = 100
LONGER = ("--kimg", str(16 * STEPS / 1000))
"""So that a run is never at its end before it has been stopped five times."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is never stopped, in a process of its own that has compiled everything itself."""
    folder = tmp_path_factory.mktemp("whole")
    cache = str(tmp_path_factory.mktemp("empty"))
    process = train(folder / "run", cache)
    status, output, errors = runs.finish(process)
    assert status == 0 and output.splitlines()[-1] == f"samples: {folder}/run/samples/0000001600.png", errors
    assert "warning" not in errors.lower() and "Traceback" not in errors
    return folder / "run"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the processes that are stopped keep what they compile."""
    return str(tmp_path_factory.mktemp("compiled"))


def train(workdir: Path, cache: str) -> subprocess.Popen[str]:
    recipe = runs.write_recipe(workdir.parent)
    return runs.start("train", recipe, "--workdir", workdir, *LONGER, JAX_COMPILATION_CACHE_DIR=cache)


def test_stopped_at_any_moment(whole: Path, tmp_path: Path, cache: str) -> None:
    """kill -9 in the middle of two saves and at a start, Ctrl-C and SIGTERM; in an oddly named place."""
    workdir = tmp_path / "é 50%20 #1?"
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    ended = []
    for kind in (signal.SIGKILL, signal.SIGINT, signal.SIGKILL, signal.SIGTERM):
        begun_at, (status, output, errors) = stop(workdir, cache, kind, moments)
        ended.append((kind, status, runs.steps(workdir), runs.being_saved(workdir)))
        assert "Traceback" not in errors, (errors, ended, seed)
        if kind != signal.SIGKILL:
            check_saved(workdir, begun_at, kind, status, output, errors)
    process = train(workdir, cache)
    time.sleep(moments.uniform(1, 4))
    process.kill()
    assert "Traceback" not in runs.finish(process)[2]
    status, output, errors = runs.finish(train(workdir, cache))
    assert status == 0 and "Traceback" not in errors, (errors, ended, seed)
    assert "going on from " in output or output.startswith("this run is finished"), output
    assert [status for _, status, *_ in ended[::2]] == [-signal.SIGKILL] * 2, (ended, seed)
    print(ended, seed)  # for when the runs differ
    runs.assert_same_run(whole, workdir, STEPS)
    assert runs.being_saved(workdir) == []


def stop(workdir: Path, cache: str, kind: signal.Signals, moments: random.Random) -> tuple[int, Any]:
    """Trains until a save, and sends a signal: kill -9 within the save, others soon after it.

    Returns the step that it went on from, and how it ended.
    """
    process, begun_at = train(workdir, cache), max(runs.steps(workdir), default=0)
    listed: Any = runs.being_saved if kind == signal.SIGKILL else runs.steps
    before = set(listed(workdir))
    runs.until(lambda: set(listed(workdir)) - before, process)
    time.sleep(moments.uniform(0, 0.01))
    process.send_signal(kind)
    return begun_at, runs.finish(process)


def check_saved(workdir: Path, begun_at: int, kind: int, status: int, output: str, errors: str) -> None:
    """After a signal that can be caught: all is saved, and the command says so."""
    assert status == 128 + kind, errors
    assert "saving; again to stop at once" in errors
    assert (f"going on from {16 * begun_at:,} images" if begun_at else "starting") in output
    said = re.search(r"stopped at step (\d+), all is saved", errors)
    assert said and begun_at < int(said[1]) < STEPS, errors
    # It has waited for the end of the save.
    assert runs.steps(workdir)[-1] == int(said[1]) and runs.being_saved(workdir) == []
    assert (workdir / "samples.gif").exists() or int(said[1]) < runs.EVERY_SAMPLE
