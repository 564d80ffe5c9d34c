"""Perceptual path length: how far an image moves per step of its latents. Karras et al. 2019, section 4.1.

A path leads from one draw to another; a small step along it, and the distance of the two images over the step
squared, is its length there. The paper's distance is LPIPS, and its mean is of 100,000 paths.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from gaxjax.errors import InputError
from gaxjax.layers.resampling import average_pool
from gaxjax.metrics.checking import Values, check_finite

EPSILON = 1e-4
"""The step."""
LARGEST = 256
"""Side of the images that are compared; larger ones are averaged down to less than twice that."""
OUTSIDE = 1.0
"""Percent of the lengths that are left out at either end."""
TINY = float(np.finfo(np.float32).tiny)

Latents = Float[Array, "batch latents"]
Images = Float[Array, "batch height width channels"]
PerPath = Float[Array, " batch"]
Between = Callable[[Latents, Latents, PerPath], Latents]
"""start, end, share of the way -> points on the ways"""


class Space(NamedTuple):
    """A space of latents, as pure functions."""

    draw: Callable[[Array], Latents]
    """key -> a batch of points"""
    between: Between
    """the paths"""
    images: Callable[[Latents, Array], Images]
    """points, key -> images in [-1, 1]; the same key brings the same noise"""


class PathLength(NamedTuple):
    """An estimate over paths."""

    mean: float
    """of the lengths that are left"""
    standard_error: float
    """of that mean"""


def lerp(a: Latents, b: Latents, t: PerPath) -> Latents:
    """The point at t of the straight way from a to b."""
    return a + (b - a) * t[:, None]


def slerp(a: Latents, b: Latents, t: PerPath) -> Latents:
    """The point at t of the arc from a to b, the length between the two changing linearly.

    The paper's latents all have one length, to which its generators bring whatever they are given. Others do
    not, and would be asked for images of latents that they have never seen.

    >>> slerp(jnp.array([[2.0, 0.0]]), jnp.array([[0.0, 4.0]]), jnp.array([0.5])) / jnp.sqrt(4.5)
    Array([[1., 1.]], dtype=float32)
    """
    length_a, length_b = _length(a), _length(b)
    # Unit vectors. TINY only keeps 0 / 0 away; no latent has length 0 but one that is made to.
    a, b = a / jnp.maximum(length_a, TINY), b / jnp.maximum(length_b, TINY)
    cosine = jnp.sum(a * b, axis=1, keepdims=True)
    # b without its part along a: of length sin(angle), perpendicular to a.
    across = b - cosine * a
    sine = _length(across)
    # Not the arc cosine, which knows nothing of small angles.
    angle = t[:, None] * jnp.arctan2(sine, cosine)
    # A turn by the share of the angle in the plane of both. For latents of one length it is the paper's
    # slerp.
    direction = jnp.cos(angle) * a + jnp.sin(angle) * across / jnp.maximum(sine, TINY)
    return direction * lerp(length_a, length_b, t)


def crop_face(images: Images) -> Images:
    """The part that the paper compares of aligned faces: rows 3/8 to 7/8, columns 2/8 to 6/8."""
    rows, columns = images.shape[1] // 8, images.shape[2] // 8
    # By eighths rounded down, as the authors' code has it: their images have sides that eight divides.
    return images[:, 3 * rows : 7 * rows, 2 * columns : 6 * columns]


def shrink(images: Images) -> Images:
    """The means of k x k pixels, k the whole times that the height holds 256; none if k < 2."""
    _, height, width, _ = images.shape
    k = height // LARGEST
    if k < 2:
        return images
    return average_pool(images[:, : height // k * k, : width // k * k], k)


def lengths(
    space: Space, distance: Callable[[Images, Images], PerPath], key: Array, full: bool | Array
) -> PerPath:
    """distance(image at t, image at t + 1e-4) / 1e-4^2 along new paths. Karras et al. 2019, eq. 2 and 3.

    t is uniform on [0, 1) if full, and 0 otherwise, where every point is one that the game itself may draw.
    """
    # One key for the noise of both images: their distance is of the step alone.
    start, end, place, noise = jax.random.split(key, 4)
    a, b = space.draw(start), space.draw(end)
    # `full` may be traced: both kinds of path are one compiled program.
    t = jnp.where(full, jax.random.uniform(place, a.shape[:1]), 0)
    # A step of 1e-4 is lost in products of 10 or 11 bits, which are what accelerators multiply by themselves.
    with jax.default_matmul_precision("highest"):
        here, there = (space.images(space.between(a, b, at), noise) for at in (t, t + EPSILON))
        return distance(here, there) / EPSILON**2


def path_length(values: Float[Values, " paths"]) -> PathLength:
    """The mean of lengths within their 1st and 99th percentile, both among them.

    >>> path_length(np.array([0.0, 0.0, *[5.0] * 297, 1e6]))
    PathLength(mean=5.0, standard_error=0.0)
    """
    if values.ndim != 1 or not values.size:
        raise InputError(f"lengths must have shape [paths], at least one; got {values.shape}")
    check_finite(lengths=values)
    found = np.asarray(values, np.float64)
    # Among the lengths themselves, without interpolation, as the authors' code: `lower` and `higher` keep the
    # ends.
    low = np.percentile(found, OUTSIDE, method="lower")
    high = np.percentile(found, 100 - OUTSIDE, method="higher")
    kept = found[(found >= low) & (found <= high)]
    return PathLength(float(kept.mean()), float(kept.std() / math.sqrt(len(kept))))


def _length(x: Array) -> Array:
    return jnp.sqrt(jnp.sum(x**2, axis=1, keepdims=True))
