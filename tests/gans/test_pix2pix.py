"""pix2pix's losses by hand, who is moved by which, and what its noise is."""

from typing import Any

import flax.linen as nn
import games
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from games import Times, play
from jax import Array
from rounding import widest

from gaxjax import game
from gaxjax.errors import InputError
from gaxjax.gans.pix2pix import Pix2Pix
from gaxjax.networks.unet import UNet

BATCH = {"a": jnp.ones((3, 2, 2, 1)), "b": 3 * jnp.ones((3, 2, 2, 1))}


class Total(nn.Module):
    """Logits, one for each pixel: the sum of its channels times a parameter."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return Times(0.5)(jnp.sum(x, axis=-1))


def doubling(**fields: Any) -> Pix2Pix:
    return Pix2Pix(Times(2.0), Total(), **fields)


@pytest.mark.usefixtures("float64")
def test_losses_by_hand() -> None:
    """Made is 2 for a target of 3; beside a source of 1, a logit is half of 3, of a real pair half of 4."""
    gan, batch = doubling(), widest(BATCH)
    state = games.begin(gan, batch=batch)
    loss, logs, _, gradient = play(gan, "discriminator", state, batch)
    np.testing.assert_allclose(loss, np.log1p(np.exp(-2)) + np.log1p(np.exp(1.5)), rtol=1e-12)
    assert (logs["real_logits"], logs["fake_logits"]) == (2, 1.5) and set(gradient) == {"discriminator"}

    loss, logs, _, gradient = play(gan, "generator", state, batch)
    fooling = np.log1p(np.exp(-1.5))
    np.testing.assert_allclose([loss, logs["l1"], logs["fooling"]], [fooling + 100, 1, fooling], rtol=1e-12)
    assert set(gradient) == {"generator"}
    # d/dp of log(1 + exp(-(1 + p) / 2)) + 100 (3 - p) at p = 2.
    slope = -0.5 / (1 + np.exp(1.5)) - 100
    np.testing.assert_allclose(gradient["generator"]["factor"], slope, rtol=1e-12)

    unconditional = doubling(conditional=False, l1=0.0)
    loss, logs, _, _ = play(unconditional, "generator", state, batch)
    np.testing.assert_allclose(loss, np.log1p(np.exp(-1)), rtol=1e-12)
    assert play(unconditional, "discriminator", state, batch)[1]["real_logits"] == 1.5


def test_without_the_discriminators_share_it_is_regression() -> None:
    gan = doubling(weight=0.0)
    state = games.begin(gan, batch=BATCH)
    assert set(state.params) == set(gan.players) == {"generator"}
    loss, logs, _, _ = play(gan, "generator", state, BATCH)
    assert set(logs) == {"loss", "l1"}
    np.testing.assert_allclose(loss, 100, rtol=1e-6)


@pytest.mark.parametrize(
    ("generator", "latents"),
    [
        (UNet(1, features=2, depth=2), 0),
        (UNet(1, features=2, depth=2, dropout=0.0, latents="all"), 2),
    ],
)
def test_its_noise_is_there_when_it_samples(generator: UNet, latents: int) -> None:
    """Dropout draws from the key of the samples, and so do latents."""
    gan = Pix2Pix(generator, Total(), weight=0.0, latents=latents)
    batch = {"a": jax.random.normal(jax.random.key(1), (2, 4, 4, 1)), "b": jnp.ones((2, 4, 4, 1))}
    state = games.begin(gan, batch=batch)
    sample = quick.compiled(lambda key: game.sample(gan, state, batch, key), jax.random.key(0))
    first, second, again = (sample(jax.random.key(seed)) for seed in (0, 1, 0))
    assert list(first) == ["a", "a to b", "b"]
    assert np.any(first["a to b"] != second["a to b"])
    np.testing.assert_array_equal(first["a to b"], again["a to b"])


def test_what_are_no_pairs_is_refused() -> None:
    with pytest.raises(InputError, match=r"needs batches with images 'a' and 'b'; the data has \['image'\]"):
        games.begin(doubling(), batch={"image": BATCH["a"]})
    small = {"a": BATCH["a"], "b": jnp.ones((3, 1, 1, 1))}
    with pytest.raises(InputError, match=r"x and y must have one shape; got \(3, 2, 2, 1\)"):
        play(doubling(weight=0.0), "generator", games.begin(doubling(weight=0.0), batch=small), small)
