"""Goes from seed to seed, in z or in w: a grid and an animation.

A GIF, as no package that this one needs writes video without a program of its own.
White 2016 (arXiv 1609.04468) for the sphere; Radford et al. 2016, figure 4, and Karras et al. 2019 for lines.
"""

import dataclasses
import itertools
from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np

from gaxjax.edit.edit import Drawing, Edit, grid
from gaxjax.errors import InputError
from gaxjax.expressions import numbers
from gaxjax.pictures import to_uint8
from gaxjax.trained import Trained

Between = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Interpolate(Edit):
    """A row for each pair of neighbors in the list, both ends in it; the animation goes along all of them."""

    seeds: str
    """two or more, such as 0-5"""
    space: Literal["z", "w"] | None = None
    """z: along great circles, or lines where latents are uniform; w: along lines (default: w, if there is)"""
    frames: int = 8
    """steps from a seed to the next"""

    name: ClassVar = "interpolate"

    def draw(self, trained: Trained) -> Drawing:
        seeds = numbers(self.seeds, "--seeds")
        if len(seeds) < 2 or self.frames < 1:
            raise InputError(f"there are two seeds or more, and one step or more; got {self}")
        space = self.space or ("w" if trained.has_styles else "z")
        if space == "w":
            trained.need_styles("--space w is about styles")
        # A sphere is where normal latents are; uniform ones would leave their cube on it.
        between = slerp if trained.latents_of.prior == "normal" else lerp
        ends = trained.latents(seeds)
        latents = path(ends, self.frames, between)
        arrays = {"seeds": np.array(seeds), "latents": latents}
        if space == "w":
            arrays = {"seeds": np.array(seeds), "w": path(trained.w(ends), self.frames, lerp)}
            images = trained.synthesized(trained.styles(arrays["w"]), latents)
        else:
            images = trained.images(latents)
        pairs = range(0, len(images) - 1, self.frames)
        page = grid([list(images[start : start + self.frames + 1]) for start in pairs])
        return Drawing(page, arrays, to_uint8(images))


def path(ends: np.ndarray, steps: int, between: Between) -> np.ndarray:
    """Points [n, L] and `steps` - 1 between each two, as one path [(n - 1) steps + 1, L]."""
    shares = np.arange(steps) / steps
    inner = [between(a, b, t) for a, b in itertools.pairwise(ends) for t in shares]
    return np.stack([*inner, ends[-1]]).astype(ends.dtype)


def lerp(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """The point of the line from a to b."""
    return (1 - share) * a + share * b


def slerp(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """The point of the arc from a to b: sin((1 - t) o) / sin(o) a + sin(t o) / sin(o) b, o their angle.

    On a line where they are parallel, as there is then no arc or every one.

    >>> slerp(np.array([2.0, 0.0]), np.array([0.0, 2.0]), 0.5).round(4)
    array([1.4142, 1.4142])
    """
    cosine = np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))
    angle = np.arccos(np.clip(cosine, -1, 1))
    if np.sin(angle) < 1e-6:
        return lerp(a, b, share)
    return (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)
