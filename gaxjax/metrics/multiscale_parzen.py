"""A Parzen-window log-likelihood with a window at each scale. Denton et al. 2015, section 4.1, appendix A.

An image is the means of its squares of 2 x 2 pixels, and what these leave, in an orthonormal basis; so
are the means again, down to some 8 pixels. Pixels and levels have one density, as the change of basis is a
rotation, and that of the levels is taken for a product of Parzen estimates, each with a width of its own:

    log p(I) = log q_K(l_K) + sum_k log q_k(h_k)

The paper's h are drawn by the model for each test image's own means, which a GAN without levels cannot do.
Here windows stand on the levels of the model's samples, whatever model it is: all are measured alike.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped

from gaxjax.metrics.checking import Values, check_images, check_pixels
from gaxjax.metrics.parzen import choose_sigma, log_likelihood
from gaxjax.metrics.samples import Samples, Value

SMALLEST = 7
"""Pixels of the shorter side that the coarsest level has at least: 32 gives 8, and 28 gives 7."""
# Residuals are small: of natural images a tenth of what pixels are.
WIDTHS = np.logspace(-2, 0, 20)


class MultiscaleParzen(NamedTuple):
    """An estimate over a test set."""

    mean: float
    """log-likelihood of an image, in nats"""
    standard_error: float
    """of the mean, in nats"""
    levels: tuple[float, ...]
    """what each level adds to the mean, coarse to fine"""
    sigmas: tuple[float, ...]
    """the width of each level's window"""


def multiscale_parzen(
    test: Shaped[Values, "images height width channels"],
    validation: Shaped[Values, "validation height width channels"],
    samples: Shaped[Values, "samples height width channels"],
) -> MultiscaleParzen:
    """The estimate over test images in [0, 255], whose widths are chosen level by level on a validation set.

    Nats are of pixels in [0, 1]. InputError for images of different sizes, or in [-1, 1].
    """
    values, sigmas = [], []
    levels = [split_levels(images) for images in (test, validation, samples)]
    for of_test, of_validation, of_samples in zip(*levels, strict=True):
        sigmas.append(choose_sigma(of_validation, of_samples, WIDTHS))
        values.append(log_likelihood(of_test, of_samples, sigmas[-1]))
    # Of each image, over its levels: these are not independent of one another, images are.
    whole = np.sum(values, axis=0)
    error = float(whole.std() / math.sqrt(len(whole)))
    means = tuple(float(value.mean()) for value in values)
    return MultiscaleParzen(float(whole.mean()), error, means, tuple(sigmas))


def split_levels(images: Shaped[Values, "images height width channels"]) -> list[np.ndarray]:
    """Images in [0, 255] as levels [N, D], coarse to fine: a rotation of the pixels in [0, 1], all N.

    Where a side is odd there is nothing to halve, and the pyramid ends.

    >>> [level.shape for level in split_levels(np.zeros((5, 32, 32, 3), np.uint8))]
    [(5, 192), (5, 576), (5, 2304)]
    """
    check_images(images=images)
    check_pixels(images=images)
    means, levels = np.asarray(images, np.float32) / 255, list[np.ndarray]()
    while not (means.shape[1] % 2 or means.shape[2] % 2) and min(means.shape[1:3]) // 2 >= SMALLEST:
        # Of a square the sums leave twice its mean. The differences are a rotation of what the mean leaves:
        # windows are round, and do not see which.
        rows, across = haar(means, 1)
        means, down = haar(rows, 2)
        parts = [part.reshape(len(means), -1) for part in (across, down)]
        levels.insert(0, np.concatenate(parts, axis=1))
    return [means.reshape(len(means), -1), *levels]


def haar(x: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Sums and differences of neighbors along an axis, over sqrt(2)."""
    even, odd = (np.take(x, np.arange(start, x.shape[axis], 2), axis) for start in (0, 1))
    return (even + odd) / np.float32(math.sqrt(2)), (even - odd) / np.float32(math.sqrt(2))


def compute_likelihood(samples: Samples) -> dict[str, Value]:
    """Of test images under the levels of fakes; needs images."""
    # Three sets, as for the plain estimate: widths are chosen on images that they are not measured on.
    sides = (samples.real, samples.validation, samples.fake)
    estimate = multiscale_parzen(*(side.arrays["images"] for side in sides))
    by_level = ", ".join(
        f"{level:.1f} (sigma {sigma:.3f})"
        for level, sigma in zip(estimate.levels, estimate.sigmas, strict=True)
    )
    return {"multiscale_parzen": Value(estimate.mean, estimate.standard_error, f"coarse to fine {by_level}")}
