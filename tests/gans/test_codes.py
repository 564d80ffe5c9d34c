"""Games whose second loss is a likelihood: of labels, of codes, of images; by hand."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
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
