"""Several seeds in one program: each is the run that it would be alone."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
import runs

from gaxjax import cli
from gaxjax.parallel.seeds import Seeds
from gaxjax.runs import open as open_run
from gaxjax.runs.record import read_results

MEASURED = "--evaluation.metrics fid --evaluation.features pixels --evaluation.n 64 --evaluation-kimg 0.16"


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runs.write_recipe(tmp_path_factory.mktemp("recipe"))


def train(recipe: Path, workdir: Path, *flags: object) -> None:
    assert cli.main(["train", f"{recipe}:short", "--workdir", str(workdir), *map(str, flags)]) == 0


def state_of(workdir: Path, index: int) -> dict[str, np.ndarray]:
    recipe, _, states = open_run(workdir)
    paths = jax.tree_util.tree_leaves_with_path(Seeds(recipe.seed, recipe.seeds).select(states, index))
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in paths}


@pytest.fixture(scope="module")
def together(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds, stopped in the middle once: five steps, then ten."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        workdir = tmp_path_factory.mktemp("together") / "run"
        flags = ("--seeds", 2, "--seed", 7, *MEASURED.split())
        train(recipe, workdir, *flags, "--kimg", 0.08)
        train(recipe, workdir, *flags)
    return workdir


@pytest.mark.parametrize("index", [1, pytest.param(0, marks=pytest.mark.slow)])
def test_each_is_the_run_that_it_would_be_alone(
    index: int, together: Path, recipe: Path, tmp_path: Path
) -> None:
    train(recipe, tmp_path / "run", "--seed", 7 + index)
    alone, one = state_of(tmp_path / "run", 0), state_of(together, index)
    assert alone.keys() == one.keys() and runs.steps(together)[-1] == 10
    # A bias before batch norm has no gradient but rounding, which Adam makes large; it changes nothing.
    idle = ("['Conv_0']['bias']", "['painter']['Dense_0']['bias']", "['BatchNorm_0']['mean']")
    for name in (name for name in alone if not any(part in name for part in idle)):
        np.testing.assert_allclose(one[name], alone[name], rtol=1e-3, atol=1e-5, err_msg=name)


def test_they_differ(together: Path) -> None:
    one, other = (state_of(together, index)[".params['painter']['Dense_0']['kernel']"] for index in (0, 1))
    assert np.abs(one - other).max() > 0.01


def test_record(together: Path) -> None:
    rows = [json.loads(line) for line in (together / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["images"] == 160 and np.isfinite(rows[-1]["critic/loss"])
    assert len(list((together / "samples").glob("*.png"))) >= 2
    assert [(r.trained, r.checkpoint) for r in read_results(together)] == [
        (seed, seen) for seen in (80, 160) for seed in (7, 8)
    ]
    values = {r.value for r in read_results(together)}
    assert len(values) == 4 and all(value > 0 for value in values)


def test_commands(together: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    before = [r.value for r in read_results(together)]
    assert cli.main(["evaluate", str(together)]) == 0
    assert [r.value for r in read_results(together)[4:]] == pytest.approx(before[2:], rel=1e-5)
    assert cli.main(["sample", str(together), "--out", str(tmp_path / "grid.png")]) == 0
