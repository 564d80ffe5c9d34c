"""Goes from seed to seed, in z or in w: a grid and an animation.

A GIF, as no package that this one needs writes video without a program of its own.
White 2016 (arXiv 1609.04468) for the sphere; Radford et al. 2016, figure 4, and Karras et al. 2019 for lines.
The ways between two points are those that the perceptual path length measures.
"""

import dataclasses
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np

from gaxjax.errors import InputError
from gaxjax.expressions import parse_numbers
from gaxjax.generators.edits.edit import Drawing, Edit, image_grid
from gaxjax.generators.model import TrainedModel
from gaxjax.latents import Joint
from gaxjax.metrics.path_length import Between, lerp, slerp
from gaxjax.pictures.images import to_uint8


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

    def draw(self, model: TrainedModel) -> Drawing:
        seeds = parse_numbers(self.seeds, "--seeds")
        if len(seeds) < 2 or self.frames < 1:
            raise InputError(f"there are two seeds or more, and one step or more; got {self}")
        space = self.space or ("w" if model.has_styles else "z")
        if space == "w":
            model.need_styles("--space w is about styles")
        between = select_path(model.distribution)
        ends = model.latents_of_seeds(seeds)
        latents = interpolate_path(ends, self.frames, between)
        arrays = {"seeds": np.array(seeds), "latents": latents}
        if space == "w":
            arrays = {
                "seeds": np.array(seeds),
                "w": interpolate_path(model.map_latents(ends), self.frames, lerp),
            }
            # Latents along as well: synthesis of configs A to C starts from them.
            images = model.synthesize(model.broadcast_styles(arrays["w"]), latents)
        else:
            images = model.generate(latents)
        # A row ends where the next begins: a seed in between stands in both.
        pairs = range(0, len(images) - 1, self.frames)
        page = image_grid([list(images[start : start + self.frames + 1]) for start in pairs])
        return Drawing(page, arrays, to_uint8(images))


def select_path(distribution: Any) -> Between:
    """The way between two latents of a distribution, a `Latents` or a `Joint`; of each part its own."""
    if not isinstance(distribution, Joint):
        # A sphere is where normal latents are; uniform ones would leave their cube on it.
        return slerp if distribution.prior == "normal" else lerp
    paths = [select_path(part) for part in distribution.parts]

    def between(a: Any, b: Any, t: Any) -> Any:
        parts = zip(paths, distribution.split(a), distribution.split(b), strict=True)
        return jnp.concatenate([path(start, end, t) for path, start, end in parts], axis=-1)

    return between


def interpolate_path(ends: np.ndarray, steps: int, between: Between) -> np.ndarray:
    """Points [n, L] and `steps` - 1 between each two, as one path [(n - 1) steps + 1, L]."""
    # All pairs at once: [n - 1 ends, L] becomes [(n - 1) steps, L], pair by pair.
    starts, stops = (np.repeat(points, steps, axis=0) for points in (ends[:-1], ends[1:]))
    shares = np.tile(np.arange(steps, dtype=np.float32) / steps, len(ends) - 1)
    inner = between(jnp.asarray(starts), jnp.asarray(stops), jnp.asarray(shares))
    points = np.concatenate([inner, ends[-1:]]).astype(ends.dtype)
    points[::steps] = ends  # as they are: an arc begins at what it rounds them to
    return points
