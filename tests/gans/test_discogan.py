"""DiscoGAN's losses by hand, and what of its recipe is the authors' code's."""

from typing import Any

import flax.linen as nn
import games
import jax.numpy as jnp
import numpy as np
import pytest
from games import Times, play
from jax import Array

from gaxjax.errors import InputError
from gaxjax.gans.discogan import DiscoGAN
from gaxjax.losses import layer_matching
from gaxjax.recipe.serialization import load_recipe
from gaxjax.solvers.step import minibatches_per_step


class Layers(nn.Module):
    """Pixels times a parameter, and their squares, as the features of two layers; the logit is their mean."""

    factor: float
    named: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Any:
        x = Times(self.factor)(x)
        logits = jnp.mean(x, axis=(1, 2, 3))
        return {"logits": logits, "features": (x, x**2)} if self.named else logits


def softplus(x: np.ndarray) -> np.ndarray:
    return np.log1p(np.exp(x))


@pytest.mark.usefixtures("float64")
def test_discogan_by_hand() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 5, 2, 3, 1))
    gan = DiscoGAN(Times(3.0), Times(0.5), Layers(0.7), Layers(-0.4), first_steps=2)
    state = games.begin(gan, batch={"a": a, "b": b})
    domains = [(a, 0.5 * b, 0.7), (b, 3.0 * a, -0.4)]
    fooling = matching = discriminating = 0.0
    for real, fake, factor in domains:
        of_real, of_fake = ((factor * x).mean(axis=(1, 2, 3)) for x in (real, fake))
        fooling += softplus(-of_fake).mean()
        discriminating += softplus(-of_real).mean() + softplus(of_fake).mean()
        for power in (1, 2):
            means = [((factor * x) ** power).mean(axis=0) for x in (real, fake)]
            matching += ((means[0] - means[1]) ** 2).mean()
    # There and back is 1.5 times what was there; of pixels in [0, 1], half of the difference.
    reconstruction = (0.25 * a) ** 2 + (0.25 * b) ** 2

    loss, logs, _, gradient = play(gan, "discriminator", state, {"a": a, "b": b})
    np.testing.assert_allclose(loss, discriminating, rtol=1e-12)
    assert set(gradient) == {"discriminator_a", "discriminator_b"}
    for step, r in ((0, 0.01), (1, 0.01), (2, 0.5)):
        here = state._replace(step=jnp.int32(step))
        loss, logs, _, gradient = play(gan, "generator", here, {"a": a, "b": b})
        adversarial = 0.1 * fooling + 0.9 * matching
        np.testing.assert_allclose(loss, (1 - r) * adversarial + r * reconstruction.mean(), rtol=1e-12)
        assert set(gradient) == {"generator_ab", "generator_ba"} and logs["r"] == r
    np.testing.assert_allclose(logs["matching"], matching, rtol=1e-12)


def test_features_are_needed_where_they_are_matched_alone() -> None:
    batch = {"a": jnp.ones((2, 2, 2, 1)), "b": jnp.ones((2, 2, 2, 1))}

    def game(**fields: Any) -> DiscoGAN:
        return DiscoGAN(Times(1.0), Times(1.0), Layers(1.0, False), Layers(1.0, False), **fields)

    with pytest.raises(InputError, match="DiscoGAN needs the discriminator's features"):
        play(game(), "generator", games.begin(game(), batch=batch), batch)
    paper = game(matching=0.0, first_steps=0)
    loss, logs, *_ = play(paper, "generator", games.begin(paper, batch=batch), batch)
    np.testing.assert_allclose([loss, logs["matching"]], [0.5 * 2 * np.log1p(np.exp(-1)), 0], rtol=1e-6)


def test_matched_layers_are_of_one_shape() -> None:
    with pytest.raises(InputError, match=r"a layer is \(2, 3\) of real, \(2, 1\) of fake"):
        layer_matching((jnp.zeros((2, 3)),), (jnp.zeros((2, 1)),))


def test_the_recipe_moves_as_the_code_does() -> None:
    """Of three minibatches, the discriminators' is the first; after 10,000 of them r is another."""
    recipe = load_recipe("discogan_emoji")[0]
    updates = recipe.all_stages[0].updates
    assert list(updates.items()) == [("discriminator", 1), ("generator", 2)]
    gan = recipe.gan
    assert isinstance(gan, DiscoGAN)
    assert gan.first_steps == 10_000 // minibatches_per_step(updates)


@pytest.mark.parametrize(
    "name", ["cyclegan_facades", "cyclegan_facades:paper", "cyclegan_emoji", "cyclegan_emoji:paper"]
)
def test_cyclegans_rates_fall_to_nothing_over_the_second_half(name: str) -> None:
    recipe = load_recipe(name)[0]
    for optimizer in recipe.optimizers.values():
        rates = [float(optimizer.learning_rate(recipe.kimg * 1000 * x)) for x in (0, 0.5, 0.75, 1)]
        np.testing.assert_allclose(rates, [2e-4, 2e-4, 1e-4, 0], rtol=1e-6)
