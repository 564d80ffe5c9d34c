"""The networks of Lucic et al. 2018: shapes, sizes by hand, and what is at their ends."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick

from gaxjax.networks.lucic import Autoencoder, Discriminator, Encoder, Generator

KEY = jax.random.key(3)
IMAGES = [(28, 28, 1), (32, 32, 3), (9, 6, 3)]


def made(network: Any, *inputs: tuple[int, ...]) -> tuple[Any, dict[str, Any]]:
    """Shapes of a network's output and of its variables; computes nothing."""
    return jax.eval_shape(lambda: network.init_with_output(KEY, *map(jnp.zeros, inputs)))


def count(tree: Any) -> int:
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize("shape", IMAGES)
@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
def test_shapes(shape: tuple[int, int, int], norm: Any) -> None:
    images, variables = made(Generator(shape, features=2, norm=norm), (4, 5))
    assert images.shape == (4, *shape) and ("batch_stats" in variables) == (norm == "batch")
    outputs = made(Discriminator(features=2, norm=norm), (4, *shape))[0]
    assert outputs["logits"].shape == (4,) and outputs["features"].shape == (4, 32)
    again, variables = made(Autoencoder(shape, features=2, code=3, norm=norm), (4, *shape))
    assert again["reconstruction"].shape == (4, *shape) and again["features"].shape == (4, 3)
    assert ("batch_stats" in variables) == (norm == "batch")


@pytest.mark.parametrize("shape", IMAGES[:2])
def test_sizes_by_hand(shape: tuple[int, int, int]) -> None:
    """A norm has a scale and a shift for each channel, and takes the place of the bias before it."""
    channels, flat = shape[2], 128 * (shape[0] // 4) * (shape[1] // 4)
    _, variables = made(Generator(shape), (2, 64))
    last = 16 * 64 * channels + channels
    dense = 64 * 1024 + 2 * 1024 + 1024 * flat + 2 * flat
    assert count(variables["params"]) == dense + 16 * 128 * 64 + 2 * 64 + last
    assert count(variables["batch_stats"]) == 2 * (1024 + flat + 64)
    first = 16 * channels * 64 + 64
    _, variables = made(Discriminator(norm="none"), (2, *shape))
    top = flat * 1024 + 1024 + 1024 + 1
    assert count(variables["params"]) == first + 16 * 64 * 128 + 128 + top
    _, variables = made(Discriminator(), (2, *shape))
    assert count(variables["params"]) == first + 16 * 64 * 128 + 2 * 128 + top + 1024
    assert count(variables["batch_stats"]) == 2 * (128 + 1024)
    encoded, variables = made(Encoder(64), (2, *shape))
    assert {name: x.shape for name, x in encoded.items()} == dict.fromkeys(("mean", "log_variance"), (2, 64))
    hidden = 16 * 64 * 128 + 2 * 128 + flat * 1024 + 2 * 1024
    assert count(variables["params"]) == first + hidden + 2 * (1024 * 64 + 64)
    _, variables = made(Autoencoder(shape), (2, *shape))
    encoder = first + 16 * 64 * 128 + 128 + flat * 64 + 64
    assert count(variables["params"]) == encoder + 64 * flat + flat + 16 * 128 * 64 + 64 + last


def test_the_sizes_that_the_authors_code_tells() -> None:
    """1.3 million parameters of the autoencoder, of 8.5 of the discriminator, at 32 px."""
    autoencoder, discriminator = (
        count(made(network, (2, 32, 32, 3))[1]["params"])
        for network in (Autoencoder((32, 32, 3)), Discriminator())
    )
    assert (round(autoencoder / 1e6, 1), round(discriminator / 1e6, 1)) == (1.3, 8.5)


def test_initial_kernels_and_norms() -> None:
    params = quick.run(lambda: Generator((8, 8, 1), features=16).init(KEY, jnp.zeros((2, 64))))["params"]
    for name, leaves in params.items():
        if "kernel" in leaves:
            kernel = np.asarray(leaves["kernel"])
            # the standard error of a standard deviation is 1 / sqrt(2 n) of it
            assert abs(kernel.std() / 0.02 - 1) < 4 / np.sqrt(2 * kernel.size), name
        if "scale" in leaves:
            assert np.all(leaves["scale"] == 1)
    assert sum("scale" in leaves for leaves in params.values()) == 3


def test_the_ends_of_the_range() -> None:
    """Images reach from -1 to 1, the sigmoid of a logit from 0 to 1."""
    latents = 1e4 * jax.random.normal(KEY, (4, 3))
    generator = Generator((8, 8, 1), features=2, norm="none", deviation=0)
    images = np.asarray(quick.run(lambda: generator.init_with_output(KEY, latents)[0]))
    assert images.min() == pytest.approx(-1, abs=1e-3) and images.max() == pytest.approx(1, abs=1e-3)
    pictures = jax.random.uniform(KEY, (4, 8, 8, 1), minval=-1.0)

    def both() -> Any:
        network = Discriminator(features=2, norm="none", deviation=0)
        variables = network.init(KEY, pictures)
        both = (n.apply(variables, pictures)["logits"] for n in (network, network.clone(output="sigmoid")))
        return tuple(both)

    logits, probabilities = map(np.asarray, quick.run(both))
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-logits)), rtol=1e-5)
    assert len(set(logits.tolist())) == 4


def test_an_encoder_s_deviation_is_a_softplus() -> None:
    """Of what a linear layer gives, as in the study's code: log 2 where that is 0, as of black at first."""
    network = Encoder(3, features=2, norm="none", deviation=0)
    outputs = quick.run(lambda: network.init_with_output(KEY, jnp.full((2, 8, 8, 1), -1.0))[0])
    np.testing.assert_array_equal(outputs["mean"], np.zeros((2, 3)))
    np.testing.assert_allclose(np.exp(outputs["log_variance"] / 2), np.full((2, 3), np.log(2)), rtol=1e-4)


def test_a_discriminator_sees_black_as_zero() -> None:
    """So that without biases, as they are at first, black images have the logit 0."""
    network = Discriminator(features=2, norm="none", deviation=0)
    logits = quick.run(lambda: network.init_with_output(KEY, jnp.full((2, 8, 8, 1), -1.0))[0]["logits"])
    np.testing.assert_array_equal(logits, [0, 0])


def test_running_statistics_follow_slowly() -> None:
    """The statistics of a batch have a share of a thousandth, as in the study's code."""

    def moved() -> Any:
        network, latents = Generator((8, 8, 1), features=2), 5 + jax.random.normal(KEY, (32, 3))
        variables = network.init(KEY, latents)
        _, after = network.apply(variables, latents, mutable=["batch_stats"])
        x = latents @ variables["params"]["Dense_0"]["kernel"]
        return after["batch_stats"]["BatchNorm_0"], jnp.mean(x, axis=0), jnp.var(x, axis=0)

    after, mean, variance = quick.run(moved)
    np.testing.assert_allclose(after["mean"], 0.001 * mean, rtol=1e-3, atol=1e-9)
    np.testing.assert_allclose(after["var"], 0.999 + 0.001 * variance, rtol=1e-5)
