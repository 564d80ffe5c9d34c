"""gaxjax bench: the numbers that it promises, of a run that would train."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import runs

from gaxjax import cli
from gaxjax.adversary import Adversary
from gaxjax.bench import speed as bench
from gaxjax.gans.path_length import PathLength
from gaxjax.gans.stylegan import StyleGAN
from gaxjax.networks.mlp import Discriminator, Generator
from gaxjax.parallel.counting import count_operations
from gaxjax.penalties import R1, GradientPenalty, Lazy


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, str]:
    """The rows of the table that the command prints; the ceiling, which takes longest, is measured below."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench, "matmul_rate", lambda dtype, device: 1e11)
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
    assert number(rows["over the wire"]) == 0 and rows["share of the ceiling"].endswith("%")
    assert number(rows["compile, with the cache warm"]) > 0


def test_more_than_the_ceiling_is_the_ceilings_fault() -> None:
    assert bench.describe_share(1.0) == "100%"
    assert bench.describe_share(1.17).startswith("117% (the ceiling was measured while the machine was busy")


@pytest.mark.slow
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
    game = StyleGAN(*networks, path_length=PathLength(2.0, every=4), adversary=Adversary(penalties=lazily))
    found = bench.lazy_penalties(game)
    assert found == {"R1": ("discriminator", 16), "path length": ("generator", 4)}
    for due, other in ((16, 4), (4, 16), (None, 4)):
        step = bench.first_step_due([16, 4], due)
        if due != 16:  # at every sixteenth step the fourth is due too
            assert step % other and (due is None or step % due == 0)
    assert bench.first_step_due([], None) == 1


def test_the_second_compilation_finds_the_first_ones_program() -> None:
    """And the cache of the process is what it was, without the program."""
    before, cached = jax.config.values["jax_compilation_cache_dir"], []

    def lower() -> Any:
        cached.append(len(list(Path(jax.config.values["jax_compilation_cache_dir"]).iterdir())))
        return jax.jit(lambda x: jnp.sin(x) @ x.T).lower(jnp.ones((3, 3)))

    *_, program = bench.compile_times(lower)
    assert cached[0] == 0 < cached[1]
    np.testing.assert_allclose(program(jnp.ones((3, 3))), np.full((3, 3), 3 * np.sin(1)), rtol=1e-6)
    assert jax.config.values["jax_compilation_cache_dir"] == before


def test_the_ceiling_is_that_of_a_large_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """Multiplications and additions of one run of it, over the seconds of that run: here a quarter of one."""

    def quarter(run: Callable[[], Any], repeats: int) -> float:
        jaxpr = jax.make_jaxpr(run)()
        products.append(count_operations(jaxpr))
        return 0.25

    products: list[float] = []
    monkeypatch.setattr(bench, "median_seconds", quarter)
    rate = bench.matmul_rate(np.dtype("float32"), jax.devices()[0])
    assert rate == 4 * products[0] and products[0] >= 2 * 2048**3
