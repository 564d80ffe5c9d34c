"""A minibatch in parts: the whole one's gradient, step and run; and who may not be taken apart."""

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import quick
import runs
import styled
from games import Ledger
from jax import Array
from rounding import widest

from gaxjax import cli, solvers
from gaxjax.adversary import Adversary
from gaxjax.augmentations import Augment, Noise
from gaxjax.errors import InputError
from gaxjax.expressions import parse_value
from gaxjax.game import GAN, Batch, init
from gaxjax.gans.adversarial import Adversarial
from gaxjax.gans.cyclegan import CycleGAN
from gaxjax.gans.mocogan import MoCoGAN
from gaxjax.gans.msg_gan import MSGGAN
from gaxjax.gans.stylegan import StyleGAN
from gaxjax.latents import Latents
from gaxjax.layers.conditioning import Head
from gaxjax.layers.modules import Mixing
from gaxjax.layers.standard import Dense, flatten
from gaxjax.networks import dcgan, mlp, mocogan, msg, progressive, style, translation
from gaxjax.penalties import R1
from gaxjax.recipe import Data, Optimizer, Recipe
from gaxjax.solvers.accumulation import split_batch
from gaxjax.solvers.step import compute_gradient

SHAPE, SIZE, BATCH = (8, 8, 2), 5, 8
KEY = jax.random.key(1)


class Given(StyleGAN):
    """A StyleGAN whose latents come with the batch."""

    def sample_latents(self, batch: Batch) -> Array:
        return batch["latents"]


STYLED = Given(
    style.Generator(SHAPE, features=16, style_size=SIZE, mapping_layers=1, taps=(), noise=False),
    progressive.Discriminator(SHAPE, features=16, group=4),
    Latents(SIZE),
    Adversary(penalties=(R1(),)),
)


class GivenMSGGAN(MSGGAN):
    """An MSG-GAN whose latents come with the batch."""

    def sample_latents(self, batch: Batch) -> Array:
        return batch["latents"]


OF_SCALES = GivenMSGGAN(
    replace(STYLED.generator, output="every"),
    msg.Discriminator(SHAPE, features=16, combine="cat_lin", group=4),
    STYLED.latents,
    STYLED.adversary,
)
TRANSLATING = CycleGAN(
    *[translation.ResidualGenerator(2, features=2, blocks=1) for _ in range(2)],
    *[translation.PatchDiscriminator(features=2, patch=16) for _ in range(2)],
    pool=0,
)


class GivenMoCoGAN(MoCoGAN):
    """A MoCoGAN whose content, category and motion come with the batch."""

    def sample_latents(self, batch: Batch, frames: int | None = None) -> tuple[Array, Array, Array]:
        return batch["content"], batch["category"], batch["motion"]


MOVING = GivenMoCoGAN(
    mocogan.Motion(),
    dcgan.Generator(SHAPE, features=2, depth=1, norm="none"),
    mocogan.Discriminator(features=2, depth=1, norm="none"),
    Head(mocogan.Discriminator(features=2, depth=1, norm="none"), "code", 2),
    frames=4,
    content=Latents(3),
    code=Latents(2, "categorical"),
    motion=Latents(2),
)
GAMES = {"styles": STYLED, "scales": OF_SCALES, "translation": TRANSLATING, "clips": MOVING}
ADVERSARIAL = Adversarial(
    dcgan.Generator(SHAPE, features=2, depth=1, norm="none"),
    dcgan.Discriminator(features=2, depth=1, norm="none"),
    Latents(SIZE),
)


def batch_of(seed: int, *leading: int) -> dict[str, Array]:
    keys = jax.random.split(jax.random.key(seed), 7)
    found = {
        name: jax.random.uniform(key, (*leading, BATCH, *SHAPE), minval=-1.0)
        for name, key in zip(("image", "a", "b"), keys, strict=False)
    }
    found["latents"] = jax.random.normal(keys[3], (*leading, BATCH, SIZE))
    found["video"] = jax.random.uniform(keys[4], (*leading, BATCH, 4, *SHAPE), minval=-1.0)
    found["content"] = jax.random.normal(keys[5], (*leading, BATCH, 3))
    found["category"] = jnp.broadcast_to(jnp.eye(2)[jnp.arange(BATCH) % 2], (*leading, BATCH, 2))
    return {**found, "motion": jax.random.normal(keys[6], (*leading, BATCH, 5, 2))}


def begun(gan: GAN) -> tuple[dict[str, Any], Any]:
    rules = dict.fromkeys(gan.players, optax.sgd(0.01))
    return rules, quick.run(lambda key: init(gan, rules, key, batch_of(0)), KEY)


def close(found: Any, expected: Any) -> None:
    """Of float64: sums in another order, some of which are zero, round their terms, and no more."""
    chex.assert_trees_all_equal_structs(found, expected)
    chex.assert_trees_all_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "name",
    ["styles", *(pytest.param(name, marks=pytest.mark.slow) for name in ("scales", "translation", "clips"))],
)
def test_gradients_logs_and_statistics_are_those_of_the_whole(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a penalty, of the average of w, and of standard deviations of groups across the minibatch.

    Of scales these are at every level.
    """
    if name == "clips":
        # The frames that are judged: a part has a key of its own, and would draw others.
        monkeypatch.setattr(jax.random, "randint", lambda key, shape, *_: jnp.zeros(shape, int))
    gan = GAMES[name]
    _, state = begun(gan)

    def all_of(parts: int) -> Any:
        def run(state: Any, batch: Batch) -> Any:
            return {player: compute_gradient(gan, player, state, batch, KEY, parts) for player in gan.players}

        return quick.run(run, widest(state), batch_of(3))

    expected, found = all_of(1), all_of(2)
    close(found, expected)
    for player in gan.players:
        assert max(float(abs(x).max()) for x in jax.tree.leaves(found[player][0])) > 1e-3


class GivenAdversarial(Adversarial):
    """A game whose latents come with the batch."""

    def sample_latents(self, batch: Batch) -> Array:
        return batch["latents"]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("solver", ["alternating", "simultaneous", "extragradient"])
def test_a_step_is_that_of_the_whole(solver: str) -> None:
    """In float64, for a gradient at where another one led can be far off by rounding alone."""
    gan = GivenAdversarial(ADVERSARIAL.generator, ADVERSARIAL.discriminator, Latents(SIZE))
    rules, state = begun(gan)
    updates = dict.fromkeys(gan.players, 1)

    arguments = widest(state), batch_of(3, 2), KEY
    expected, found = (
        quick.run(
            parse_value(solver, solvers.Solver)(gan, rules, updates, 100.0, accumulate=parts), *arguments
        )
        for parts in (1, 4)
    )
    close(found, expected)
    before, after = (jax.tree.leaves(s.params["generator"]) for s in (state, found[0]))
    # Far more than what `close` lets pass.
    assert max(np.abs(x - y).max() for x, y in zip(before, after, strict=True)) > 1e-5


def test_each_part_draws_by_itself_and_means_are_taken() -> None:
    gan, batch = Ledger(), batch_of(3)
    _, state = begun(gan)
    key = jax.random.key(5)
    gradient, logs, stats = compute_gradient(gan, "first", state, batch, key, 4)
    parts = split_batch(batch, 4)
    each = [
        compute_gradient(gan, "first", state, {name: x[i] for name, x in parts.items()}, part_key)
        for i, part_key in enumerate(jax.random.split(key, 4))
    ]
    assert len({float(log["draw"]) for _, log, _ in each}) == 4
    np.testing.assert_allclose(logs["draw"], np.mean([log["draw"] for _, log, _ in each]), rtol=1e-5)
    np.testing.assert_allclose(gradient["d"]["value"], batch["image"].mean(), rtol=1e-4)
    assert stats["count"]["moves"] == 1  # one move, however many parts


def test_parts_are_spread_over_the_minibatch() -> None:
    """Each takes as many examples of every device's share as any other."""
    rows = split_batch({"x": np.arange(12)}, 3)["x"]
    np.testing.assert_array_equal(rows, [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]])


def test_less_memory() -> None:
    """What a step needs besides its arguments."""
    gan = replace(ADVERSARIAL, generator=replace(ADVERSARIAL.generator, features=32))
    rules, state = begun(gan)
    batches = {"image": jax.ShapeDtypeStruct((2, 64, *SHAPE), np.float32)}
    needed = []
    for parts in (1, 8):
        step = solvers.alternating(gan, rules, dict.fromkeys(gan.players, 1), accumulate=parts)
        compiled = jax.jit(step).lower(state, batches, KEY).compile(quick.OPTIONS)
        needed.append(compiled.memory_analysis().temp_size_in_bytes)
    assert needed[1] < needed[0] / 2


NORMED = dcgan.Discriminator(features=2, depth=2)
REFUSED: list[tuple[GAN, int, str]] = [
    (replace(ADVERSARIAL, discriminator=NORMED), 2, r"discriminator \(Discriminator\) has batch norm"),
    (
        replace(ADVERSARIAL, discriminator=mlp.Discriminator((4,), minibatch_kernels=2)),
        2,
        "discriminator .* has minibatch discrimination.*use minibatch_kernels 0, or accumulate 1",
    ),
    (replace(TRANSLATING, pool=2), 2, "pool_a.* has a pool of fake images"),
    (
        replace(
            ADVERSARIAL, adversary=replace(ADVERSARIAL.adversary, augment=Augment((Noise(),), target=0.6))
        ),
        2,
        "adversary.* has an adaptive probability",
    ),
    (STYLED, 4, r"discriminator \(Discriminator\) has .* groups of 4, which parts of 2 .* multiple of 16"),
    (ADVERSARIAL, 3, "batch_size 8 is not divisible into accumulate=3 parts; use 6 or 9"),
]


class Sorting(nn.Module):
    """A layer of somebody's own, inside a network of somebody's own."""

    mixes_examples: ClassVar = Mixing("sorting", "no sorting")

    def __call__(self, x: Array) -> Array:
        return jnp.sort(x, axis=0)


class Ranks(nn.Module):
    """Logits that depend on the minibatch, by a layer without parameters."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return Sorting()(Dense(1)(flatten(x)))[:, 0]


REFUSED.append(
    (replace(ADVERSARIAL, discriminator=Ranks()), 2, r"\(Ranks\) has sorting.*: use no sorting, or")
)


@pytest.mark.parametrize(("gan", "parts", "message"), REFUSED)
def test_who_sees_the_minibatch_as_a_whole_is_refused(gan: GAN, parts: int, message: str) -> None:
    rules = dict.fromkeys(gan.players, optax.sgd(0.1))
    state = jax.eval_shape(lambda: init(gan, rules, KEY, batch_of(0)))
    player = next(iter(gan.players))
    with pytest.raises(InputError, match=message):
        jax.eval_shape(lambda state: compute_gradient(gan, player, state, batch_of(0), KEY, parts), state)


def test_recipes_that_cannot_be_are_refused() -> None:
    recipe = Recipe(
        ADVERSARIAL,
        dict.fromkeys(ADVERSARIAL.players, Optimizer()),
        Data("digits", shape=SHAPE),
        batch_size=8,
        kimg=1,
    )
    assert replace(recipe, accumulate=4).accumulate == 4
    for changes, message in (
        ({"accumulate": 0}, "accumulate must be at least 1; got 0"),
        ({"accumulate": 3}, "batch_size 8 is not divisible into accumulate=3 parts; use 6 or 9"),
        (
            {"accumulate": 2, "solver": solvers.Unrolled(3)},
            r"Unrolled\(k=3\) differentiates through gradients",
        ),
        (
            {"accumulate": 2, "solver": solvers.Competitive()},
            "Competitive.* differentiates through gradients",
        ),
        ({"solver": "unrolled(3)"}, r"solver is a value of gaxjax.solvers, .*; got 'unrolled\(3\)'"),
    ):
        with pytest.raises(InputError, match=message):
            replace(recipe, **changes)


@pytest.mark.slow  # parts leave nothing in a state; test_meshes.py has a run in parts
def test_a_run_in_parts_that_goes_on_is_one_that_never_stopped(tmp_path: Path) -> None:
    text = styled.CONDITIONAL.replace("depth=1)", 'depth=1, norm="none")')
    recipe = runs.write_recipe(tmp_path, text)

    def train(workdir: str, kimg: str, *flags: str) -> int:
        command = ["train", str(recipe), "--workdir", str(tmp_path / workdir), "--kimg", kimg]
        return cli.main([*command, "--accumulate", "2", *flags])

    assert train("whole", "0.032") == 0
    assert train("stopped", "0.016") == 0 and train("stopped", "0.032") == 0
    assert runs.stored(tmp_path / "whole", 4) == runs.stored(tmp_path / "stopped", 4)
    assert train("stopped", "0.032", "--batch-size", "9") == 2
