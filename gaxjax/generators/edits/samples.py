"""Images of chosen seeds: what `gaxjax sample --seeds` does."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

from gaxjax.expressions import numbers
from gaxjax.generators.edits.edit import Drawing, Edit, perform
from gaxjax.generators.trained import Trained
from gaxjax.pictures.images import sheet, to_uint8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Samples(Edit):
    """Each seed names one latent: its image is the same whatever else is in the list."""

    seeds: str
    """such as 0-63,70"""

    name: ClassVar = "sample"

    def draw(self, trained: Trained) -> Drawing:
        seeds = numbers(self.seeds, "--seeds")
        return Drawing(sheet(to_uint8(trained.images(trained.latents(seeds)))), trained.arrays(seeds))


def sample(run: Path, **options: Any) -> str:
    """Writes the picture, and the latents beside it; returns the picture's path."""
    return perform(run, Samples(**options))[-1]
