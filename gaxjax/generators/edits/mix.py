"""Mixes styles: the rows' images with some layers' styles of the columns'. Karras et al. 2019, figure 3."""

import dataclasses
from typing import ClassVar

import numpy as np

from gaxjax.expressions import numbers
from gaxjax.generators.edits.edit import Drawing, Edit, grid
from gaxjax.generators.edits.layers import chosen
from gaxjax.generators.trained import Styles, Trained
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

    def draw(self, trained: Trained) -> Drawing:
        trained.need_styles("mixing takes styles")
        rows, columns = numbers(self.rows, "--rows"), numbers(self.columns, "--columns")
        layers = chosen(self.layers, trained.sides)
        latents = {"rows": trained.latents(rows), "columns": trained.latents(columns)}
        styles = {side: trained.styles(trained.w(z)) for side, z in latents.items()}
        edges = {side: trained.synthesized(styles[side], latents[side]) for side in latents}
        page: list[list[np.ndarray | None]] = [[None, *edges["columns"]]]
        for i in range(len(rows)):
            made = crossed(styles["rows"], styles["columns"], i, layers)
            page.append([edges["rows"][i], *trained.synthesized(made, latents["rows"][[i] * len(columns)])])
        arrays = {
            f"{side}_{name}": array
            for side, seeds in (("rows", rows), ("columns", columns))
            for name, array in trained.arrays(seeds).items()
        }
        taken = f"layers of the columns' styles: {', '.join(layers)}"
        return Drawing(grid(page), arrays | {"layers": np.array(layers)}, lines=(taken,))


def crossed(rows: Styles, columns: Styles, row: int, layers: list[str]) -> dict[str, np.ndarray]:
    """One row's styles for every column, those of `layers` the columns' own, [columns, S] by layer."""
    base = {layer: np.broadcast_to(rows[layer][row], style.shape) for layer, style in columns.items()}
    return dict(graft(base, dict(columns), lambda path: path[-1] in layers))
