"""Precision, recall, density and coverage of fakes, by the balls that reach to neighbors.

A ball stands on each example of a set and reaches to the k-th nearest of the others, without its edge.
Precision and recall are those of Kynkäänniemi et al. 2019, section 2, who take features of VGG16's second
fully connected layer, [4096], and k = 3; density and coverage those of Naeem et al. 2020, with k = 5.
"""

import functools
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
FEW = 16
"""Features up to which distances are summed directly: near neighbors are then far nearer than the origin."""


class Neighbors(NamedTuple):
    """Shares of a set, but for the density, which can be above 1."""

    precision: float
    """share of the fakes that are in a real example's ball"""
    recall: float
    """share of the real examples that are in a fake's ball"""
    density: float
    """how many real examples' balls a fake is in, over k"""
    coverage: float
    """share of the real examples whose ball has a fake in it"""


def neighbors(
    real: Float[Values, "real features"], fake: Float[Values, "fake features"], k: int = 5
) -> Neighbors:
    """All four measures, which agree with those of the package prdc.

    >>> neighbors(np.arange(4.0)[:, None], np.array([[0.1], [0.4], [8.0], [9.0]]), k=1)
    Neighbors(precision=0.5, recall=0.25, density=1.0, coverage=0.5)
    """
    check_features(real=real, fake=fake)
    check_finite(real=real, fake=fake)
    fewest = min(len(real), len(fake))
    if not 1 <= k < fewest:
        raise InputError(
            "k must be at least 1 and less than the size of each set, in which an example has k neighbors; "
            f"got k={k} for {len(real)} real and {len(fake)} fake examples"
        )
    sets = [jnp.asarray(values, jnp.float32) for values in (real, fake)]
    # Distances are differences of products, of which float32 keeps the most around the center.
    center = jnp.mean(sets[0], axis=0, keepdims=True)
    sets = [values - center for values in sets]
    # [real], [fake]: squared, as all distances here. No root is needed to compare them.
    real_radii, fake_radii = (_radii(values, k, _block(values)) for values in sets)
    balls, _ = _containing(sets[1], sets[0], real_radii, _block(sets[0]))
    fake_balls, nearest = _containing(sets[0], sets[1], fake_radii, _block(sets[1]))
    return Neighbors(
        # balls [fake]: how many real balls each fake is in; fake_balls [real]: the other way around; nearest
        # [real]: squared distance to the nearest fake.
        precision=float(np.mean(np.asarray(balls) > 0)),
        recall=float(np.mean(np.asarray(fake_balls) > 0)),
        density=float(np.mean(np.asarray(balls)) / k),
        coverage=float(np.mean(np.asarray(nearest) < np.asarray(real_radii))),
    )


def _block(centers: Array) -> int:
    # Points at a time, so that [block, centers] distances are BLOCK: all of 50,000 by 50,000 would be 10 GB.
    return max(1, BLOCK // len(centers))


@functools.partial(jax.jit, static_argnames=("k", "block"))
def _radii(points: Array, k: int, block: int) -> Array:
    """The squared distance of each point to the k-th nearest of the others, [points]."""
    indices = jnp.arange(len(points))
    squares = jnp.sum(points**2, axis=1)

    def of_point(index: Array) -> Array:
        apart = _distances(points[index], squares[index], points, squares)
        # A point is not its own neighbor. By its index: a copy of it is one, at distance 0.
        distances = jnp.where(indices == index, jnp.inf, apart)
        # Passes over the others, as sorting them takes several times as long on CPUs.
        return jnp.min(jax.lax.fori_loop(1, k, lambda _, d: d.at[jnp.argmin(d)].set(jnp.inf), distances))

    # A scan over blocks of points, each vectorized.
    return jax.lax.map(of_point, indices, batch_size=min(block, len(points)))


@functools.partial(jax.jit, static_argnames="block")
def _containing(points: Array, centers: Array, radii: Array, block: int) -> tuple[Array, Array]:
    """In how many balls each point is, and its squared distance to the nearest center, [points] both."""
    squares = jnp.sum(centers**2, axis=1)

    def of_point(example: tuple[Array, Array]) -> tuple[Array, Array]:
        distances = _distances(*example, centers, squares)
        # Less and not equal, without the ball's edge: the k-th neighbor itself lies on it.
        return jnp.sum(distances < radii), jnp.min(distances)

    return jax.lax.map(of_point, (points, jnp.sum(points**2, axis=1)), batch_size=min(block, len(points)))


def _distances(point: Array, square: Array, centers: Array, squares: Array) -> Array:
    """|x - c|^2 to each center, [centers]; square and squares: |x|^2 and |c|^2."""
    if len(point) <= FEW:
        return jnp.sum((centers - point[None]) ** 2, axis=1)
    products = jnp.dot(centers, point, precision=jax.lax.Precision.HIGHEST)
    # the same sum from either end, as the k-th nearest of copies is on the very edge of a ball
    return jnp.maximum((squares + square) - 2 * products, 0)
