"""BicycleGAN: losses by hand, whom the latent term moves, and what its networks are shown."""

import functools
from dataclasses import replace
from typing import Any

import flax.linen as nn
import games
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from games import Number, Times, play
from jax import Array

from gaxjax.errors import InputError
from gaxjax.game import State, call_averaged
from gaxjax.gans import BicycleGAN
from gaxjax.latents import Latents
from gaxjax.networks.multiscale import Multiscale
from gaxjax.networks.residual import Encoder

pytestmark = pytest.mark.usefixtures("float64")
A = np.array([0.2, -0.4, 0.6])
B = np.array([0.5, 0.1, -0.3])
BATCH = {name: np.broadcast_to(x[:, None, None, None], (3, 2, 2, 1)) for name, x in (("a", A), ("b", B))}


class Shift(nn.Module):
    """Images times a number, and the first latent added."""

    @nn.compact
    def __call__(self, x: Array, latents: Array) -> Array:
        return Times(1.5)(x) + latents[:, :1, None, None]


class Mean(nn.Module):
    """The mean pixel times a number, [B]."""

    factor: float

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return Times(self.factor)(jnp.mean(x, axis=(1, 2, 3)))


class Reader(nn.Module):
    """A code of one number: the mean pixel times a number, of a log-variance of its own."""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        mean = Mean(2.0)(x)[:, None]
        return {"mean": mean, "log_variance": jnp.full_like(mean, Number(-60.0)())}


# A prior, and a posterior, so narrow that codes are known: 0, and the mean.
GAME = BicycleGAN(Shift(), Reader(), Mean(0.5), Mean(-1.0), Latents(1, "uniform", bound=1e-14))


@pytest.fixture
def state(float64: None) -> State:
    return begun()


@functools.cache
def begun() -> State:
    return games.begin(GAME, batch=BATCH)


@functools.cache
def generator_move() -> Any:
    """Compiled once for both who look at it."""
    return play(GAME, "generator", begun(), BATCH)


def test_losses_by_hand(state: State) -> None:
    encoded, drawn = 1.5 * A + 2 * B, 1.5 * A
    loss, logs, _, gradient = play(GAME, "discriminator", state, BATCH)
    expected = sum(
        np.mean((factor * B - 1) ** 2) / 2 + np.mean((factor * fake) ** 2) / 2
        for factor, fake in ((0.5, encoded), (-1.0, drawn))
    )
    np.testing.assert_allclose(loss, expected, rtol=1e-10)
    assert set(gradient) == {"discriminator", "latent_discriminator"}
    np.testing.assert_allclose(logs["drawn_fake_logits"], np.mean(-drawn), rtol=1e-10)

    loss, logs, _, gradient = generator_move()
    fooling = np.mean((0.5 * encoded - 1) ** 2) / 2 + np.mean((-drawn - 1) ** 2) / 2
    terms = {
        "fooling": fooling,
        "reconstruction": np.mean(np.abs(encoded - B)),
        "recovery": np.mean(np.abs(2 * drawn)),
        "divergence": np.mean((2 * B) ** 2 - 1 + 60) / 2,
    }
    np.testing.assert_allclose([logs[name] for name in terms], list(terms.values()), rtol=1e-10)
    weights = {"fooling": 1, "reconstruction": 10, "recovery": 0.5, "divergence": 0.01}
    np.testing.assert_allclose(loss, sum(weights[name] * terms[name] for name in terms), rtol=1e-10)
    assert set(gradient) == {"generator", "encoder"}


def test_encoder_is_untouched_by_the_latent_term(state: State) -> None:
    """With the term or without it, the encoder moves alike, bit for bit; the generator does not."""
    with_term = generator_move()[3]
    without = play(replace(GAME, recovery=0.0), "generator", state, BATCH)[3]
    assert jax.tree.leaves(with_term["encoder"]) == jax.tree.leaves(without["encoder"])
    assert any(np.any(leaf != 0) for leaf in jax.tree.leaves(without["encoder"]))
    # d mean|2 (g a)| / dg, of the draws' images.
    slope = (
        np.ravel(jax.tree.leaves(with_term["generator"]))[0]
        - np.ravel(jax.tree.leaves(without["generator"]))[0]
    )
    np.testing.assert_allclose(slope, 0.5 * np.mean(2 * np.abs(A)), rtol=1e-10)


def test_rows_of_samples(state: State) -> None:
    rows = call_averaged(GAME, state, jax.random.key(0), "sample", BATCH)
    assert list(rows) == sorted(rows) == ["a", "a to b", "b", "b to code to b"]
    np.testing.assert_allclose(rows["a to b"][:, 0, 0, 0], 1.5 * A, rtol=1e-10)
    np.testing.assert_allclose(rows["b to code to b"][:, 1, 1, 0], 1.5 * A + 2 * B, rtol=1e-10)
    with pytest.raises(InputError, match=r"needs batches with images 'a' and 'b'; the data has \['image'\]"):
        games.begin(GAME, batch={"image": BATCH["a"]})


class Pixels(nn.Module):
    """The image itself, as logits of patches."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return Times(1.0)(x)[..., 0]


def test_scales_and_codes_of_any_size() -> None:
    x = jax.random.normal(jax.random.key(0), (2, 5, 6, 3))

    def call(key: Array) -> Any:
        scales = Multiscale((Pixels(), Pixels())).init_with_output(key, x)[0]
        code, variables = Encoder(4, features=2, blocks=1).init_with_output(key, x)
        return scales["logits"], code, variables["params"]

    logits, code, params = quick.run(call, jax.random.key(1))
    assert [each.shape for each in logits] == [(2, 5, 6), (2, 3, 3)]
    image = np.asarray(x[..., 0])
    # Means of what is there: of four pixels in a corner, of nine in the middle.
    np.testing.assert_allclose(logits[1][:, 0, 0], image[:, :2, :2].mean(axis=(1, 2)), rtol=1e-10)
    np.testing.assert_allclose(logits[1][:, 1, 1], image[:, 1:4, 1:4].mean(axis=(1, 2)), rtol=1e-10)
    assert {name: x.shape for name, x in code.items()} == {"mean": (2, 4), "log_variance": (2, 4)}
    # The first layer; and two of a block, beside its shortcut.
    kernels = sorted(leaf.shape for leaf in jax.tree.leaves(params) if leaf.ndim == 4)
    assert kernels == [(1, 1, 2, 4), (3, 3, 2, 2), (3, 3, 2, 4), (4, 4, 3, 2)]
