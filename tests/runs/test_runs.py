"""The way back from a run's directory: a recipe, a game and its state."""

from pathlib import Path

import numpy as np
import pytest
import tiny

import gaxjax
from gaxjax import cli, runs
from gaxjax.data import open_source
from gaxjax.errors import InputError
from gaxjax.programs.program import StageProgram
from gaxjax.runs.checkpoint import Checkpoints
from gaxjax.runs.record import read_run
from gaxjax.transforms import leaves_by_path


@pytest.fixture
def run(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.copy(tmp_path_factory, tmp_path)[1]


def test_a_run_is_opened_without_its_data(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = read_run(run)
    program = StageProgram(recipe, 0, open_source(recipe.data).spec)
    with Checkpoints(run / "checkpoints", writable=False) as checkpoints:
        last, carry = checkpoints.latest(), checkpoints.restore(60, program.saved_carry)
    monkeypatch.setattr("gaxjax.runs.examples.open_source", lambda *_: pytest.fail("the data were opened"))
    before = tiny.contents(run)
    opened = gaxjax.load(str(run))  # as text or as a Path
    assert last == opened.state.step == 60
    # A class of a recipe's own file is another one every time it is read.
    assert type(opened.gan).__name__ == "Duel" and opened.gan == opened.recipe.gan
    found, expected = leaves_by_path(opened.state), leaves_by_path(carry[0])
    assert found.keys() == expected.keys()
    for name, leaf in expected.items():
        np.testing.assert_array_equal(found[name], leaf, err_msg="/".join(name))
    assert tiny.contents(run) == before


def test_the_best_checkpoint_is_another(run: Path) -> None:
    with pytest.raises(InputError, match=r"best has no checkpoint that can be read: train it with --eval"):
        runs.open(run, best=True)
    (run / "best").mkdir()
    (run / "checkpoints" / "000000055").rename(run / "best" / "000000055")
    assert (int(runs.open(run, best=True).state.step), int(runs.open(run).state.step)) == (55, 60)
    pictures = []
    for checkpoint in ("last", "best"):
        picture = run.parent / f"{checkpoint}.png"
        flags = ["--n", "4", "--out", str(picture), "--checkpoint", checkpoint]
        assert cli.main(["sample", str(run), *flags]) == 0
        pictures.append(picture.read_bytes())
    assert pictures[0] != pictures[1]


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is not a run directory: it has no recipe.json"):
        runs.open(tmp_path)
