"""Laplacian pyramids of any sizes: exact, whatever the crop; and what down and up are."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick

from gaxjax.errors import InputError
from gaxjax.layers.pyramid import build, down, reconstruct, reduce_images, up
from gaxjax.layers.resampling import downsample

pytestmark = pytest.mark.usefixtures("float64")

SIZES = {
    "halves": [(8, 8), (16, 16), (32, 32)],
    "of the paper": [(8, 8), (14, 14), (28, 28)],
    "odd, not square": [(5, 3), (6, 6), (13, 11)],
}


def images(size: tuple[int, int]) -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (2, *size, 3)))


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param(x, id=name, marks=pytest.mark.slow if name == "halves" else ())
        for name, x in SIZES.items()
    ],
)
def test_reconstruction_is_exact(sizes: list[tuple[int, int]]) -> None:
    """And the sum of the levels, each enlarged to the whole, is the image after any crop."""
    x = images(sizes[-1])

    def everything(x: jax.Array) -> Any:
        levels, whole = build(x, sizes), []
        for number, level in enumerate(levels):
            for size in sizes[number + 1 :]:
                level = up(level, size)
            whole.append(level)
        # Residuals are what an image of the size has beyond the one before it, not beyond the first.
        pairs = itertools.pairwise(reduce_images(x, sizes))
        residuals = [fine - up(coarse, fine.shape[1:3]) for coarse, fine in pairs]
        return levels, residuals, reconstruct(levels), whole

    levels, residuals, again, whole = quick.run(everything, x)
    assert [level.shape for level in levels] == [(2, *size, 3) for size in sizes] and x.dtype == jnp.float64
    for level, residual in zip(levels[1:], residuals, strict=True):
        np.testing.assert_array_equal(level, residual)
    np.testing.assert_allclose(again, x, rtol=0, atol=1e-15)
    random = np.random.default_rng(1)
    for _ in range(5):
        (top, bottom), (left, right) = (
            np.sort(random.choice(side + 1, 2, replace=False)) for side in sizes[-1]
        )
        crop = (slice(None), slice(top, bottom), slice(left, right))
        np.testing.assert_allclose(sum(level[crop] for level in whole), x[crop], rtol=0, atol=1e-15)


def test_down_blurs_by_the_taps_and_up_interpolates() -> None:
    """Away from the borders as by (1, 3, 3, 1); on them too, flat images stay flat and ramps are ramps."""
    x, ramp = images((12, 16)), jnp.arange(4.0).reshape(1, 4, 1, 1)

    def everything(x: jax.Array, ramp: jax.Array) -> Any:
        flat = [down(jnp.ones_like(x), size) for size in ((3, 5), (12, 9))]
        same = down(x, (12, 16)), up(x, (12, 16))
        return down(x, (6, 8)), downsample(x, (1, 3, 3, 1)), flat, same, up(ramp, (8, 1))

    half, by_taps, flat, same, enlarged = quick.run(everything, x, ramp)
    inner = (slice(None), slice(1, -1), slice(1, -1))
    np.testing.assert_allclose(half[inner], by_taps[inner], atol=1e-15)
    for found in flat:
        np.testing.assert_allclose(found, 1, atol=1e-15)
    for found in same:
        np.testing.assert_array_equal(found, x)
    # Centers of pixels lie at halves of them; past the outermost ones nothing is known.
    expected = [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]
    np.testing.assert_allclose(enlarged.ravel(), expected, atol=1e-15)


def test_what_is_refused() -> None:
    x = images((8, 8))
    with pytest.raises(InputError, match=r"8 x 8 pixels do not go down to \(4, 9\)"):
        down(x, (4, 9))
    with pytest.raises(InputError, match=r"8 x 8 pixels do not go up to \(7, 8\)"):
        up(x, (7, 8))
    with pytest.raises(
        InputError, match=r"end with that of the images, \(8, 8\); got \[\(4, 4\), \(9, 9\)\]"
    ):
        build(x, [(4, 4), (9, 9)])
    with pytest.raises(InputError, match=r"a pyramid is of images \[B, H, W, C\]; got shape \(8, 8, 3\)"):
        up(x[0], (8, 8))
