"""The nearest example of a set, exactly, in the memory of a block of it: where samples may be copies.

Goodfellow et al. 2014, figure 2, show the nearest training example beside samples "in order to demonstrate
that the model has not memorized the training set"; what a distance means, those of held-out examples say.
"""

from collections.abc import Iterable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from gaxjax.metrics.checking import Values, check_features, check_finite

QUANTILES = (1, 10, 50, 90)
"""Percent, of distances."""


class Nearest(NamedTuple):
    """Of each point."""

    indices: Int[np.ndarray, " points"]
    """of the nearest example"""
    distances: Float[np.ndarray, " points"]
    """Euclidean, to it"""


def find_nearest(
    points: Float[Values, "points features"],
    blocks: Iterable[tuple[int, Float[Values, "block features"]]],
    own: Int[np.ndarray, " points"] | None = None,
) -> Nearest:
    """The nearest of a set that comes block by block, each with the index of its first example.

    own: the index of the example that a point is itself, which is none of its neighbors; -1: it is none.

    >>> blocks = [(0, np.array([[0.0], [1.0]])), (2, np.array([[5.0]]))]
    >>> found = find_nearest(np.array([[0.4], [9.0]]), blocks)
    >>> found.indices.tolist(), found.distances.round(4).tolist() == [np.float32(0.4), 4.0]
    ([0, 2], True)
    """
    check_features(points=points)
    check_finite(points=points)
    # Distances are differences of products, of which float32 keeps the most around the center.
    center = jnp.mean(jnp.asarray(points, jnp.float32), axis=0, keepdims=True)
    x = jnp.asarray(points, jnp.float32) - center
    # -1 is no example's index, and excludes nothing.
    excluded = jnp.asarray(np.full(len(points), -1) if own is None else own, jnp.int32)
    best = jnp.full(len(points), jnp.inf), jnp.full(len(points), -1, jnp.int32)
    for first, block in blocks:
        check_features(points=points, block=block)
        check_finite(block=block)
        best = _nearer(x, jnp.asarray(block, jnp.float32) - center, first, excluded, best)
    squares, indices = map(np.asarray, best)
    return Nearest(indices, np.sqrt(squares))


@jax.jit
def _nearer(
    points: Array, block: Array, first: Array, excluded: Array, best: tuple[Array, Array]
) -> tuple[Array, Array]:
    """The least squared distance so far and its example, [points] both, with those of a block."""
    products = jnp.dot(points, block.T, precision=jax.lax.Precision.HIGHEST)
    squares = jnp.sum(points**2, axis=1)[:, None] + jnp.sum(block**2, axis=1)[None] - 2 * products
    indices = first + jnp.arange(len(block), dtype=jnp.int32)
    squares = jnp.where(excluded[:, None] == indices[None], jnp.inf, squares)
    place = jnp.argmin(squares, axis=1)
    # Of the nearest anew, without the products' rounding: a copy is at 0.
    apart = jnp.sum((points - block[place]) ** 2, axis=1)
    apart = jnp.where(jnp.isinf(jnp.min(squares, axis=1)), jnp.inf, apart)  # a block of the point alone
    is_nearer = apart < best[0]
    return jnp.where(is_nearer, apart, best[0]), jnp.where(is_nearer, indices[place], best[1])


def share_nearer(
    samples: Float[np.ndarray, " samples"], held_out: Float[np.ndarray, " examples"]
) -> tuple[float, float]:
    """The share of samples' distances below the first percent of held-out examples', and where that ends.

    >>> share_nearer(np.array([0.0, 2.0]), np.linspace(1, 2, 101))
    (0.5, 1.01)
    """
    # A quantile and not the least: one held-out image may be a copy by chance.
    limit = float(np.percentile(held_out, QUANTILES[0]))
    return float(np.mean(samples < limit)), limit
