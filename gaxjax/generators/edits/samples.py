"""Images of chosen seeds: what `gaxjax sample --seeds` does."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

from gaxjax.expressions import parse_numbers
from gaxjax.generators.edits.edit import Drawing, Edit, perform_edit
from gaxjax.generators.model import TrainedModel
from gaxjax.pictures.images import tile_images, to_uint8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Samples(Edit):
    """Each seed names one latent: its image is the same whatever else is in the list."""

    seeds: str
    """such as 0-63,70"""
    code: tuple[str, ...] = ()
    """NAME=VALUE of codes, in place of what the seeds draw"""

    name: ClassVar = "sample"

    def select_class(self, model: TrainedModel) -> TrainedModel:
        """And the codes."""
        # Before any latent is drawn, so that psi and labels go through the game with codes as without.
        return super().select_class(model).with_codes(self.code)

    def draw(self, model: TrainedModel) -> Drawing:
        # An edit like any other, so that the latents are kept beside the picture for the next one.
        seeds = parse_numbers(self.seeds, "--seeds")
        return Drawing(
            tile_images(to_uint8(model.generate(model.latents_of_seeds(seeds)))), model.seed_arrays(seeds)
        )


def write_seed_samples(run: Path, **options: Any) -> list[str]:
    """Writes the picture, and the latents beside it; returns a line on these, and the picture's path."""
    return perform_edit(run, Samples(**options))
