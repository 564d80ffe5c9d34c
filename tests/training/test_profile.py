"""A profile of a start's steps, which changes nothing of the run."""

import gzip
import json
from pathlib import Path

import jax
import pytest
import runs
import tiny

from gaxjax.errors import InputError
from gaxjax.training.profile import WARM_UP, Profile


def profiles(workdir: Path) -> list[Path]:
    return list((workdir / "profile" / "plugins" / "profile").glob("*/*.trace.json.gz"))


def test_profile_of_steps(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once a start that asks for it, after a warm-up, of just these steps; the run stays what it is."""
    recipe, finished = tiny.copy(tmp_path_factory, tmp_path)
    workdir = tmp_path / "profiled"
    capsys.readouterr()
    assert tiny.train(recipe, workdir, "--kimg", str(35 * 16 / 1000), "--profile", "4") == 0
    (path,) = profiles(workdir)
    said = capsys.readouterr().err
    assert f"profile of steps {WARM_UP} to {WARM_UP + 4}: {path.parent}; open it by `xprof --logdir" in said
    events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    marks = {event["args"]["step_num"] for event in events if event.get("name") == "train"}
    assert marks == {str(step) for step in range(WARM_UP, WARM_UP + 4)}
    assert not (workdir / ".profile").exists()
    (workdir / "samples" / "0000000560.png").unlink()  # of an end that is none any more
    assert tiny.train(recipe, workdir) == 0  # goes on, and is not asked for another
    assert profiles(workdir) == [path]
    runs.assert_same_run(finished, workdir, runs.STEPS)


def test_profile_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that a run's error cuts off is dropped, and one that fails is told of, once."""
    with pytest.raises(ZeroDivisionError), Profile(tmp_path, 100) as profile:
        for step in range(WARM_UP + 1):
            profile.around(step, None)
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == [] and capsys.readouterr().err == ""
    jax.profiler.start_trace(tmp_path / "other")
    try:
        with Profile(tmp_path, 100) as profile:
            for step in range(WARM_UP + 9):
                profile.around(step, None)
    finally:
        jax.profiler.stop_trace()
    assert capsys.readouterr().err.count("there is no profile") == 1
    with pytest.raises(InputError, match="profile is a number of steps, 0 for none; got -1"):
        Profile(tmp_path, -1)
