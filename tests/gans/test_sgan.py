"""Few labels: losses of Odena 2016 and Salimans et al. 2016 by hand, whom they move, what they cannot see."""

from typing import Any

import flax.linen as nn
import games
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import quick
from games import Constant, Times, play
from jax import Array
from jax.nn import logsumexp, softplus

from gaxjax.adversary import Adversary
from gaxjax.errors import InputError
from gaxjax.game import DROPOUT, call_averaged, evaluation_mode
from gaxjax.gans import SGAN
from gaxjax.latents import Latents
from gaxjax.layers import GaussianNoise, RealOrClass, WeightNormDense
from gaxjax.networks import salimans
from gaxjax.objectives import FeatureMatching

IMAGES = jnp.log(
    jnp.array([[1.0, 2, 1, 4], [3, 1, 1, 1], [1, 1, 2, 2], [1, 5, 1, 1], [2, 1, 1, 2], [1, 1, 4, 1]])
)
"""Of six examples, the logits of four classes; each image is one pixel wide and four high."""
LABELS = jnp.array([3, -1, 2, -1, -1, 0])
LABELED = LABELS >= 0
BATCH = {
    "image": jnp.broadcast_to(IMAGES[:, :, None, None], (6, 4, 1, 1)),
    "label": LABELS,
    "labeled": LABELED,
}


class Reader(nn.Module):
    """Reads the logits of classes off an image, times a parameter; fake has the logit 0."""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        classes = Times(1.0)(x)[:, :, 0, 0]
        return {"logits": logsumexp(classes, axis=1), "classes": classes, "features": classes}


class Gray(nn.Module):
    """Images of one gray."""

    @nn.compact
    def __call__(self, latents: Array) -> Array:
        return Constant(0.5)(latents)[:, :1, :1].repeat(4, axis=1)


def few_labels(**fields: Any) -> SGAN:
    """As Salimans et al. have it."""
    options = {
        "adversary": Adversary(FeatureMatching()),
        "weight": 0.5,
        "unlabeled_alone": True,
        "fakes": 0.5,
    }
    return SGAN(Gray(), Reader(), Latents(2), **{**options, **fields})


def test_salimans_by_hand() -> None:
    """-l_y + LSE(l) of labeled ones, -LSE / 2 + softplus(LSE) / 2 of others, softplus(LSE) / 2 of fakes."""
    gan = few_labels()
    state = games.begin(gan, batch=BATCH)
    loss, logs, _, gradient = play(gan, "discriminator", state, BATCH)
    labeled, others = IMAGES[LABELED], IMAGES[~LABELED]
    supervised = np.mean([np.log(8 / 4), np.log(6 / 2), np.log(7 / 1)])
    unlabeled = np.mean(-logsumexp(others, axis=1) + softplus(logsumexp(others, axis=1)))
    fake = np.log1p(4 * np.exp(0.5))
    np.testing.assert_allclose(loss, supervised + (unlabeled + fake) / 2, rtol=1e-6)
    np.testing.assert_allclose(logs["classes"], supervised, rtol=1e-6)
    np.testing.assert_allclose(logs["real_logits"], np.mean(np.log([6.0, 8.0, 6.0])), rtol=1e-6)
    assert set(gradient) == {"discriminator"} and jnp.all(gradient["discriminator"]["Times_0"]["factor"] != 0)
    assert labeled.shape == others.shape

    loss, _, _, gradient = play(gan, "generator", state, BATCH)
    np.testing.assert_allclose(loss, np.sum((np.mean(others, axis=0) - 0.5) ** 2), rtol=1e-6)
    assert set(gradient) == {"generator"}
    slope = 2 * np.sum(0.5 - np.mean(others, axis=0))
    np.testing.assert_allclose(gradient["generator"]["Constant_0"]["value"], slope, rtol=1e-5)


def test_odena_by_hand() -> None:
    """The likelihood of K + 1 categories: real or fake and the class at once; a generator like any other."""
    gan = SGAN(Gray(), RealOrClass(Reader(), 4), Latents(2))
    batch = {"image": BATCH["image"], "label": jnp.array([3, 0, 2, 1, 1, 0])}  # all labels, and no mask
    state = games.begin(gan, batch=batch)
    kernel = jax.random.normal(jax.random.key(1), (4, 5))
    state.params["discriminator"]["Dense_0"]["kernel"] = kernel
    loss, logs, _, _ = play(gan, "discriminator", state, batch)
    logits, of_fake = IMAGES @ kernel, jnp.full((1, 4), 0.5) @ kernel
    every = optax.softmax_cross_entropy_with_integer_labels
    expected = every(logits, batch["label"]).mean() + every(of_fake, jnp.array([4])).mean()
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    np.testing.assert_allclose(logs["fake_logits"], logsumexp(of_fake[0, :4]) - of_fake[0, 4], rtol=1e-5)
    classes = quick.run(lambda x: call_averaged(gan, state, jax.random.key(0), "classify", x), batch["image"])
    np.testing.assert_allclose(
        classes, IMAGES @ state.average["discriminator"]["Dense_0"]["kernel"][:, :4], rtol=1e-4
    )


def test_what_stands_in_labels_that_are_not_given_changes_nothing() -> None:
    gan = few_labels()
    state = games.begin(gan, batch=BATCH)
    one = play(gan, "discriminator", state, BATCH)
    for labels in (LABELS.at[1].set(2), LABELS.at[3].set(99)):
        other = play(gan, "discriminator", state, {**BATCH, "label": labels})
        assert jax.tree.all(jax.tree.map(lambda x, y: bool(x == y), (one[0], one[3]), (other[0], other[3])))
    changed = play(gan, "discriminator", state, {**BATCH, "label": LABELS.at[0].set(1)})
    assert changed[0] != one[0]


def test_labels_alone() -> None:
    gan = few_labels(weight=0.0)
    state = games.begin(gan, batch=BATCH)
    loss, logs, _, _ = play(gan, "discriminator", state, BATCH)
    np.testing.assert_allclose(loss, np.mean([np.log(8 / 4), np.log(6 / 2), np.log(7 / 1)]), rtol=1e-6)
    assert set(logs) == {"loss", "classes"}


def test_data_without_labels_are_refused() -> None:
    gan = few_labels()
    with pytest.raises(
        InputError, match=r"SGAN learns classes, which needs data with labels; the data has \['image'\]"
    ):
        play(gan, "discriminator", games.begin(gan, batch=BATCH), {"image": BATCH["image"]})


# Layers and networks


def test_weight_norm_by_hand() -> None:
    layer = WeightNormDense(2, length=3.0)
    x = jnp.array([[1.0, 2.0]])
    params = layer.init(jax.random.key(0), x)["params"]
    assert params["length"].tolist() == [3, 3]
    params = {
        "kernel": jnp.array([[3.0, 0.0], [4.0, 2.0]]),
        "length": jnp.array([5.0, 1.0]),
        "bias": jnp.array([0.0, 1.0]),
    }
    # 5 (3, 4) / 5 and (0, 2) / 2.
    np.testing.assert_allclose(layer.apply({"params": params}, x), [[11, 3]], rtol=1e-6)
    assert set(WeightNormDense(2, train_length=False).init(jax.random.key(0), x)["params"]) == {
        "kernel",
        "bias",
    }


def test_noise_is_of_training_alone() -> None:
    x = jnp.zeros((100, 100))
    noise = GaussianNoise(0.5)
    made = noise.apply({}, x, rngs={DROPOUT: jax.random.key(0)})
    assert abs(float(jnp.std(made)) - 0.5) < 0.01 and abs(float(jnp.mean(made))) < 0.02
    with evaluation_mode():
        np.testing.assert_array_equal(noise.apply({}, x), x)
    with pytest.warns(UserWarning, match="is noise, and adds none"):
        noise.apply({}, x)
    with pytest.raises(InputError, match="deviation=-1"):
        GaussianNoise(-1)


def test_outputs_begin_with_variance_1() -> None:
    """What the authors' first minibatch sees to, for pixels of MNIST's variance."""
    network = salimans.Discriminator(features=(200, 200))
    pixels = salimans.PIXELS**0.5 * jax.random.normal(jax.random.key(0), (500, 100)) + 0.13
    keys = {"params": jax.random.key(1), DROPOUT: jax.random.key(2)}
    outputs, _ = quick.run(network.init_with_output, keys, 2 * pixels - 1)
    assert 0.6 < float(jnp.var(outputs["classes"], axis=0).mean()) < 1.5
    np.testing.assert_allclose(outputs["logits"], logsumexp(outputs["classes"], axis=1), rtol=1e-6)


@pytest.mark.parametrize("fields", [{"fakes": 0.0}, {"fakes": float("nan")}, {"weight": -1.0}])
def test_numbers_that_cannot_be_meant_are_refused(fields: dict[str, float]) -> None:
    with pytest.raises(InputError, match="SGAN: fakes is above 0 and weight 0 or more"):
        few_labels(**fields)


def test_classes_there_are_none_of() -> None:
    with pytest.raises(InputError, match=r"RealOrClass\(classes=0\): real examples are of 1 class or more"):
        RealOrClass(Reader(), 0)
