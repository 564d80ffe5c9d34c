"""SRResNet and its layers: parameters, sizes, and pixels that come from channels."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick

from gaxjax.errors import InputError
from gaxjax.layers import PReLU, pixel_shuffle
from gaxjax.networks.super_resolution import Discriminator, Generator

KEY = jax.random.key(0)


def count(network: Generator | Discriminator, side: int) -> int:
    shapes = jax.eval_shape(network.init, KEY, jnp.zeros((1, side, side, 3)))
    return sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))


def test_parameters_are_as_many_as_published() -> None:
    assert count(Generator(), 8) == 1_549_462
    # Eight convolutions, seven norms, and two layers of what 6 x 6 x 512 pixels are left.
    widths, kernels = (3, 64, 64, 128, 128, 256, 256, 512, 512), 0
    for inputs, outputs in itertools.pairwise(widths):
        kernels += 9 * inputs * outputs
    norms = 2 * sum(widths[2:])
    assert count(Discriminator(), 96) == kernels + 64 + norms + 6 * 6 * 512 * 1024 + 1024 + 1024 + 1


@pytest.mark.parametrize(("scale", "size"), [(2, (5, 4)), (3, (4, 4)), (4, (3, 7)), (8, (2, 2))])
def test_any_size_becomes_scale_times_as_large(scale: int, size: tuple[int, int]) -> None:
    network = Generator(1, scale, features=4, blocks=1)
    images = jax.eval_shape(lambda: network.init_with_output(KEY, jnp.zeros((2, *size, 3)))[0])
    assert images.shape == (2, scale * size[0], scale * size[1], 1)


def test_a_scale_that_no_steps_make_is_refused() -> None:
    with pytest.raises(InputError, match="scale is 2, 3, 4, 8 or 16; got 6"):
        count(Generator(scale=6), 4)


@pytest.mark.parametrize("factor", [2, 3])
def test_pixel_shuffle_by_hand(factor: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 2 * factor**2)).astype(np.float32)
    expected = np.empty((2, 3 * factor, 4 * factor, 2), np.float32)
    for row, column, channel in np.ndindex(expected.shape[1:]):
        i, j = row % factor, column % factor
        source = x[:, row // factor, column // factor, channel * factor**2 + i * factor + j]
        expected[:, row, column, channel] = source
    np.testing.assert_array_equal(pixel_shuffle(jnp.asarray(x), factor), expected)
    with pytest.raises(
        InputError, match=rf"pixel_shuffle\({factor}\) takes a multiple of {factor**2} channels"
    ):
        pixel_shuffle(jnp.zeros((1, 2, 2, 6 if factor == 2 else 8)), factor)


def test_prelu_learns_its_one_slope() -> None:
    x = jnp.array([[-2.0, 0.0], [3.0, -1.0]])
    variables = PReLU().init(KEY, x)
    assert jax.tree.map(jnp.shape, variables) == {"params": {"slope": ()}}
    np.testing.assert_allclose(PReLU().apply(variables, x), [[-0.5, 0], [3, -0.25]])
    slope = quick.run(jax.grad(lambda v: jnp.sum(PReLU().apply(v, x))), variables)
    assert slope["params"]["slope"] == -3
