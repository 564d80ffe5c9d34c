"""Shapes: pictures of one object, rendered from factors that are known, without a download.

For what is measured of factors, in the place of dSprites or Isaac3D: all combinations of the values of
independent factors, an image of each.
"""

from typing import final

import jax
import numpy as np

from gaxjax.data.config import Data
from gaxjax.data.factors import NAME as FACTORS
from gaxjax.data.factors import factor_values
from gaxjax.data.source import Batch, Source, shuffle_positions
from gaxjax.errors import InputError

NAME = "shapes"
SIZES = {"shape": 3, "size": 4, "rotation": 6, "x": 8, "y": 8, "color": 6, "background": 4}
"""Factors, the first the most significant of an image's number, and how many values each has."""
# Half of the longer and of the shorter side, in halves of the image: 2 by 1, all three shapes of one area.
ELLIPSE, RECTANGLE, TRIANGLE = (1.0, 0.5), (0.886, 0.443), (1.253, 0.627)
SMALLEST, LARGEST = 0.2, 0.4
"""The object's scale."""
REACH = 0.38
"""How far its center goes from the image's, so that all of it stays in the picture."""
TURN = np.pi / 2
"""The largest rotation. Half a turn brings an ellipse or a rectangle back, so that of a quarter every value
is another picture, and the two ends are the farthest apart."""
HUES = 2 / 3
"""The last color's hue, blue, from red: a whole circle would end where it began."""
DARKEST, LIGHTEST = 0.15, 0.85
"""The background's gray, on which every color shows: they are saturated."""


@final
class Shapes(Source):
    """{"image": uint8 [n, H, H, 3], "factors": float32 [n, 7] in [0, 1]}: 110,592 images.

    Shape is an ellipse, a rectangle or a triangle; size, rotation and position change evenly from value to
    value, color in hue from red to blue, the background from dark to light gray.
    """

    factor_names = tuple(SIZES)
    factor_sizes = tuple(SIZES.values())

    def __init__(self, data: Data):
        height, width, channels = data.shape
        if height != width or channels != 3:
            raise InputError(
                f"{NAME} are square images in color: use shape={(height, height, 3)}, not {data.shape}"
            )
        # "train[:90%]" would be a part of the combinations, in which factors may depend on each other.
        if data.split != "train":
            raise InputError(f"{NAME} has one split, train, not {data.split!r}")
        self.side = height
        self.spec = {
            "image": jax.ShapeDtypeStruct(data.shape, np.uint8),
            FACTORS: jax.ShapeDtypeStruct((len(SIZES),), np.float32),
        }
        # One order: factors are of their image.
        self.streams = {"image": 0, FACTORS: 0}

    def __len__(self) -> int:
        return int(np.prod(self.factor_sizes))

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        factors = factor_values(shuffle_positions(positions, len(self), seed), self.factor_sizes)
        return {"image": render_shapes(factors, self.side), FACTORS: factors}


def render_shapes(factors: np.ndarray, side: int) -> np.ndarray:
    """Images of factors [n, 7], any numbers in [0, 1]: uint8 [n, side, side, 3]; of shapes the nearest."""
    shape, size, rotation, x, y, color, background = factors.astype(np.float32).T
    scale = SMALLEST + (LARGEST - SMALLEST) * size
    # Centers of pixels from -1 to 1, to the right and up.
    centers = (2 * np.arange(side, dtype=np.float32) + 1) / side - 1
    across = centers[None, None, :] - (REACH * (2 * x - 1))[:, None, None]
    up = -centers[None, :, None] - (REACH * (2 * y - 1))[:, None, None]
    cosine, sine = (f(TURN * rotation)[:, None, None] for f in (np.cos, np.sin))
    # The object's own coordinates, turned back: its longer side lies along u. A unit is its scale.
    u = (cosine * across + sine * up) / scale[:, None, None]
    v = (cosine * up - sine * across) / scale[:, None, None]
    kind = np.rint(2 * shape)
    distance = np.empty_like(u)
    outlines = (distance_to_ellipse, distance_to_rectangle, distance_to_triangle)
    for number, signed_distance in enumerate(outlines):
        which = kind == number
        distance[which] = signed_distance(u[which], v[which])
    # In pixels, of which 2 / side is one. Anti-aliased: from in to out within a pixel, by a smoothstep.
    inside = np.clip(0.5 - distance * (scale * side / 2)[:, None, None], 0, 1)
    inside = (inside * inside * (3 - 2 * inside))[..., None]
    gray = (DARKEST + (LIGHTEST - DARKEST) * background)[:, None, None, None]
    return np.rint(255 * (gray + inside * (colors_of(color)[:, None, None] - gray))).astype(np.uint8)


def colors_of(values: np.ndarray) -> np.ndarray:
    """Saturated colors of hues from red, at 0, to blue, at 1: [n, 3] in [0, 1]."""
    # Of the color wheel's six parts: red, green and blue are each full for two, and rise or fall over one.
    sixths = (6 * HUES * values)[:, None] - np.array([0, 2, 4], np.float32)
    around = np.abs((sixths + 3) % 6 - 3)
    return np.clip(2 - around, 0, 1)


def distance_to_ellipse(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Signed distance, negative inside; to first order, which is what is seen of it near the edge."""
    a, b = ELLIPSE
    radius = np.sqrt((u / a) ** 2 + (v / b) ** 2)
    slope = np.sqrt((u / a**2) ** 2 + (v / b**2) ** 2)
    # At the center, where there is no direction, 0 / 0 is far inside.
    return radius * (radius - 1) / np.maximum(slope, 1e-6) - b * (slope < 1e-6)


def distance_to_rectangle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Signed distance, negative inside."""
    across, up = np.abs(u) - RECTANGLE[0], np.abs(v) - RECTANGLE[1]
    outside = np.hypot(np.maximum(across, 0), np.maximum(up, 0))
    return outside + np.minimum(np.maximum(across, up), 0)


def distance_to_triangle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Signed distance to the nearest of the lines of the sides; past a corner less than to the corner."""
    half, base = TRIANGLE
    # Points to u = +half from a side at u = -half; the other two sides mirror each other.
    length = np.hypot(2 * half, base)
    slanted = (base * (u - half) + 2 * half * np.abs(v)) / length
    return np.maximum(slanted, -half - u)
