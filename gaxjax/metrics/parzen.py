"""The Parzen-window log-likelihood of Goodfellow et al. 2014, section 5, in nats.

A normal density stands on each of the model's samples, and what they say together of test examples is the
estimate. The paper has 10,000 samples, pixels in [0, 1], and chooses the width on 1,000 validation examples.
It ranks models unreliably (Theis et al. 2016): it is here to reproduce tables.
"""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from gaxjax.errors import InputError
from gaxjax.metrics.checking import Values, check_features, check_finite

BLOCK = 2**22
"""Distances that are held at a time, 16 MB of them."""


class Parzen(NamedTuple):
    """An estimate over a test set."""

    mean: float
    """log-likelihood of an example, in nats"""
    standard_error: float
    """of the mean, in nats"""
    sigma: float
    """the width of the window"""


def log_likelihood(
    points: Float[Values, "points features"], samples: Float[Values, "samples features"], sigma: float
) -> Float[np.ndarray, " points"]:
    """log (1/S) sum_s N(x; s, sigma^2 I) of each point x, in nats. Goodfellow et al. 2014, section 5.

    >>> log_likelihood(np.zeros((1, 2)), np.zeros((5, 2)), sigma=1.0).round(4)  # -log 2 pi
    array([-1.8379])
    """
    _check(points=points, samples=samples)
    return _log_likelihoods(points, samples, [sigma])[:, 0]


def choose_sigma(
    validation: Float[Values, "points features"],
    samples: Float[Values, "samples features"],
    grid: Sequence[float] | np.ndarray | None = None,
) -> float:
    """The width under which the validation set is the most likely.

    grid: the widths to try, by default 10 from 0.1 to 1 at equal distances of their logarithms.
    """
    _check(validation=validation, samples=samples)
    widths = np.logspace(-1, 0, 10) if grid is None else np.asarray(grid, np.float64)
    if widths.ndim != 1 or not widths.size:
        raise InputError(f"grid must be a list of widths; got shape {widths.shape}")
    # All widths in one pass over the distances, which are what takes time.
    return float(widths[np.argmax(_log_likelihoods(validation, samples, widths).mean(axis=0))])


def parzen(
    test: Float[Values, "points features"],
    validation: Float[Values, "validation features"],
    samples: Float[Values, "samples features"],
) -> Parzen:
    """The estimate over a test set with the width that suits the validation set, all three flattened."""
    _check(test=test, validation=validation, samples=samples)
    sigma = choose_sigma(validation, samples)
    values = log_likelihood(test, samples, sigma)
    return Parzen(float(values.mean()), float(values.std() / math.sqrt(len(values))), sigma)


def _log_likelihoods(points: Values, samples: Values, sigmas: Sequence[float] | np.ndarray) -> np.ndarray:
    """[points, sigmas]; the distances are the same for all widths."""
    widths = np.asarray(sigmas, np.float64)
    if not np.all((widths > 0) & np.isfinite(widths)):
        raise InputError(f"sigma is a width and must be positive; got {widths.tolist()}")
    # Points at a time, [block, samples] distances each.
    block = max(1, min(len(points), BLOCK // len(samples)))
    # JAX's `float`: float64 under x64. At a width of 0.1, -|x - s|^2 / 2 sigma^2 is some -3,000, of which
    # rounding in float32 can be 0.1 nats.
    floats = [jnp.asarray(value, float) for value in (points, samples, widths)]
    kernels = np.asarray(_log_mean_kernels(*floats, block), np.float64)
    # The normal density's constant, apart: of 784 pixels it is hundreds of nats, and in float64.
    return kernels - points.shape[1] * np.log(widths * math.sqrt(2 * math.pi))


@functools.partial(jax.jit, static_argnames="block")
def _log_mean_kernels(points: Array, samples: Array, sigmas: Array, block: int) -> Array:
    """log mean_s exp(-|x - s|^2 / 2 sigma^2), [points, sigmas], `block` points at a time."""
    # |x - s|^2 = |x|^2 - 2 x.s + |s|^2 is a difference of the smallest numbers around the center.
    center = jnp.mean(samples, axis=0)
    samples = samples - center[None]
    squares = jnp.sum(samples**2, axis=1)

    def of_point(point: Array) -> Array:
        point = point - center
        products = jnp.dot(samples, point, precision=jax.lax.Precision.HIGHEST)
        distances = jnp.maximum(squares - 2 * products + jnp.sum(point**2), 0)
        # Width after width: [block, samples] once for each would be held at once by `vmap`. logsumexp, as
        # exp(-3,000) is 0.
        return jax.lax.map(lambda sigma: jax.nn.logsumexp(-distances / (2 * sigma**2)), sigmas)

    return jax.lax.map(of_point, points, batch_size=block) - math.log(len(samples))


def _check(**values: Values) -> None:
    check_features(**values)
    check_finite(**values)
