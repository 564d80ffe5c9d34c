"""A run that is stopped, by whatever, ends as one that never was: bit for bit, with real processes."""

import random
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
import runs


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is never stopped, in a process of its own that has compiled everything itself."""
    folder = tmp_path_factory.mktemp("whole")
    recipe = runs.write_recipe(folder)
    cache = str(tmp_path_factory.mktemp("empty"))
    process = runs.start("train", recipe, "--workdir", folder / "run", JAX_COMPILATION_CACHE_DIR=cache)
    status, output, errors = runs.finish(process)
    assert status == 0 and output.splitlines()[-1] == f"samples: {folder}/run/samples/0000000960.png", errors
    assert "warning" not in errors.lower() and "Traceback" not in errors
    return folder / "run"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the processes that are stopped keep what they compile."""
    return str(tmp_path_factory.mktemp("compiled"))


def train(workdir: Path, cache: str) -> subprocess.Popen[str]:
    recipe = runs.write_recipe(workdir.parent)
    return runs.start("train", recipe, "--workdir", workdir, JAX_COMPILATION_CACHE_DIR=cache)


def test_killed_at_any_moment(whole: Path, tmp_path: Path, cache: str) -> None:
    """kill -9 in the middle of two saves, somewhere after one, and at a start; in an oddly named place."""
    workdir = tmp_path / "é 50%20 #1?"
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    killed = []
    for moment in ("the first save", "after a save", "a later save", "a start"):
        process = train(workdir, cache)
        before = set(runs.steps(workdir)) | set(runs.being_saved(workdir))
        if moment == "a start":
            time.sleep(moments.uniform(1, 6))
        elif moment == "after a save":
            runs.until(lambda old=before: set(runs.steps(workdir)) - old, process)
            time.sleep(moments.uniform(0, 0.1))
        else:
            runs.until(lambda old=before: set(runs.being_saved(workdir)) - old, process)
            time.sleep(moments.uniform(0, 0.01))
        process.kill()
        status, _, errors = runs.finish(process)
        killed.append((moment, status, runs.steps(workdir), runs.being_saved(workdir)))
        assert "Traceback" not in errors, (errors, killed, seed)
    status, _, errors = runs.finish(train(workdir, cache))
    assert status == 0 and "Traceback" not in errors, (errors, killed, seed)
    assert [status for _, status, *_ in killed[:3]] == [-signal.SIGKILL] * 3, (killed, seed)
    print(killed, seed)  # for when the runs differ
    runs.assert_same_run(whole, workdir, runs.STEPS)
    assert runs.being_saved(workdir) == []


def test_signals_save_first(whole: Path, tmp_path: Path, cache: str) -> None:
    """Ctrl-C, then SIGTERM, then to the end."""
    workdir, stopped = tmp_path / "run", 0
    for number in (signal.SIGINT, signal.SIGTERM):
        process = train(workdir, cache)
        before = set(runs.steps(workdir))
        runs.until(lambda old=before: set(runs.steps(workdir)) - old, process)
        process.send_signal(number)
        status, output, errors = runs.finish(process)
        assert status == 128 + number and "Traceback" not in errors, errors
        assert "saving; again to stop at once" in errors
        assert (f"going on from {16 * stopped:,} images" if stopped else "starting") in output
        said = re.search(r"stopped at step (\d+), all is saved", errors)
        assert said and stopped < int(said[1]) < runs.STEPS, errors
        stopped = int(said[1])
        # It has waited for the end of the save.
        assert runs.steps(workdir)[-1] == stopped and runs.being_saved(workdir) == []
        assert (workdir / "samples.gif").exists() or stopped < runs.EVERY_SAMPLE
    status, output, errors = runs.finish(train(workdir, cache))
    assert status == 0 and f"going on from {16 * stopped:,} images" in output, errors
    runs.assert_same_run(whole, workdir, runs.STEPS)
