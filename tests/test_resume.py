"""A run that is stopped, by whatever, ends as one that never was: bit for bit, with real processes."""

import random
import re
import signal
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


def test_killed_at_any_moment(whole: Path, tmp_path: Path, cache: str) -> None:
    """kill -9 before the first step, in the middle of two saves, between them, and while it resumes."""
    recipe, workdir = runs.write_recipe(tmp_path), tmp_path / "run"
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    killed = []
    for moment in ("first save", "later", "a save", "start"):
        process = runs.start("train", recipe, "--workdir", workdir, JAX_COMPILATION_CACHE_DIR=cache)
        there = runs.steps(workdir)
        left_over = runs.being_saved(workdir)
        if moment == "start":
            time.sleep(moments.uniform(1, 6))
        elif moment == "later":
            runs.until(lambda there=there: len(set(runs.steps(workdir)) - set(there)) > 0, process)
            time.sleep(moments.uniform(0, 0.4))
        else:
            runs.until(lambda old=left_over: set(runs.being_saved(workdir)) - set(old), process)
            time.sleep(moments.uniform(0, 0.01))
        process.kill()
        killed.append((moment, runs.finish(process)[0], runs.steps(workdir), runs.being_saved(workdir)))
    process = runs.start("train", recipe, "--workdir", workdir, JAX_COMPILATION_CACHE_DIR=cache)
    status, output, errors = runs.finish(process)
    assert status == 0 and "Traceback" not in errors, (errors, killed, seed)
    assert -signal.SIGKILL in [status for _, status, *_ in killed], (killed, seed)
    print(killed, seed, output)
    runs.assert_same_run(whole, workdir, runs.STEPS)
    assert runs.being_saved(workdir) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_save_first(whole: Path, tmp_path: Path, cache: str, number: signal.Signals) -> None:
    recipe, workdir = runs.write_recipe(tmp_path), tmp_path / "run"
    process = runs.start("train", recipe, "--workdir", workdir, JAX_COMPILATION_CACHE_DIR=cache)
    runs.until(lambda: runs.steps(workdir), process)
    process.send_signal(number)
    status, _, errors = runs.finish(process)
    assert status == 128 + number and "Traceback" not in errors, errors
    said = re.search(r"stopped at step (\d+), all is saved", errors)
    assert said and 0 < int(said[1]) < runs.STEPS, errors
    # It has waited for the end of the save.
    assert runs.steps(workdir)[-1] == int(said[1]) and runs.being_saved(workdir) == []
    assert (workdir / "curves.png").exists()
    process = runs.start("train", recipe, "--workdir", workdir, JAX_COMPILATION_CACHE_DIR=cache)
    status, output, errors = runs.finish(process)
    assert status == 0 and f"going on from {16 * int(said[1]):,} images" in output, errors
    runs.assert_same_run(whole, workdir, runs.STEPS)
