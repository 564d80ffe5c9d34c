"""What the networks take and make, at even and odd sizes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaxjax.game import DROPOUT
from gaxjax.networks import autoencoder, dcgan, mlp, translation
from gaxjax.networks.layers import halvings

KEY = jax.random.key(11)


IMAGES = [(8, 8, 1), (7, 5, 3), (28, 20, 1)]


@pytest.mark.parametrize("shape", IMAGES)
@pytest.mark.parametrize(
    "network",
    [
        lambda shape: dcgan.Generator(shape, features=2, depth=3),
        lambda shape: dcgan.Generator(shape, features=2, depth=2, kernel=5, norm="layer"),
        lambda shape: autoencoder.Decoder(shape, features=2, depth=2),
        lambda shape: mlp.Generator(shape, features=(4, 4)),
    ],
)
def test_generators_make_images_of_any_size(network: Any, shape: tuple[int, int, int]) -> None:
    out = jax.eval_shape(lambda: network(shape).init_with_output(KEY, jnp.zeros((4, 6)))[0])
    assert (out.shape, out.dtype) == ((4, *shape), jnp.float32)


@pytest.mark.parametrize("shape", IMAGES)
@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (lambda: dcgan.Discriminator(features=2, depth=3), lambda shape: ()),
        (lambda: mlp.Discriminator(features=(4, 4)), lambda shape: ()),
        (lambda: mlp.MaxoutDiscriminator(features=(4, 4)), lambda shape: ()),
        (lambda: translation.PatchDiscriminator(features=2, depth=2), lambda shape: halvings(shape, 2)[-1]),
        (lambda: translation.ResidualGenerator(5, features=2, blocks=1), lambda shape: (*shape[:2], 5)),
    ],
)
def test_networks_take_images_of_any_size(network: Any, expected: Any, shape: tuple[int, int, int]) -> None:
    rngs = {"params": KEY, DROPOUT: KEY}
    out = jax.eval_shape(lambda: network().init_with_output(rngs, jnp.zeros((4, *shape)))[0])
    assert (out.shape, out.dtype) == ((4, *expected(shape)), jnp.float32)


@pytest.mark.parametrize("shape", IMAGES)
def test_an_autoencoder_returns_images_of_the_size_it_got(shape: tuple[int, int, int]) -> None:
    network = autoencoder.Autoencoder(shape, features=2, depth=2, code=3)
    out = jax.eval_shape(lambda: network.init_with_output(KEY, jnp.zeros((4, *shape)))[0])
    assert out.shape == (4, *shape)


def test_what_generators_make_is_in_the_range_of_images() -> None:
    for output in ("tanh", "sigmoid"):
        network = mlp.Generator((2, 2, 1), features=(4,), output=output)  # type: ignore[arg-type]
        made = np.array(network.init_with_output(KEY, 100 * jax.random.normal(KEY, (50, 3)))[0])
        assert -1 <= made.min() < -0.9 and 0.9 < made.max() <= 1


def test_norms_make_biases_superfluous() -> None:
    """A convolution has a bias where no norm would take it away again."""
    for norm, biased in (("batch", {"Dense_0"}), ("none", {"Dense_0", "Conv_0", "Conv_1"})):
        network = dcgan.Discriminator(features=2, depth=2, norm=norm)  # type: ignore[arg-type]
        params = jax.eval_shape(lambda: network.init(KEY, jnp.zeros((2, 8, 8, 1))))["params"]  # noqa: B023
        found = {name for name, layer in params.items() if "bias" in layer and "kernel" in layer}
        assert found == biased | {"Conv_0"}
    params = jax.eval_shape(lambda: dcgan.Generator((8, 8, 1), 2, 2).init(KEY, jnp.zeros((2, 3))))["params"]
    assert {name for name, layer in params.items() if "bias" in layer and "kernel" in layer} == {
        "ConvTranspose_1"
    }
