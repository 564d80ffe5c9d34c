"""Checkpoints deleted by hand and the same command again: samples, metrics and results are gone in a second

Right: the run is refused and names --restart, which goes on from what is left, or begins again, and keeps
what was recorded in a folder before_restart_0 of the run.
"""

import shutil
from pathlib import Path

import pytest
import runs
import tiny


@pytest.fixture
def whole(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> tuple[Path, Path]:
    """A recipe, and its run."""
    recipe, run = tiny.copy(tmp_path_factory, tmp_path)
    (run / "results.jsonl").write_text('{"metric": "fid", "value": 3.0, "checkpoint": 960}\n')
    (run / "rollbacks.jsonl").write_text(
        '{"step": 7, "seen": "a spike", "checkpoint": null, "factor": 0.5}\n'
    )
    return recipe, run


@pytest.mark.parametrize("how", ["the folder", "what is in it"])
def test_all_are_gone(
    whole: tuple[Path, Path], how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, run = whole
    original = Path(shutil.copytree(run, tmp_path / "original"))
    shutil.rmtree(run / "checkpoints")
    if how == "what is in it":
        (run / "checkpoints").mkdir()
    before = tiny.contents(run)
    assert tiny.train(recipe, run) == 2
    assert capsys.readouterr().err == (
        f"error: {run} is recorded up to step 60, but it has no checkpoint: put {run}/checkpoints back, "
        "or begin again with --restart, which keeps what is recorded as before_restart_0\n"
    )
    assert tiny.contents(run) == before
    if how == "what is in it":
        return
    (run / "samples/mine.png").touch()
    assert tiny.train(recipe, run, "--restart") == 0
    said = capsys.readouterr()
    assert f"what was recorded after step 0 is kept as {run}/before_restart_0\n" in said.err
    assert said.out.startswith("starting")
    (run / "samples/mine.png").unlink()  # it has stayed where it was
    runs.assert_same_run(original, run, runs.STEPS)
    assert not (run / "rollbacks.jsonl").exists() and not (run / "results.jsonl").exists()
    assert (run / "starts.jsonl").read_bytes().startswith(before["starts.jsonl"])  # of all starts
    # What is written at every start.
    written = ("recipe.json", "config.py", "data.json", "examples.npz", "starts.jsonl", ".saved")
    left = {name: text for name, text in before.items() if name not in written}
    kept = tiny.contents(run / "before_restart_0")
    assert {name: kept.get(name) for name in left} == left


def test_some_are_gone(whole: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that are left are older than what a killed process can have left: two intervals."""
    recipe, run = whole
    (run / "rollbacks.jsonl").unlink()
    original = Path(shutil.copytree(run, tmp_path / "original"))
    assert tiny.train(recipe, tmp_path / "begun", "--kimg", str(16 * 35 / 1000)) == 0
    shutil.rmtree(run / "checkpoints")
    shutil.copytree(tmp_path / "begun/checkpoints", run / "checkpoints")
    assert runs.steps(run) == [30, 35]
    before = tiny.contents(run)
    capsys.readouterr()
    assert tiny.train(recipe, run) == 2
    said = capsys.readouterr().err
    assert f"{run} is recorded up to step 60, but its last checkpoint is 35: put " in said
    assert "or go on from 35 with --restart, which keeps what is recorded as before_restart_0" in said
    assert tiny.contents(run) == before
    assert tiny.train(recipe, run, "--restart") == 0
    assert "going on from 560 images" in capsys.readouterr().out
    runs.assert_same_run(original, run, runs.STEPS)
    kept = tiny.contents(run / "before_restart_0")
    for name in ("metrics.jsonl", "results.jsonl", "samples.gif", "samples/0000000960.png"):
        assert kept[name] == before[name]
    assert "samples/0000000480.png" not in kept


def test_whole_run_with_the_flag(
    whole: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing is lost it changes nothing."""
    recipe, run = whole
    before = tiny.contents(run)
    assert tiny.train(recipe, run, "--restart") == 0
    assert capsys.readouterr().out.startswith("this run is finished") and tiny.contents(run) == before
