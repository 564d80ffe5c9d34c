"""Mixes styles: the rows' images with some layers' styles of the columns'. Karras et al. 2019, figure 3."""

import dataclasses
from typing import ClassVar

import numpy as np

from gaxjax.expressions import parse_numbers
from gaxjax.generators.edits.edit import Drawing, Edit, image_grid
from gaxjax.generators.edits.layers import select_layers
from gaxjax.generators.model import Styles, TrainedModel
from gaxjax.transforms import graft


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mix(Edit):
    """The sources along both edges, and in each cell its row's image with layers of its column's styles."""

    rows: str
    """seeds, such as 0-3"""
    columns: str
    """seeds, such as 4-9"""
    layers: str = "coarse"
    """whose styles come from the column: coarse (4-8 px), middle (16-32 px), fine (64 px and up), or numbers
    such as 4-7"""

    name: ClassVar = "mix"

    def draw(self, model: TrainedModel) -> Drawing:
        model.need_styles("mixing takes styles")
        rows, columns = parse_numbers(self.rows, "--rows"), parse_numbers(self.columns, "--columns")
        layers = select_layers(self.layers, model.layer_sides)
        # Each source on its own, before any mixing: the edges are what plain sampling would show.
        latents = {"rows": model.latents_of_seeds(rows), "columns": model.latents_of_seeds(columns)}
        styles = {side: model.broadcast_styles(model.map_latents(z)) for side, z in latents.items()}
        edges = {side: model.synthesize(styles[side], latents[side]) for side in latents}
        # The corner is white: there no row meets a column.
        page: list[list[np.ndarray | None]] = [[None, *edges["columns"]]]
        for i in range(len(rows)):
            crossed = cross_styles(styles["rows"], styles["columns"], i, layers)
            # Latents are the row's: what is not a style comes from the row.
            page.append([edges["rows"][i], *model.synthesize(crossed, latents["rows"][[i] * len(columns)])])
        arrays = {
            f"{side}_{name}": array
            for side, seeds in (("rows", rows), ("columns", columns))
            for name, array in model.seed_arrays(seeds).items()
        }
        line = f"layers of the columns' styles: {', '.join(layers)}"
        return Drawing(image_grid(page), arrays | {"layers": np.array(layers)}, lines=(line,))


def cross_styles(rows: Styles, columns: Styles, row: int, layers: list[str]) -> dict[str, np.ndarray]:
    """One row's styles for every column, those of `layers` the columns' own, [columns, S] by layer."""
    # graft by layer, as growth and crossing over in training do: one way to put trees together.
    base = {layer: np.broadcast_to(rows[layer][row], style.shape) for layer, style in columns.items()}
    return dict(graft(base, dict(columns), lambda path: path[-1] in layers))
