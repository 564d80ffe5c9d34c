"""LAPGAN: levels that play by themselves, and samples that are made of one another."""

import functools
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import quick
from jax import Array

from gaxjax.bench.parameters import parameters
from gaxjax.errors import InputError
from gaxjax.game import State, init, networks, objective, sample
from gaxjax.gans import LAPGAN
from gaxjax.generators.model import count_classes
from gaxjax.latents import Latents
from gaxjax.layers.conditioning import Concatenated
from gaxjax.layers.pyramid import up
from gaxjax.networks.lapgan import CoarseDiscriminator, ResidualDiscriminator, ResidualGenerator
from gaxjax.networks.mlp import Generator

KEY = jax.random.key(3)
SIZES = ((3, 3), (7, 7))
GAME = LAPGAN(
    generators=(
        Concatenated(Generator((3, 3, 2), features=(4,), output="none"), classes=3),
        ResidualGenerator(2, features=2, kernels=(3, 3, 3), classes=3),
    ),
    discriminators=(CoarseDiscriminator((4,), classes=3), ResidualDiscriminator(2, kernel=3, classes=3)),
    sizes=SIZES,
    latents=Latents(4, "uniform"),
)
RANDOM = np.random.default_rng(0)
BATCH = {"image": jnp.asarray(RANDOM.uniform(-1, 1, (4, 7, 7, 2))), "label": jnp.array([0, 1, 2, 0])}


@functools.cache
def begun() -> State:
    """A state of random parameters, which nothing has to be compiled for."""
    rules = dict.fromkeys(GAME.players, optax.sgd(0.1))
    shapes = jax.eval_shape(lambda: init(GAME, rules, KEY, BATCH))
    return jax.tree.map(lambda x: jnp.asarray(RANDOM.normal(0, 0.5, x.shape), x.dtype), shapes)


@functools.cache
def draw() -> Any:
    """state -> samples, compiled once."""
    return quick.compiled(lambda state, batch: sample(GAME, state, batch, KEY), begun(), BATCH)


@pytest.mark.parametrize(
    # Of a discriminator's loss a generator has a part too, so that both are in it.
    "player",
    ["discriminator", pytest.param("generator", marks=pytest.mark.slow)],
)
def test_a_level_moves_its_own_networks_alone(player: str) -> None:
    """Each level's loss by all parameters: those of the other level have no part in it, exactly."""

    def losses(params: Any) -> dict[str, Array]:
        # All networks as if they were the player's.
        _, (logs, _) = objective(GAME, player, begun(), BATCH, KEY)(params)
        return {level: logs[f"{level}_loss"] for level in GAME.subgames}

    def slopes(params: Any) -> Any:
        values, pull = jax.vjp(losses, params)
        return {level: pull({k: jnp.where(k == level, 1.0, 0.0) for k in values})[0] for level in values}

    for level, by_network in quick.run(slopes, begun().params).items():
        for name, tree in by_network.items():
            size = sum(float(jnp.abs(x).sum()) for x in jax.tree.leaves(tree))
            assert (size > 0) == (name in GAME.subgames[level]), f"{level} and {name}"
    moved = networks(GAME, (field for fields in GAME.players.values() for field in fields))
    assert sorted(name for pair in GAME.subgames.values() for name in pair) == sorted(moved)


def test_samples_go_from_coarse_to_fine() -> None:
    images = draw()(begun(), BATCH)
    assert {name: x.shape for name, x in images.items()} == {
        f"level {level}": (4, *size, 2) for level, size in enumerate(SIZES)
    }
    assert np.abs(images["level 1"] - up(images["level 0"], SIZES[1])).max() > 1e-3
    # Without residuals a level is the enlarged one before it, and only that.
    still = {**begun().average, "generators_1": jax.tree.map(jnp.zeros_like, begun().average["generators_1"])}
    images = draw()(begun()._replace(average=still), BATCH)
    np.testing.assert_allclose(images["level 1"], up(images["level 0"], SIZES[1]), atol=1e-6)


def test_every_level_is_told_the_class() -> None:
    one, other = (draw()(begun(), {**BATCH, "label": jnp.full(4, label)}) for label in (0, 2))
    residuals = [images["level 1"] - up(images["level 0"], SIZES[1]) for images in (one, other)]
    assert np.abs(one["level 0"] - other["level 0"]).max() > 1e-3
    assert np.abs(residuals[0] - residuals[1]).max() > 1e-5
    assert count_classes(GAME, None) == 3  # which samples may be asked for


def test_each_network_is_shown_by_its_level() -> None:
    stage = SimpleNamespace(gan=GAME)
    program: Any = SimpleNamespace(state=begun(), stage=stage, recipe=stage)
    lines = [line.split() for line in parameters([program]).splitlines()[1:-1]]
    assert {name: kind for name, kind, _ in lines} == {
        "discriminators_0": "CoarseDiscriminator",
        "discriminators_1": "ResidualDiscriminator",
        "generators_0": "Concatenated",
        "generators_1": "ResidualGenerator",
    }


def test_without_classes() -> None:
    coarse = Generator((4, 4, 1), features=(4,))
    game = replace(
        GAME,
        generators=(coarse, ResidualGenerator(1, features=2, kernels=(1, 1, 1))),
        discriminators=(CoarseDiscriminator((4,)), ResidualDiscriminator(2, kernel=3)),
        sizes=((4, 4), (6, 8)),
        condition="",
    )
    batch = {"image": jnp.zeros((2, 6, 8, 1))}
    rules = dict.fromkeys(game.players, optax.sgd(0.1))
    state = jax.eval_shape(lambda key: init(game, rules, key, batch), KEY)
    shapes = jax.eval_shape(lambda s: sample(game, s, {"n": 5}, KEY), state)
    assert shapes["level 1"].shape == (5, 6, 8, 1)


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match="a pair of networks for each size; got 2 generators, 1 discrim"):
        replace(GAME, discriminators=GAME.discriminators[:1])
    rules = dict.fromkeys(GAME.players, optax.sgd(0.1))
    with pytest.raises(InputError, match=r"sizes go from coarse to fine and end with .* \(9, 9\); got"):
        init(GAME, rules, KEY, {**BATCH, "image": jnp.zeros((4, 9, 9, 2))})
