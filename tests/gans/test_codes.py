"""Games whose second loss is a likelihood: of labels, of codes, of images; by hand."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from games import begin, play
from jax import Array
from labelled import BATCH, IMAGES, LABELS, RNGS, SHAPE, SmoothCritic

from gaxjax.errors import InputError
from gaxjax.gans.acgan import ACGAN
from gaxjax.gans.infogan import InfoGAN
from gaxjax.gans.vae import VAE
from gaxjax.latents import Joint, Latents
from gaxjax.layers.conditioning import Concatenated, Head
from gaxjax.networks.mlp import GaussianEncoder, Generator


def log_sigmoid(x: Array) -> Array:
    return -jnp.log1p(jnp.exp(-x))


def cross_entropy(logits: Array, labels: Array) -> Array:
    shares = jnp.exp(logits) / jnp.sum(jnp.exp(logits), axis=1, keepdims=True)
    return -jnp.mean(jnp.log(shares[jnp.arange(len(labels)), labels]))


def test_acgan_by_hand() -> None:
    classifier = Head(SmoothCritic(), "classes", 3)
    gan = ACGAN(Concatenated(Generator(SHAPE, (8,), "tanh"), 3), classifier, Latents(4), weight=0.7)
    state = begin(gan, batch=BATCH)
    fake = gan.apply({"params": state.params}, BATCH, method="fake", rngs=RNGS)
    network: Any = gan.discriminator
    of_real, of_fake = (network.apply({"params": state.params["discriminator"]}, x) for x in (IMAGES, fake))
    classes = cross_entropy(of_real["classes"], LABELS) + cross_entropy(of_fake["classes"], LABELS)
    source = -jnp.mean(log_sigmoid(of_real["logits"])) - jnp.mean(log_sigmoid(-of_fake["logits"]))
    value, logs, _, _ = play(gan, "discriminator", state, BATCH)
    np.testing.assert_allclose(value, source + 0.7 * classes, rtol=1e-5)
    assert {"real_class", "fake_class"} <= set(logs)
    by_hand = -jnp.mean(log_sigmoid(of_fake["logits"])) + 0.7 * cross_entropy(of_fake["classes"], LABELS)
    np.testing.assert_allclose(play(gan, "generator", state, BATCH)[0], by_hand, rtol=1e-5)
    with pytest.raises(InputError, match=r"condition is 'label', .* the data has \['image'\]"):
        begin(gan, batch={"image": IMAGES})


def test_infogan_by_hand() -> None:
    code = Joint((Latents(3, "categorical"), Latents(2, "uniform")))
    gan = InfoGAN(
        Generator(SHAPE, (8,), "tanh"), Head(SmoothCritic(), "code", 5, (4,)), Latents(4), code, weight=0.5
    )
    state = begin(gan, batch=BATCH)
    latents = gan.apply({"params": state.params}, BATCH, method="sample_latents", rngs=RNGS)
    assert latents.shape == (6, 9) and np.all(np.sum(latents[:, 4:7], axis=1) == 1)
    fake = gan.apply({"params": state.params}, latents, method="generate")
    network: Any = gan.discriminator
    of_real, of_fake = (network.apply({"params": state.params["discriminator"]}, x) for x in (IMAGES, fake))
    category, q = jnp.argmax(latents[:, 4:7], axis=1), of_fake["code"]
    squares = jnp.mean(jnp.sum((latents[:, 7:] - q[:, 3:]) ** 2, axis=1))
    information = -cross_entropy(q[:, :3], category) - squares / 2 - jnp.log(2 * jnp.pi)
    source = -jnp.mean(log_sigmoid(of_real["logits"])) - jnp.mean(log_sigmoid(-of_fake["logits"]))
    value, logs, _, _ = play(gan, "discriminator", state, BATCH)
    np.testing.assert_allclose(value, source - 0.5 * information, rtol=1e-5)
    np.testing.assert_allclose(logs["information"], information, rtol=1e-5)
    by_hand = -jnp.mean(log_sigmoid(of_fake["logits"])) - 0.5 * information
    np.testing.assert_allclose(play(gan, "generator", state, BATCH)[0], by_hand, rtol=1e-5)
    read = gan.apply({"params": state.params}, IMAGES, method="classify_code")
    np.testing.assert_array_equal(read, of_real["code"][:, :3])
    with pytest.raises(InputError, match="no categorical part"):
        replace(gan, code=Joint((Latents(5),))).apply(
            {"params": state.params}, IMAGES, method="classify_code"
        )


def test_information_is_that_of_other_libraries() -> None:
    """The numbers that the tests of TensorFlow-GAN 2.0 and torchgan 0.1 print, minus the log-likelihoods."""
    category, normal = Latents(2, "categorical"), Latents(3)
    ours = Joint((category, Latents(1))).log_likelihood(
        jnp.array([[1.0, 2.0, 0.0]]), jnp.array([[0.0, 1.0, 2.0]])
    )
    # A mean over the two codes, of which ours is the sum.
    np.testing.assert_allclose(-ours / 2, [1.61610], atol=5e-6)
    # torchgan takes the mean over every pair of a category and of logits.
    pairs = [
        -category.log_likelihood(jnp.array([logits]), jnp.eye(2)[jnp.array([index])])[0]
        for logits, index in (([0.5, 0.5], 0), ([0.75, 0.25], 1), ([0.5, 0.5], 1), ([0.75, 0.25], 0))
    ]
    np.testing.assert_allclose(np.mean(pairs), 0.7086121, rtol=1e-6)
    # Its normals have deviations of their own: N(x; m, s) is N(x / s; m / s, 1) / s.
    mean = jnp.array([[1.3, 4.6, 7.1], [0.2, 11.4, 1.0]])
    deviation = jnp.array([[1.0, 0.5, 3.1], [0.2, 3.5, 4.9]])
    code = jnp.array([[1.4, 4.0, 5.0], [-1.0, 7.0, 2.0]])
    likely = normal.log_likelihood(mean / deviation, code / deviation) - jnp.sum(jnp.log(deviation), axis=1)
    np.testing.assert_allclose(-jnp.sum(likely) / 6, 4.491654, rtol=1e-6)


def test_a_head_with_batch_norm() -> None:
    """InfoGAN's Q: a layer without bias, normalized over the batch, leaky ReLU, and the code."""
    head = Head(SmoothCritic(), "code", 2, hidden=(3,), norm="batch")
    variables = head.init(jax.random.key(0), IMAGES)
    outputs, _ = quick.run(lambda v: head.apply(v, IMAGES, mutable=["batch_stats"]), variables)
    params = jax.tree.map(np.asarray, variables["params"])
    hidden = np.asarray(outputs["features"]) @ params["Dense_0"]["kernel"]
    normal = (hidden - hidden.mean(axis=0)) / np.sqrt(hidden.var(axis=0) + 1e-5)
    normal = params["BatchNorm_0"]["scale"] * normal + params["BatchNorm_0"]["bias"]
    leaky = np.where(normal > 0, normal, 0.2 * normal)
    expected = leaky @ params["Dense_1"]["kernel"] + params["Dense_1"]["bias"]
    np.testing.assert_allclose(outputs["code"], expected, rtol=1e-4, atol=1e-5)
    assert "bias" not in params["Dense_0"]


def test_a_vaes_encoder_gives_as_many_latents_as_there_are() -> None:
    gan = VAE(GaussianEncoder(2, (8,)), Generator(SHAPE, (8,)), Latents(3))
    with pytest.raises(InputError, match=r"encoder gives 2 latents and gan\.latents\.size is 3: give"):
        begin(gan, batch=BATCH)


@pytest.mark.parametrize("likelihood", ["bernoulli", "normal"])
def test_vae_by_hand(likelihood: Any) -> None:
    decoder = Generator(SHAPE, (8,), "tanh", output="none")
    gan = VAE(GaussianEncoder(2, (8,)), decoder, Latents(2), likelihood, deviation=0.5)
    state = begin(gan, batch=BATCH)
    encoder: Any = gan.encoder
    mean, log_variance = encoder.apply({"params": state.params["encoder"]}, IMAGES).values()
    key = gan.apply({}, method=lambda gan: gan.make_rng("play"), rngs=RNGS)
    z = mean + jnp.exp(log_variance / 2) * jax.random.normal(key, mean.shape)
    decoded = decoder.apply({"params": state.params["decoder"]}, z)
    if likelihood == "bernoulli":
        p, x = jax.nn.sigmoid(decoded), (IMAGES + 1) / 2
        likely = x * jnp.log(p) + (1 - x) * jnp.log(1 - p)
    else:
        likely = jax.scipy.stats.norm.logpdf(IMAGES, decoded, 0.5)
    kl = -0.5 * jnp.sum(1 + log_variance - mean**2 - jnp.exp(log_variance), axis=1)
    value, logs, _, _ = play(gan, "autoencoder", state, BATCH)
    np.testing.assert_allclose(logs["error"], -jnp.mean(jnp.sum(likely, axis=(1, 2, 3))), rtol=1e-5)
    np.testing.assert_allclose(logs["kl"], jnp.mean(kl), rtol=1e-5)
    np.testing.assert_allclose(value, logs["error"] + logs["kl"], rtol=1e-6)
    images = gan.apply({"params": state.params}, z, method="generate")
    np.testing.assert_allclose(images, decoded if likelihood == "normal" else 2 * p - 1, rtol=1e-5, atol=1e-6)
