"""The evidence lower bound as a metric: by hand, and of which images it is."""

from dataclasses import replace
from typing import Any

import flax.linen as nn
import games
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from gaxjax.data import Data, open_source
from gaxjax.errors import InputError
from gaxjax.evaluation.evaluator import Evaluator
from gaxjax.gans.vae import VAE
from gaxjax.latents import Latents
from gaxjax.recipe.evaluation import Evaluation

DIGITS = Data("digits", shape=(8, 8, 1), split="train[:100]")
HELD_OUT = "train[100:250]"


class Fixed(nn.Module):
    """One posterior for every image, N(0.3, 0.25) in two variables."""

    @nn.compact
    def __call__(self, images: Array) -> dict[str, Array]:
        mean = jnp.full((len(images), 2), self.param("mean", lambda key: jnp.array(0.3)))
        return {"mean": mean, "log_variance": jnp.full_like(mean, jnp.log(0.25))}


class Shift(nn.Module):
    """Images of one logit, or gray: the first latent times a parameter."""

    slope: float

    @nn.compact
    def __call__(self, latents: Array) -> Array:
        slope = self.param("slope", lambda key: jnp.array(self.slope))
        return jnp.broadcast_to((slope * latents[:, 0] - 1)[:, None, None, None], (len(latents), 8, 8, 1))


def measure(gan: VAE, evaluation: Evaluation) -> Any:
    state = games.begin(gan, batch={"image": jnp.zeros((2, 8, 8, 1))})
    evaluator = Evaluator(evaluation, DIGITS)
    (result,) = evaluator(gan, state, open_source(DIGITS), 0, "")
    return result


def test_bound_by_hand() -> None:
    """Without a slope every draw decodes to a logit of -1; with one, errors are averaged over draws."""
    result = measure(VAE(Fixed(), Shift(0.0), Latents(2)), Evaluation("elbo", split=HELD_OUT))
    shares = open_source(replace(DIGITS, split=HELD_OUT)).take(np.arange(150))["image"] / 255.0
    p = 1 / (1 + np.e)
    errors = -np.sum(shares * np.log(p) + (1 - shares) * np.log(1 - p), axis=(1, 2, 3))
    divergence = 2 * 0.5 * (0.3**2 + 0.25 - 1 - np.log(0.25))
    assert result.value == pytest.approx(-errors.mean() - divergence, rel=1e-5)
    assert result.error == pytest.approx(errors.std() / np.sqrt(150), rel=1e-4)
    # 150 images are all that there are; none counts twice.
    assert (result.fake, result.real, result.split, result.seed) == (150, 0, HELD_OUT, 0)
    said = str(result)
    assert (
        said.startswith("ELBO -")
        and f"150 images of digits at 8x8x1 (crop, lanczos), split {HELD_OUT}" in said
    )
    assert "nats an image; 10 draws of the latents" in said and f"KL {divergence:.2f}" in said


def test_draws_are_averaged() -> None:
    """Of a normal likelihood the mean over draws is known: its square has the variance of what is decoded."""
    gan = VAE(Fixed(), Shift(2.0), Latents(2), likelihood="normal")
    images = open_source(replace(DIGITS, split=HELD_OUT)).take(np.arange(150))["image"] / 127.5 - 1.0
    # Decoded: 2 z - 1, z of N(0.3, 0.25).
    squares = np.sum((images - (2 * 0.3 - 1)) ** 2 + 4 * 0.25, axis=(1, 2, 3)) / 2
    expected = -squares.mean() - 32 * np.log(2 * np.pi) - (0.3**2 + 0.25 - 1 - np.log(0.25))
    # The standard error of 1,500 draws, whose squares deviate by some 40 nats, is 1.
    assert measure(gan, Evaluation("elbo", split=HELD_OUT)).value == pytest.approx(expected, abs=5)


def test_a_game_without_a_bound_is_refused() -> None:
    evaluator = Evaluator(Evaluation("elbo"), DIGITS)
    with pytest.raises(InputError, match=r"and Ledger has none: it needs the method bound_terms\(batch\)"):
        evaluator.check(games.Ledger(), None, open_source(DIGITS).spec)
