"""Points against the mixture of Gaussians that they imitate: modes found, high quality, sliced distance.

As in Srivastava et al. 2017 (VEEGAN), a sample is of high quality if it is within three standard deviations
of the nearest mode, and a mode is found by such samples.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gaxjax.errors import InputError
from gaxjax.metrics.checking import Values, check_features, check_finite
from gaxjax.metrics.sliced import distance_along

NEAR = 3.0
"""Standard deviations within which a sample counts as one of a mode."""


class Mixture(NamedTuple):
    """Equal, round Gaussians, each as likely as the others."""

    means: np.ndarray
    """[modes, dimensions]"""
    deviation: float


class ModeCoverage(NamedTuple):
    """What is made of a mixture."""

    modes: int
    """that have enough samples near them"""
    high_quality: float
    """share of the samples that are near any"""


def find_modes(points: Float[Values, "points dimensions"], mixture: Mixture, least: int = 1) -> ModeCoverage:
    """The modes with at least so many samples nearer to them than to others, and within 3 deviations.

    >>> find_modes(np.array([[0.0], [0.2], [1.0]]), Mixture(np.array([[0.0], [1.0]]), 0.05))
    ModeCoverage(modes=2, high_quality=0.6666666666666666)
    """
    check_features(points=points, means=mixture.means)
    check_finite(points=points)
    if least < 1:
        raise InputError(f"least, the samples that make a mode a found one, must be at least 1; got {least}")
    # [points, modes, dimensions]; there are few modes, so that it is small.
    apart = np.asarray(points, np.float64)[:, None] - mixture.means[None]
    distances = np.sqrt(np.sum(apart**2, axis=-1))
    # A sample counts for its nearest mode alone, also where modes are so near that 3 deviations reach two.
    near = distances.min(axis=1) <= NEAR * mixture.deviation
    counts = np.bincount(distances.argmin(axis=1)[near], minlength=len(mixture.means))
    return ModeCoverage(int(np.sum(counts >= least)), float(np.mean(near)))


def sliced_distance(
    real: Float[Values, "real dimensions"], fake: Float[Values, "fake dimensions"], directions: int = 32
) -> float:
    """The mean Wasserstein-1 distance of projections. Rabin et al. 2011.

    Of points on a line it is the distance itself; in the plane, the directions are evenly spread over half a
    turn. The sets may differ in size.

    >>> sliced_distance(np.array([[0.0], [2.0]]), np.array([[1.0]]))
    1.0
    """
    check_features(real=real, fake=fake)
    check_finite(real=real, fake=fake)
    if directions < 1:
        raise InputError(f"directions must be at least 1; got {directions}")
    dimensions = np.shape(real)[1]
    if dimensions > 2:
        raise InputError(f"points are on a line or in the plane; got {dimensions} dimensions")
    angles = np.pi * np.arange(directions) / directions
    # Half a turn: along -u a projection's distance is the same as along u. Fixed directions make it
    # deterministic.
    units = np.stack([np.cos(angles), np.sin(angles)], axis=1) if dimensions == 2 else np.ones((1, 1))
    return distance_along(units, *(np.asarray(points, np.float64) for points in (real, fake)))
