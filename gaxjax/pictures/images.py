"""Samples as pictures: sheets of images, plots of points, an animation and four moments of a run."""

import contextlib
import io
import math
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gaxjax.data.loader import pixels_of
from gaxjax.files import write_bytes
from gaxjax.pictures.points import draw_line, draw_plane


def draw(samples: Any, path: Path, real: Any = None, verdict: Mapping[str, Any] | None = None) -> Path:
    """Writes one picture of what a game made: [n, H, W, C], {name: [n, H, W, C]}, [n, 2] or [n, 1].

    Points are drawn over `real`, in the same shape, and with what the discriminator says of the places around
    those (`landscape.places`), [N] by name.
    """
    if isinstance(samples, dict):
        rows = np.concatenate([to_uint8(images) for images in samples.values()], axis=2)
        return save(sheet(rows, columns=max(1, round(math.sqrt(len(rows)) / len(samples)))), path)
    samples = np.asarray(samples)
    if samples.ndim == 2:
        return plot_points(samples, path, None if real is None else np.asarray(real), verdict)
    return save(sheet(to_uint8(samples)), path)


def to_uint8(images: Any) -> np.ndarray:
    """[-1, 1] to 0..255, rounded."""
    return np.asarray(pixels_of(np.asarray(images)), np.uint8)


def sheet(images: np.ndarray, columns: int = 0, gap: int = 2) -> np.ndarray:
    """Images [n, H, W, C] side by side, row after row, as one [H', W', C]; as near a square as can be."""
    n, height, width, channels = images.shape
    columns = columns or max(1, math.ceil(math.sqrt(n * height / width)))
    rows = math.ceil(n / columns)
    cell = np.full((rows * columns, height + gap, width + gap, channels), 255, np.uint8)
    cell[:n, :height, :width] = images
    cell = cell.reshape(rows, columns, height + gap, width + gap, channels).swapaxes(1, 2)
    whole = cell.reshape(rows * (height + gap), columns * (width + gap), channels)
    scale = max(1, round(512 / max(whole.shape[:2])))  # small images are enlarged by whole pixels
    return whole[:-gap, :-gap].repeat(scale, 0).repeat(scale, 1)


def save(pixels: np.ndarray, path: Path) -> Path:
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
    names = sorted({key for row in rows for key in row if "/" in key})
    panels = sorted({name.rsplit("/", 1)[1] for name in names})
    columns = min(3, max(1, len(panels)))
    figure, axes = new_figure(math.ceil(len(panels) / columns) or 1, columns)
    for axis, panel in zip(axes.flat, panels, strict=False):
        for name in (name for name in names if name.rsplit("/", 1)[1] == panel):
            points = [(row["images"] / 1000, row[name]) for row in rows if name in row]
            axis.plot(*zip(*points, strict=True), label=name.rsplit("/", 1)[0], linewidth=1)
        axis.set(title=panel, xlabel="kimg")
        axis.legend()
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    return save_figure(figure, path)


def new_figure(rows: int, columns: int) -> Any:
    """A matplotlib figure without a window or global state, and its axes [rows, columns]."""
    with no_backend():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * columns, 4 * rows), layout="constrained")
    FigureCanvasAgg(figure)  # which the figure keeps
    return figure, figure.subplots(rows, columns, squeeze=False)


@contextlib.contextmanager
def no_backend() -> Iterator[None]:
    """Lets matplotlib be imported whatever MPLBACKEND says, which is about windows: we have none.

    A notebook's kernel names its own there, also to processes that cannot import it, and matplotlib refuses
    what it does not know. Where it knows it, the notebook's own plots have it as before.
    """
    backend = os.environ.pop("MPLBACKEND", "") if "matplotlib" not in sys.modules else ""
    try:
        yield
    finally:
        if backend:
            os.environ["MPLBACKEND"] = backend
    if backend:
        import matplotlib

        with contextlib.suppress(ValueError):
            matplotlib.rcParams["backend"] = backend


def save_figure(figure: Any, path: Path) -> Path:
    """A figure as PNG, whole or not at all."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return write_bytes(path, buffer.getvalue())


def animate(pictures: list[Path], path: Path, frames: int = 40, seconds: float = 6.0) -> Path | None:
    """A looping GIF of pictures of one size, thinned out to so many frames; None if there are not two."""
    from PIL import Image

    chosen = [pictures[round(i)] for i in np.linspace(0, len(pictures) - 1, min(frames, len(pictures)))]
    if len(chosen) < 2:
        return None
    images = [Image.open(p).convert("RGB") for p in chosen]
    images = [image.resize(images[-1].size) for image in images]
    duration = round(1000 * seconds / len(images))
    durations = [duration] * (len(images) - 1) + [1500]  # rest on the last
    buffer = io.BytesIO()
    images[0].save(buffer, "GIF", save_all=True, append_images=images[1:], duration=durations, loop=0)
    return write_bytes(path, buffer.getvalue())


def save_animation(frames: np.ndarray, path: Path, seconds: float = 0.1) -> Path:
    """Images [n, H, W, C] of 0..255 as a looping GIF, each shown for so long; small ones are enlarged."""
    from PIL import Image

    scale = max(1, round(256 / max(frames.shape[1:3])))
    large = frames.repeat(scale, 1).repeat(scale, 2)
    images = [Image.fromarray(x[..., 0] if x.shape[-1] == 1 else x) for x in large]
    buffer = io.BytesIO()
    images[0].save(
        buffer, "GIF", save_all=True, append_images=images[1:], duration=round(1000 * seconds), loop=0
    )
    return write_bytes(path, buffer.getvalue())


def compose(pictures: list[Path], path: Path, panels: int = 4, width: int = 640) -> Path | None:
    """Some pictures side by side, the first, the last and equally spaced ones; None if there are not two.

    Each is named by the images seen, which its panel says in thousands; none is wider than so many pixels.
    """
    from PIL import Image, ImageDraw, ImageFont

    if len(pictures) < 2:
        return None
    chosen = [pictures[i] for i in sorted({round(i) for i in np.linspace(0, len(pictures) - 1, panels)})]
    images = [Image.open(p).convert("RGB") for p in chosen]
    last = images[-1].size
    size = (min(last[0], width), round(last[1] * min(last[0], width) / last[0]))
    strip, gap = 28, 12
    page = Image.new("RGB", (len(images) * (size[0] + gap) - gap, size[1] + strip), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(16)
    for number, (image, picture) in enumerate(zip(images, chosen, strict=True)):
        left = number * (size[0] + gap)
        resample = Image.Resampling.LANCZOS if image.width > size[0] else Image.Resampling.NEAREST
        page.paste(image.resize(size, resample), (left, strip))
        title = f"{int(picture.stem) / 1000:,.6g} kimg"
        pen.text((left + size[0] / 2, strip / 2), title, "black", font, "mm")
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return write_bytes(path, buffer.getvalue())
