"""Sheets of samples side by side."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gaxjax.pictures import images as pictures


def read_picture(path: Path | None) -> np.ndarray:
    """A picture's pixels; white if there is none."""
    from PIL import Image

    if path is None:
        # A run that broke before its first picture keeps its place on the sheet.
        return np.full((1, 1), 255, np.uint8)
    with Image.open(io.BytesIO(path.read_bytes())) as picture:
        return np.asarray(picture)


def draw_sheets(sheets: Sequence[tuple[str, np.ndarray]], path: Path) -> Path:
    """Sheets of samples side by side, each under its name."""
    # -(-a // b) rounds up: as many rows as it takes.
    columns = min(5, len(sheets))
    figure, axes = pictures.new_figure(-(-len(sheets) // columns), columns)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, (title, pixels) in zip(axes.flat, sheets, strict=False):
        axis.imshow(
            np.atleast_2d(pixels.squeeze()), cmap="gray", vmin=0, vmax=255, interpolation="antialiased"
        )
        # Two lines of it fit into the figure's margin.
        axis.set_title(title, size=9)
    return pictures.save_figure(figure, path)
