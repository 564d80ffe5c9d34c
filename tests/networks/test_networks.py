"""What the networks take and make, at even and odd sizes."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from gaxjax.game import DROPOUT, output_of
from gaxjax.layers.minibatch import MinibatchDiscrimination
from gaxjax.layers.standard import halved_sizes
from gaxjax.networks import autoencoder, dcgan, discogan, mlp, translation

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
        (lambda: mlp.Discriminator(features=(4,), minibatch_kernels=2), lambda shape: ()),
        (lambda: dcgan.Discriminator(features=2, depth=2, minibatch_kernels=2), lambda shape: ()),
        (lambda: mlp.MaxoutDiscriminator(features=(4, 4)), lambda shape: ()),
        (
            lambda: translation.PatchDiscriminator(features=2, patch=34),
            lambda shape: halved_sizes(shape, 2)[-1],
        ),
        (lambda: translation.ResidualGenerator(5, features=2, blocks=1), lambda shape: (*shape[:2], 5)),
        (lambda: discogan.Generator(5, features=2, depth=3, code=3), lambda shape: (*shape[:2], 5)),
        (lambda: discogan.Discriminator(features=2, depth=3), lambda shape: ()),
    ],
)
def test_networks_take_images_of_any_size(network: Any, expected: Any, shape: tuple[int, int, int]) -> None:
    rngs = {"params": KEY, DROPOUT: KEY}
    outputs = jax.eval_shape(lambda: network().init_with_output(rngs, jnp.zeros((4, *shape)))[0])
    out = output_of(outputs, "logits")
    assert (out.shape, out.dtype) == ((4, *expected(shape)), jnp.float32)


@pytest.mark.parametrize(
    ("network", "count"),
    [
        (translation.ResidualGenerator(blocks=9), 11_378_179),
        (translation.ResidualGenerator(blocks=6), 7_837_699),
        # Kernels, 2 (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512) of 16 numbers, and 2 for each of 1,344
        # channels that are normalized.
        (discogan.Generator(), 5_513_856),
        # The way down, and its last convolution of 4 x 4 x 512.
        (discogan.Discriminator(), 2_765_568),
    ],
)
def test_as_many_parameters_as_the_authors_networks_have(network: nn.Module, count: int) -> None:
    variables = jax.eval_shape(lambda: network.init(KEY, jnp.zeros((1, 64, 64, 3))))
    assert sum(x.size for x in jax.tree.leaves(variables["params"])) == count


@pytest.mark.parametrize("shape", IMAGES)
@pytest.mark.parametrize(
    "network",
    [
        lambda shape: autoencoder.Autoencoder(shape, features=2, depth=2, code=3),
        lambda shape: mlp.Autoencoder(shape, features=(4, 3)),
    ],
)
def test_an_autoencoder_returns_images_of_the_size_it_got(network: Any, shape: tuple[int, int, int]) -> None:
    def both() -> Any:
        return network(shape).init_with_output(KEY, jnp.zeros((4, *shape)), mutable=True)

    outputs, _ = jax.eval_shape(both)
    assert outputs["reconstruction"].shape == (4, *shape)
    assert outputs["features"].shape == (4, 3)


def test_a_fully_connected_autoencoder_by_hand() -> None:
    network = mlp.Autoencoder((1, 2, 1), features=(1,), output="none")
    params = {
        "Dense_0": {"kernel": jnp.array([[1.0], [-2.0]]), "bias": jnp.array([0.5])},
        "Dense_1": {"kernel": jnp.array([[2.0, 3.0]]), "bias": jnp.array([0.0, 1.0])},
    }
    images = jnp.array([[1.0, 0.0], [0.5, 3.0]]).reshape(2, 1, 2, 1)
    outputs: Any = network.apply({"params": params}, images)
    np.testing.assert_allclose(outputs["features"], [[1.5], [-1.0]], rtol=1e-6)
    np.testing.assert_allclose(outputs["reconstruction"].reshape(2, 2), [[3, 5.5], [-2, -2]], rtol=1e-6)


def test_an_energy_is_minus_the_distance_to_the_reconstruction() -> None:
    """|x - 2 x| is |x|; at an image that is reconstructed as it is, the slope is 0 and not infinite."""

    class Twice(nn.Module):
        @nn.compact
        def __call__(self, x: Array) -> Array:
            return 2 * x

    def energy(x: Array) -> Array:
        logits: Array = autoencoder.EnergyDiscriminator(Twice()).apply({}, x)["logits"]  # type: ignore[index]
        return logits

    images = jnp.array([[3.0, 4.0], [0.0, 0.0]]).reshape(2, 1, 2, 1)
    np.testing.assert_allclose(energy(images), [-5, -1e-6], rtol=1e-6)  # a distance of 0 counts as 1e-6
    slopes = jax.grad(lambda x: jnp.sum(energy(x)))(images).reshape(2, 2)
    np.testing.assert_allclose(slopes, [[-0.6, -0.8], [0, 0]], rtol=1e-6)


def test_minibatch_discrimination_by_hand() -> None:
    module = MinibatchDiscrimination(kernels=2, dimensions=2)
    x = jnp.array([[0.0, 7.0], [0.1, 7.0], [0.3, 7.0]])
    params = module.init(KEY, x)["params"]
    np.testing.assert_array_equal(params["bias"], [-1, -1])
    # Distances are |1| + |2| and |3| + |-4| times those of the first feature; the second has no part in them.
    params["Dense_0"]["kernel"] = jnp.array([[1.0, 2.0, 3.0, -4.0], [0.0, 0.0, 0.0, 0.0]])
    near = [
        [np.exp(-a * d) + np.exp(-a * e) - 1 for a in (3, 7)] for d, e in ((0.1, 0.3), (0.1, 0.2), (0.2, 0.3))
    ]
    out = module.apply({"params": params}, x)
    np.testing.assert_array_equal(out[:, :2], x)
    np.testing.assert_allclose(out[:, 2:], near, rtol=1e-5)


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
