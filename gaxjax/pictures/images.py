"""Sheets of images, plots of points and curves, an animation and four moments of a run."""

import contextlib
import io
import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gaxjax.data.loader import pixels_of
from gaxjax.files import write_bytes
from gaxjax.pictures.point_plots import draw_line, draw_plane


def to_uint8(images: Any) -> np.ndarray:
    """[-1, 1] to 0..255, rounded."""
    return np.asarray(pixels_of(np.asarray(images)), np.uint8)


def enlarge_small(images: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Images [..., H, W, C] of several sizes, all as high as the highest: smaller ones by whole pixels."""
    images = list(images)
    highest = max(x.shape[-3] for x in images)
    # Pixels of a small one are seen as what they are, beside what a network has made of them.
    large = [x.repeat(highest // x.shape[-3], -3).repeat(highest // x.shape[-3], -2) for x in images]
    # What no whole number makes as high is white below.
    return [pad_white(x, highest, x.shape[-2]) for x in large]


def pad_white(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Images [..., H, W, C] of 0..255 with white below and at the right, up to a size."""
    more = (0, height - images.shape[-3]), (0, width - images.shape[-2]), (0, 0)
    return np.pad(images, (((0, 0),) * (images.ndim - 3)) + more, constant_values=255)


def match_channels(images: Iterable[np.ndarray], channels: int = 1) -> list[np.ndarray]:
    """Images [..., C], gray ones in as many channels as the others have, or as are asked for."""
    images = list(images)
    most = max(channels, *(x.shape[-1] for x in images))
    return [x.repeat(most, -1) if x.shape[-1] == 1 else x for x in images]


def tile_images(images: np.ndarray, columns: int = 0, gap: int = 2) -> np.ndarray:
    """Images [n, H, W, C] side by side, row after row, as one [H', W', C]; as near a square as can be."""
    n, height, width, channels = images.shape
    # columns * width = rows * height, and columns * rows = n.
    columns = columns or max(1, math.ceil(math.sqrt(n * height / width)))
    rows = math.ceil(n / columns)
    # The gap is at the right and below of each cell; cells that are left over stay white.
    cell = np.full((rows * columns, height + gap, width + gap, channels), 255, np.uint8)
    cell[:n, :height, :width] = images
    cell = cell.reshape(rows, columns, height + gap, width + gap, channels).swapaxes(1, 2)
    # [rows, columns, h, w, C] -> [rows, h, columns, w, C] -> one image.
    whole = cell.reshape(rows * (height + gap), columns * (width + gap), channels)
    scale = max(1, round(512 / max(whole.shape[:2])))  # small images are enlarged by whole pixels
    return whole[:-gap, :-gap].repeat(scale, 0).repeat(scale, 1)


def save_image(pixels: np.ndarray, path: Path) -> Path:
    """One image [H, W, C] as PNG, whole or not at all."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "PNG")
    return write_bytes(path, buffer.getvalue())


def plot_points(
    points: np.ndarray, path: Path, real: np.ndarray | None = None, verdict: Mapping[str, Any] | None = None
) -> Path:
    """Points [n, 2] as a scatter plot, or the density of [n, 1], over the real ones, with the verdict."""
    figure, axes = new_figure(1, 1)
    plot = draw_line if points.shape[1] == 1 else draw_plane
    plot(axes[0, 0], points, real, verdict or {})
    return save_figure(figure, path)


def plot_curves(rows: list[dict[str, Any]], path: Path) -> Path:
    """Every logged value over the images seen; players that log the same name share a panel."""
    # Logged values are "player/name", or "player/module/name": what is before the last slash says whose.
    names = sorted({key for row in rows for key in row if "/" in key})
    panels = sorted({name.rsplit("/", 1)[1] for name in names})
    columns = min(3, max(1, len(panels)))
    figure, axes = new_figure(math.ceil(len(panels) / columns) or 1, columns)
    for axis, panel in zip(axes.flat, panels, strict=False):
        for name in (name for name in names if name.rsplit("/", 1)[1] == panel):
            points = [(row["images"] / 1000, row[name]) for row in rows if name in row]
            axis.plot(*zip(*points, strict=True), label=name.rsplit("/", 1)[0], linewidth=1)
        axis.set_xlabel("kimg")
        # Where it is by default too, but by default only after all ticks have been measured.
        axis.set_title(panel, y=1.0)
        axis.legend()
    # The grid is full, panels may not be.
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    return save_figure(figure, path)


def new_figure(rows: int, columns: int) -> Any:
    """A matplotlib figure without a window or global state, and its axes [rows, columns]."""
    with without_backend():
        # A figure of its own: the global ones of matplotlib stay, and look for a display.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

    width, height = 5 * columns, 4 * rows
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)  # which the figure keeps
    # Margins in inches, room for a number, a label and a title. A layout that measures every text finds the
    # same, and takes longer than the drawing, at the end of every run.
    left, right, bottom, top = 0.8, 0.2, 0.6, 0.4
    axes = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(
        left=left / width,
        right=1 - right / width,
        bottom=bottom / height,
        top=1 - top / height,
        wspace=(left + right) / (5 - left - right),  # of an axis's own width
        hspace=(bottom + top) / (4 - bottom - top),
    )
    return figure, axes


@contextlib.contextmanager
def without_backend() -> Iterator[None]:
    """Lets matplotlib be imported whatever MPLBACKEND says, which is about windows: we have none.

    A notebook's kernel names its own there, also to processes that cannot import it, and matplotlib refuses
    what it does not know. Where it knows it, the notebook's own plots have it as before.
    """
    # Only for the first import, which reads it; matplotlib that is there has read it, and may have a user's
    # plots.
    backend = os.environ.pop("MPLBACKEND", "") if "matplotlib" not in sys.modules else ""
    try:
        yield
    finally:
        if backend:
            os.environ["MPLBACKEND"] = backend
    if backend:
        import matplotlib

        # As the import would have set it, where matplotlib knows it.
        with contextlib.suppress(ValueError):
            matplotlib.rcParams["backend"] = backend


def save_figure(figure: Any, path: Path) -> Path:
    """A figure as PNG, whole or not at all."""
    buffer = io.BytesIO()
    # Without matplotlib's version in the file: the same numbers make the same bytes.
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return write_bytes(path, buffer.getvalue())


def animate(pictures: list[Path], path: Path, frames: int = 40, seconds: float = 6.0) -> Path | None:
    """A looping GIF of pictures of one size, selection out to so many frames; None if there are not two."""
    from PIL import Image

    # First and last are among them.
    selection = [pictures[round(i)] for i in np.linspace(0, len(pictures) - 1, min(frames, len(pictures)))]
    if len(selection) < 2:
        return None
    images = [Image.open(io.BytesIO(p.read_bytes())).convert("RGB") for p in selection]
    # Of one size, as GIF wants it: pictures of a run that grows have that of its last stage.
    images = [image.resize(images[-1].size) for image in images]
    duration = round(1000 * seconds / len(images))
    durations = [duration] * (len(images) - 1) + [1500]  # rest on the last
    buffer = io.BytesIO()
    images[0].save(buffer, "GIF", save_all=True, append_images=images[1:], duration=durations, loop=0)
    return write_bytes(path, buffer.getvalue())


def save_animation(frames: np.ndarray, path: Path, seconds: float = 0.1) -> Path:
    """Images [n, H, W, C] of 0..255 as a looping GIF, each shown for so long; small ones are enlarged."""
    from PIL import Image

    # By whole pixels: interpolation would show a smoothness that the images have not.
    scale = max(1, round(256 / max(frames.shape[1:3])))
    large = frames.repeat(scale, 1).repeat(scale, 2)
    images = [Image.fromarray(x[..., 0] if x.shape[-1] == 1 else x) for x in large]
    buffer = io.BytesIO()
    images[0].save(
        buffer, "GIF", save_all=True, append_images=images[1:], duration=round(1000 * seconds), loop=0
    )
    return write_bytes(path, buffer.getvalue())


def compose_moments(pictures: list[Path], path: Path, panels: int = 4, width: int = 640) -> Path | None:
    """Some pictures side by side, the first, the last and equally spaced ones; None if there are not two.

    Each is named by the images seen, which its panel says in thousands; none is wider than so many pixels.
    """
    from PIL import Image, ImageDraw, ImageFont

    if len(pictures) < 2:
        return None
    # A set: of fewer pictures than panels each comes once.
    selection = [pictures[i] for i in sorted({round(i) for i in np.linspace(0, len(pictures) - 1, panels)})]
    images = [Image.open(io.BytesIO(p.read_bytes())).convert("RGB") for p in selection]
    last = images[-1].size
    # Of the last picture's shape: those of earlier stages are brought to it.
    size = (min(last[0], width), round(last[1] * min(last[0], width) / last[0]))
    strip, gap = 28, 12
    page = Image.new("RGB", (len(images) * (size[0] + gap) - gap, size[1] + strip), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(16)
    for number, (image, picture) in enumerate(zip(images, selection, strict=True)):
        left = number * (size[0] + gap)
        # Smaller with a filter, larger by whole pixels.
        resample = Image.Resampling.LANCZOS if image.width > size[0] else Image.Resampling.NEAREST
        page.paste(image.resize(size, resample), (left, strip))
        title = f"{int(picture.stem) / 1000:,.6g} kimg"
        pen.text((left + size[0] / 2, strip / 2), title, "black", font, "mm")
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return write_bytes(path, buffer.getvalue())
