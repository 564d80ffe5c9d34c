"""The table of toys: its measures by hand, and the command on a small budget."""

import dataclasses
import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaxjax.data.points import DEFAULTS, centers
from gaxjax.errors import InputError
from gaxjax.tables import toys

KEY = jax.random.key(0)


def test_measures_by_hand() -> None:
    """19 samples at one mode of the ring, 20 at another, 101 just out of reach of a third."""
    means = jnp.asarray(centers("ring", *DEFAULTS["ring"][:2]), jnp.float32)
    away = jnp.array([[0.0, 3.1 * 0.02]])
    made = jnp.concatenate(
        [jnp.repeat(means[:1], 19, 0), jnp.repeat(means[1:2], 20, 0), jnp.repeat(means[2:3] + away, 101, 0)]
    )
    found = toys.measures(made, made, "ring")
    assert (found["modes"], found["distance"], found["finite"]) == (1, 0, True)
    np.testing.assert_allclose(found["near"], 39 / 140)
    assert toys.measures(made.at[0, 0].set(jnp.nan), made, "ring")["finite"] == False  # noqa: E712


def test_sliced_distance_by_hand() -> None:
    """A shift by d costs |d| times the mean of |cos| over directions, 2 / pi."""
    points = jax.random.normal(KEY, (500, 2))
    shifted = points + jnp.array([[3.0, 4.0]])
    np.testing.assert_allclose(toys.sliced_distance(points, shifted, 720), 5 * 2 / np.pi, rtol=1e-4)
    assert toys.sliced_distance(points, points[::-1]) == 0


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_the_mixtures_are_those_of_the_data(name: str) -> None:
    modes, spread, deviation = DEFAULTS[name]
    points = toys.mixture(name)(KEY, 20_000)
    apart = np.linalg.norm(np.asarray(points)[:, None] - centers(name, modes, spread)[None], axis=-1)
    nearest = apart.argmin(axis=1)
    assert set(nearest) == set(range(modes))
    # The mean squared distance to the own mode is that of two dimensions, of deviation 1 / sqrt n of itself.
    assert abs((apart.min(axis=1) ** 2).mean() / (2 * deviation**2) - 1) < 4 / 20_000**0.5
    shares = np.bincount(nearest) / 20_000
    assert np.abs(shares - 1 / modes).max() < 5 * (1 / modes / 20_000) ** 0.5


def test_the_real_distribution_finds_all_modes() -> None:
    real = toys.mixture("grid")
    found = toys.measures(real(KEY, toys.SAMPLES), real(jax.random.key(1), toys.SAMPLES), "grid")
    assert found["modes"] == 25
    assert found["near"] == pytest.approx(1 - np.exp(-4.5), abs=4 * 0.105 / 100)  # Rayleigh: exp(-3^2 / 2)
    assert found["distance"] < 2 * found["floor"] < 0.2


def test_the_budgets() -> None:
    small, paper = (set(toys.cells(budget, 10, [])) for budget in ("small", "paper"))
    pairs = {(cell.objective, cell.solver) for cell in paper}
    assert pairs == set(itertools.product(toys.OBJECTIVES, toys.SOLVERS))
    assert {(cell.data, cell.objective) for cell in small if cell.solver == "alternating"} == set(
        itertools.product(("ring", "grid"), toys.OBJECTIVES)
    )
    assert {cell.solver for cell in small if cell.objective == "minimax"} == set(toys.SOLVERS)
    assert len({cell.name for cell in small | paper}) == len(small | paper)
    every = set(toys.cells("small", 10, [], whole=True))
    assert small < every and len(every) == len(paper) and {cell.steps for cell in every} == {1_500}
    assert {cell.solver for cell in toys.cells("paper", 2, ["unrolled"])} == {"unrolled(5)"}


@pytest.mark.parametrize(("objective", "solver"), [("R3GAN", "competitive (ACGD)"), ("DRAGAN", "optimistic")])
def test_any_pair_can_be_played(objective: str, solver: str) -> None:
    gan, optimizers, step = toys.Cell("ring", objective, solver, 1, 1).parts()
    points = {"image": jax.ShapeDtypeStruct((toys.BATCH, 2), jnp.float32)}
    state = jax.eval_shape(lambda key: toys.game.init(gan, optimizers, key, points), KEY)
    batches = {"image": jax.ShapeDtypeStruct((2, toys.BATCH, 2), jnp.float32)}
    after, logs = jax.eval_shape(step, state, batches, KEY)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert "discriminator/loss" in logs


def test_the_table_and_its_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(toys.STEPS, "smoke", 2)
    text = toys.make(tmp_path, budget="smoke", seeds=2, only="alternating")
    assert text == (tmp_path / "toys.md").read_text()
    assert "2 steps, 2 seeds" in text
    assert text.count("| minimax | alternating |") == 2  # ring and grid
    rows = (tmp_path / "toys.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * 2 and rows[1].startswith("ring,minimax,alternating,2,0,")
    assert rows[1] != rows[2].replace(",2,1,", ",2,0,"), "seeds differ"
    for name in ("ring", "grid"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    # Finished cells are not played again.
    monkeypatch.setattr(toys, "play", None)
    assert toys.make(tmp_path, budget="smoke", seeds=2, only="alternating") == text


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="seeds must be at least 1; got 0"):
        toys.make(tmp_path, seeds=0)
    with pytest.raises(
        InputError, match=r"'sgd' leaves no cell .*; objectives: minimax, .*solvers: alternating"
    ):
        toys.make(tmp_path, only="sgd")
    assert dataclasses.is_dataclass(toys.Cell)
