"""FIR resampling against scipy, and the convolutions around it against their parts."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from rounding import derivative, widest

from gaxjax.errors import InputError
from gaxjax.layers.convolution import conv
from gaxjax.layers.resampling import (
    average_pool,
    blur,
    down_conv,
    downsample,
    reference_resample,
    repeat_pixels,
    resample,
    up_conv,
    upsample,
)

CASES = [
    ((1, 3, 3, 1), 2, 1, (2, 1)),
    ((1, 3, 3, 1), 1, 2, (1, 1)),
    ((1, 2, 1), 1, 1, (1, 1)),
    ((1, 2, 5), 1, 1, (0, 2)),  # neither symmetric nor centered
    ((2, 1, 3, 1, 4, 1), 3, 1, (4, 0)),
    ((1, 4, 2), 2, 3, (1, 2)),
    ((1, 2), 1, 3, (0, 1)),
    ((5.0,), 3, 1, (0, 0)),  # a single tap: two of three phases meet none
]
by_case = pytest.mark.parametrize("taps, up, down, pads", CASES)
IMAGES = jax.random.normal(jax.random.key(0), (2, 7, 6, 3))
KERNEL = jax.random.normal(jax.random.key(1), (3, 3, 3, 5))


def by_scipy(x: np.ndarray, taps: tuple[float, ...], up: int, down: int, pads: tuple[int, int]) -> np.ndarray:
    """Both axes through scipy.signal.upfirdn, whose output is cut as the padding says."""
    import scipy.signal  # which takes longer to import than all else here, in each process that collects

    scaled = np.array(taps) * up / sum(taps)
    for axis in (1, 2):
        # Padding of the image with zeros that are a multiple of `up`, and what is left is cut.
        whole = scipy.signal.upfirdn(scaled, x, up, 1, axis)
        length = x.shape[axis] * up + sum(pads) - len(taps) + 1
        begin = len(taps) - 1 - pads[0]
        whole = np.pad(whole, [(99, 99) if i == axis else (0, 0) for i in range(4)])
        x = np.take(whole, np.arange(99 + begin, 99 + begin + length, down), axis)
    return x


@pytest.mark.usefixtures("float64")
@by_case
def test_resampling_is_scipys(taps: tuple[float, ...], up: int, down: int, pads: tuple[int, int]) -> None:
    """And its gradient: it is linear, so <scipy(v), y> = <v, gradient of <resample(x), y>> for any v."""
    expected = by_scipy(np.asarray(IMAGES, np.float64), taps, up, down, pads)
    random = np.random.default_rng(3)
    v, y = random.normal(size=IMAGES.shape), jnp.asarray(random.normal(size=expected.shape))

    def all_of_it(x: jax.Array, y: jax.Array) -> tuple[jax.Array, ...]:
        found, pullback = jax.vjp(lambda x: resample(x, taps, up, down, pads), x)
        return found, reference_resample(x, taps, up, down, pads), pullback(y)[0]

    found, reference, gradient = quick.run(all_of_it, widest(IMAGES), y)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(reference, expected, rtol=1e-9, atol=1e-9)
    there = float(np.sum(by_scipy(v, taps, up, down, pads) * np.asarray(y)))
    assert float(np.sum(v * np.asarray(gradient))) == pytest.approx(there, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("taps", [(), (1, 2, 1), (1, 3, 3, 1), (1, 2, 3, 3, 2, 1)])
def test_flat_images_stay_as_bright(taps: tuple[float, ...]) -> None:
    flat = jnp.ones((1, 12, 8, 1))
    up, down = upsample(flat, taps), downsample(flat, taps)
    assert (up.shape, down.shape) == ((1, 24, 16, 1), (1, 6, 4, 1))
    np.testing.assert_allclose(up[:, 6:-6, 6:-6], 1, atol=1e-6)
    np.testing.assert_allclose(down[:, 2:-2, 1:-1], 1, atol=1e-6)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("side", [1, 3, 5])
@pytest.mark.parametrize("taps, border", [((), 0), ((1, 2, 1), 0), ((1, 3, 3, 1), 3)])
def test_convolutions_are_those_of_resampled_images(taps: tuple[float, ...], border: int, side: int) -> None:
    """Even taps filter before borders are cut, so those two agree inside alone."""
    half = side // 2
    edge = border + half if border else 0
    cut = slice(edge, -edge or None)
    x = jax.random.normal(jax.random.key(4), (2, 8, 10, 3))
    big = jax.random.normal(jax.random.key(6), (2, 16, 20, 3))
    kernel = jax.random.normal(jax.random.key(5), (side, side, 3, 5))

    def up(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        if border:
            return up_conv(x, kernel, taps), conv(upsample(x, taps), kernel, 1, half)
        return up_conv(x, kernel, taps), blur(conv(repeat_pixels(x), kernel, 1, half), taps)

    def down(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        if border:
            filtered = conv(resample(x, taps, pads=(1, 2)), kernel, 1, half)[:, 0::2, 0::2]
            return down_conv(x, kernel, taps), filtered
        return down_conv(x, kernel, taps), average_pool(conv(blur(x, taps), kernel, 1, half))

    for (found, expected), shape in (
        (quick.run(up, x), (2, 16, 20, 5)),
        (quick.run(down, big), (2, 8, 10, 5)),
    ):
        assert found.shape == shape
        np.testing.assert_allclose(found[:, cut, cut], expected[:, cut, cut], rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("float64")
def test_second_derivatives_pass() -> None:
    """As a gradient penalty needs them: against finite differences of the gradient."""
    images, kernel = widest((IMAGES[:, :6], KERNEL))

    def slope(kernel: jax.Array) -> jax.Array:
        gradient = jax.grad(lambda x: jnp.sum(jnp.tanh(down_conv(x, kernel, (1, 3, 3, 1)))))(images)
        return jnp.sum(gradient**2)

    direction = jax.random.normal(jax.random.key(7), KERNEL.shape)
    compiled = quick.compiled(jax.value_and_grad(slope), kernel)
    along = float(jnp.vdot(compiled(kernel)[1], direction))
    assert along == pytest.approx(derivative(lambda step: compiled(kernel + step * direction)[0]), rel=1e-8)


def test_half_precision_stays_so() -> None:
    x = IMAGES[:, :6].astype(jnp.bfloat16)
    for made in (upsample(x, (1, 3, 3, 1)), downsample(x, (1, 2, 1)), resample(x, (1, 2, 1))):
        assert made.dtype == jnp.bfloat16
    chex.assert_tree_all_finite(upsample(x))


def test_what_has_no_meaning_is_refused() -> None:
    with pytest.raises(InputError, match="taps whose sum is not 0"):
        resample(IMAGES, (1, -1))
    with pytest.raises(InputError, match=r"images \[B, H, W, C\]"):
        resample(IMAGES[0], (1, 2, 1))
    with pytest.raises(InputError, match="7 x 6 pixels are no multiple of 2 x 2"):
        average_pool(IMAGES)
    with pytest.raises(InputError, match="9 taps do not fit into 7 x 6"):
        resample(IMAGES, (1.0,) * 9)


def test_forward_mode() -> None:
    """A linear map is its own derivative."""
    x = jax.random.normal(jax.random.key(3), (1, 4, 6, 2))
    for function in (lambda x: upsample(x, (1, 3, 3, 1)), lambda x: downsample(x, (1, 3, 3, 1))):
        value, ahead = quick.run(lambda x, function=function: jax.jvp(function, (x,), (x,)), x)
        np.testing.assert_array_equal(ahead, value)
        assert np.any(value)
