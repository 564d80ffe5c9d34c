"""Turns one code at a time: its values along the columns, all else as it was. Chen et al. 2016, figure 2."""

import dataclasses
from typing import ClassVar

import numpy as np
import tyro

from gaxjax.errors import InputError
from gaxjax.expressions import parse_numbers
from gaxjax.generators.codes import Code, find_code, list_codes, split_words, turn_code
from gaxjax.generators.edits.edit import Drawing, Edit, image_grid
from gaxjax.generators.model import TrainedModel
from gaxjax.pictures.images import tile_images, to_uint8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Traverse(Edit):
    """A row for each code and seed. Columns are a category's classes, or a continuous code's values.

    These are evenly spaced from one end of the prior to the other, -2 to 2 where it is normal. The animation
    turns all rows at once.
    """

    code: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """a code, by its name or its position (c1, c2); several times for several"""
    factors: bool = False
    """every code that the game has"""
    seeds: str = "0"
    """of the latents that rows begin with, such as 0-4"""
    steps: int = 10
    """values of a continuous code"""
    reach: float | None = None
    """go from minus this to this, in place of the prior's ends: InfoGAN's figure has 2"""

    name: ClassVar = "traverse"

    def draw(self, model: TrainedModel) -> Drawing:
        codes, seeds = self.select_codes(model), parse_numbers(self.seeds, "--seeds")
        if self.steps < 2 or (self.reach is not None and not 0 < self.reach < np.inf):
            raise InputError(f"--steps is 2 or more, and --reach more than 0; got {self}")
        start = model.latents_of_seeds(seeds)
        arrays: dict[str, np.ndarray] = {"seeds": np.array(seeds), "codes": np.array([c.name for c in codes])}
        rows: list[np.ndarray] = []
        lines: list[str] = []
        for code in codes:
            # One start for all codes: in each row what changes is its code alone.
            values = code.values(self.steps, self.reach)
            latents = turn_code(model.gan, start, code, values)
            arrays |= {f"{code.name}/values": values, f"{code.name}/latents": latents}
            # A row for each seed: [values, L] at a time.
            rows += [model.generate(row) for row in latents]
            ends = f"{values[0]:g} to {values[-1]:g}"
            lines.append(f"{code.description}; along {len(values)} columns {ends}")
        # Rows may be of several lengths: a shorter one waits on each of its images.
        length = max(map(len, rows))
        frames = [np.stack([row[i * len(row) // length] for row in rows]) for i in range(length)]
        animation = np.stack([tile_images(to_uint8(frame)) for frame in frames])
        return Drawing(image_grid([list(row) for row in rows]), arrays, animation, tuple(lines))

    def select_codes(self, model: TrainedModel) -> list[Code]:
        """Those that are named, or all."""
        codes, names = list_codes(model.gan, model.factors), split_words(self.code)
        # Neither is no traversal, and of both one would go unheard.
        if bool(names) == self.factors:
            known = "; ".join(code.description for code in codes)
            raise InputError(f"name codes by --code, or take all by --factors; there are {known}")
        return [find_code(model.gan, name, model.factors) for name in names] or codes
