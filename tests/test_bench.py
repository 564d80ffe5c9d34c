"""gaxjax bench: the numbers that it promises, of a run that would train."""

import re
from pathlib import Path

import jax
import numpy as np
import pytest
import runs

from gaxjax import bench, cli
from gaxjax.gans.stylegan import PathLength, StyleGAN
from gaxjax.networks.mlp import Discriminator, Generator
from gaxjax.penalties import R1, GradientPenalty, Lazy


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, str]:
    """The rows of the table that the command prints."""
    assert cli.main(["bench", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name: value for name, value in cells if name and not name.startswith("-")}


def number(text: str) -> float:
    return float(re.match(r"[-+]?[\d,.]+", text)[0].replace(",", ""))  # type: ignore[index]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(runs.write_recipe(tmp_path_factory.mktemp("recipe")))


def test_report(recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = report(capsys, recipe, "--calls", "3", "--steps-per-call", "2")
    for name in ("compile, cold", "step", "images per second", "critic's move", "painter's move"):
        assert number(rows[name]) > 0
    milliseconds = number(rows["step"])
    assert number(rows["images per second"]) == pytest.approx(16 / milliseconds * 1000, rel=0.05)
    assert rows["steps in a call"] == "2" and rows["minibatch, images a step, seeds"] == "16, 16, 1"
    assert number(rows["over the wire"]) == 0
    assert number(rows["compile, with the cache warm"]) < number(rows["compile, cold"])


def test_several_seeds_and_nothing_left_behind(recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(Path(recipe).parent.rglob("*"))
    cache = jax.config.values["jax_compilation_cache_dir"]
    rows = report(capsys, recipe, "--calls", "2", "--seeds", "2")
    assert rows["minibatch, images a step, seeds"] == "16, 16, 2"
    assert [p for p in sorted(Path(recipe).parent.rglob("*")) if "__pycache__" not in str(p)] == before
    assert jax.config.values["jax_compilation_cache_dir"] == cache


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--calls", "1"), "calls must be at least 2, for a median; got 1"),
        (("--stage", "3"), "stage 3 is not one of the recipe's 1; use 0 to 0"),
        (("--devices", "-1"), "devices is at least 1, or 0 for all; got -1"),
    ],
)
def test_refusals(flags: tuple[str, str], said: str, recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", recipe, *flags]) == 2
    assert said in capsys.readouterr().err


def test_lazy_penalties_are_found_and_told_apart_by_step() -> None:
    networks = Generator((2,)), Discriminator()
    lazily = Lazy(R1(), 16), Lazy(GradientPenalty(), 1)
    game = StyleGAN(*networks, penalties=lazily, path_length=PathLength(2.0, every=4))
    found = bench.lazy_penalties(game)
    assert found == {"R1": ("discriminator", 16), "path length": ("generator", 4)}
    for due, other in ((16, 4), (4, 16), (None, 4)):
        step = bench.first_step([16, 4], due)
        if due != 16:  # at every sixteenth step the fourth is due too
            assert step % other and (due is None or step % due == 0)
    assert bench.first_step([], None) == 1


def test_the_ceiling_is_measured() -> None:
    rate = bench.matmul_rate(np.dtype("float32"), jax.devices()[0])
    assert 1e8 < rate < 1e14
