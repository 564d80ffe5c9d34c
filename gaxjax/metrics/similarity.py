"""Similarity of pairs of images, and the diversity that it tells of: PSNR, SSIM, MS-SSIM."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Shaped

from gaxjax.errors import InputError
from gaxjax.metrics.checking import Values, check_images, check_pixels

Images = Shaped[Values, "batch height width channels"]
PerImage = Float[Array, " batch"]

# Wang et al. 2004; the weights of the five scales, fine to coarse, are those of Wang et al. 2003.
WINDOW, SIGMA = 11, 1.5
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
LEAST_SIDE = 2 ** (len(WEIGHTS) - 1)
"""Of images that have so many scales: one pixel in the coarsest."""
BLOCK = 2**23
"""Values of the images whose similarity is taken at a time, 32 MB of them."""


def psnr(a: Images, b: Images, peak: float) -> PerImage:
    """The peak signal-to-noise ratio 10 log10(peak^2 / mean (a - b)^2), in dB; infinite for the same image.

    >>> psnr(jnp.zeros((1, 8, 8, 3)), jnp.ones((1, 8, 8, 3)), peak=10.0).round(2)
    Array([20.], dtype=float32)
    """
    _check(a, b, peak)
    return _psnr(a, b, peak)


def ssim(a: Images, b: Images, peak: float) -> PerImage:
    """The structural similarity, at most 1, the channels averaged. Wang et al. 2004, eq. 13.

    A Gaussian window of 11 pixels with a deviation of 1.5, only where it is wholly inside the image;
    K1 = 0.01, K2 = 0.03. peak: the largest value that a pixel can have, the smallest being 0.
    """
    _check(a, b, peak)
    if min(a.shape[1:3]) < WINDOW:
        raise InputError(f"a and b must have sides of at least {WINDOW}; got {a.shape[1]} x {a.shape[2]}")
    return _ssim(a, b, peak)


def luma(images: Images, border: int = 0) -> Float[np.ndarray, "batch height width 1"]:
    """Y of images of bytes, RGB or gray, as ITU-R BT.601 has it in video: 16 to 235, not rounded.

    border: pixels that are cut off at each side; InputError where no image would be left.

    >>> luma(np.array([[[[255, 255, 255]]]])).round(3)
    array([[[[235.]]]])
    """
    check_images(images=images)
    height, width, channels = images.shape[1:]
    if channels not in (1, 3) or min(height, width) <= 2 * border:
        raise InputError(
            f"luma is of images with 1 or 3 channels, larger than two borders of {border}; "
            f"got {images.shape[1:]}"
        )
    inside = np.asarray(images, np.float64)[:, border : height - border, border : width - border]
    # MATLAB's rgb2ycbcr, by which super-resolution is measured since Yang et al. 2010.
    weights = np.array([65.481, 128.553, 24.966]) if channels == 3 else np.array([219.0])
    return 16 + (inside @ weights / 255)[..., None]


def ms_ssim(a: Images, b: Images, peak: float = 255.0) -> PerImage:
    """The multi-scale structural similarity, at most 1. Wang et al. 2003, eq. 7, as ProGAN measures it.

    Five scales, each the mean of 2x2 pixels of the one before; an odd side loses its last row or column.
    Where a scale is smaller than the window, the window shrinks to its shorter side and its deviation in
    proportion, which is so of images below 176 pixels; they need 16. Similarities below 0 count as 0.
    """
    _check(a, b, peak)
    if min(a.shape[1:3]) < LEAST_SIDE:
        raise InputError(
            f"a and b must have sides of at least {LEAST_SIDE} for {len(WEIGHTS)} scales; "
            f"got {a.shape[1]} x {a.shape[2]}: use ssim"
        )
    return _ms_ssim(a, b, peak)


def diversity(images: Images, pairs: int = 10_000, seed: int = 0) -> float:
    """The mean MS-SSIM of random pairs: the lower, the more varied they are. Odena et al. 2017, section 4.2.

    Images in [0, 255]. ProGAN has 10,000 pairs of 20,000 images: with two images a pair or more, each is in
    at most one pair; with fewer, each pair is of any two different ones.
    """
    check_images(images=images)
    check_pixels(images=images)
    count = len(images)
    if count < 2 or pairs < 1:
        raise InputError(f"at least 2 images and 1 pair are needed; got {count} images and pairs={pairs}")
    random = np.random.default_rng(seed)
    if count >= 2 * pairs:
        # Without replacement: pairs that share no image are independent.
        first, second = random.permutation(count)[: 2 * pairs].reshape(2, pairs)
    else:
        first = random.integers(count, size=pairs)
        # A shift by 1 to count - 1: uniform over the others, and never the image itself.
        second = (first + random.integers(1, count, size=pairs)) % count
    block = max(1, min(pairs, 100, BLOCK // math.prod(images.shape[1:])))
    total = 0.0
    for start in range(0, pairs, block):
        part = slice(start, start + block)
        total += float(ms_ssim(images[first[part]], images[second[part]]).sum())
    return total / pairs


def class_diversity(
    images: Images, labels: Shaped[Values, " batch"], pairs: int = 10_000, seed: int = 0
) -> dict[int, float]:
    """The mean MS-SSIM of random pairs of each class's images. Odena et al. 2017, section 4.2.

    pairs: of all classes together, each the same number. InputError for a class of a single image.
    """
    numbers, counts = np.unique(np.asarray(labels), return_counts=True)
    if few := [f"{number}" for number, count in zip(numbers, counts, strict=True) if count < 2]:
        raise InputError(f"pairs within class {', '.join(few)} need 2 images of it: there is one; take more")
    each = max(1, pairs // len(numbers))
    return {int(n): diversity(images[np.asarray(labels) == n], each, seed) for n in numbers}


@jax.jit
def _psnr(a: Array, b: Array, peak: float) -> Array:
    difference = jnp.asarray(a, float) - jnp.asarray(b, float)
    # Infinite for equal images, as the definition has it; their mean then is infinite too.
    return 10 * jnp.log10(peak**2 / jnp.mean(difference**2, axis=(1, 2, 3)))


@jax.jit
def _ssim(a: Array, b: Array, peak: float) -> Array:
    return _comparisons(jnp.asarray(a, float), jnp.asarray(b, float), peak)[0]


@jax.jit
def _ms_ssim(a: Array, b: Array, peak: float) -> Array:
    scales = [(jnp.asarray(a, float), jnp.asarray(b, float))]
    for _ in WEIGHTS[1:]:
        scales.append((_halve(scales[-1][0]), _halve(scales[-1][1])))
    compared = [_comparisons(*scale, peak) for scale in scales]
    # Luminance enters at the coarsest scale alone: eq. 7.
    values = [contrast for _, contrast in compared[:-1]] + [compared[-1][0]]
    # A power of a negative number would be NaN.
    powers = [jnp.maximum(value, 0) ** weight for value, weight in zip(values, WEIGHTS, strict=True)]
    return jnp.prod(jnp.stack(powers), axis=0)


def _comparisons(a: Array, b: Array, peak: float) -> tuple[Array, Array]:
    """The means over an image of SSIM, and of its part without the luminance, [batch] both."""
    # A variance is a difference of squares, of which float32 keeps the most around the image's mean.
    middles = [jnp.mean(images, axis=(1, 2), keepdims=True) for images in (a, b)]
    a, b = a - middles[0], b - middles[1]
    blurred = _blur(jnp.concatenate([a, b, a * a, b * b, a * b]))
    # [5 * batch, H', W', C]: five windows' means by one product.
    mean_a, mean_b, mean_aa, mean_bb, mean_ab = jnp.split(blurred, 5)
    covariance = mean_ab - mean_a * mean_b
    variances = mean_aa - mean_a**2 + mean_bb - mean_b**2
    mean_a, mean_b = mean_a + middles[0], mean_b + middles[1]
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    contrast = (2 * covariance + c2) / (variances + c2)
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return jnp.mean(luminance * contrast, axis=(1, 2, 3)), jnp.mean(contrast, axis=(1, 2, 3))


def _blur(images: Array) -> Array:
    """The Gaussian window's means, wherever it is inside the image."""
    _, height, width, _ = images.shape
    size = min(WINDOW, height, width)
    offsets = np.arange(size) - (size - 1) / 2
    # Its deviation shrinks with it, as in ProGAN's msssim: at 16 px the coarsest scale has one pixel.
    window = np.exp(-(offsets**2) / (2 * (SIGMA * size / WINDOW) ** 2))
    window /= window.sum()
    for equation, side in (("ph,nhwc->npwc", height), ("pw,nhwc->nhpc", width)):
        # A product with a banded matrix is several times faster than a convolution on CPUs.
        shifts = [np.eye(side - size + 1, side, i) for i in range(size)]
        band = jnp.asarray(np.tensordot(window, shifts, axes=1), float)
        images = jnp.einsum(equation, band, images, precision=jax.lax.Precision.HIGHEST)
    return images


def _halve(images: Array) -> Array:
    """The means of 2x2 pixels."""
    batch, height, width, channels = images.shape
    images = images[:, : height // 2 * 2, : width // 2 * 2]
    return jnp.mean(images.reshape(batch, height // 2, 2, width // 2, 2, channels), axis=(2, 4))


def _check(a: Images, b: Images, peak: float) -> None:
    check_images(a=a, b=b)
    if not peak > 0:
        raise InputError(f"peak is the largest value that a pixel can have, 255 for bytes; got {peak}")
