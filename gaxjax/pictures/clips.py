"""Clips as pictures: all side by side in a film (GIF, MP4), and a strip of frames for each (PNG)."""

import importlib
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gaxjax.errors import InputError
from gaxjax.files import write_bytes
from gaxjax.pictures.images import (
    enlarge_small,
    match_channels,
    pad_white,
    save_animation,
    save_image,
    tile_images,
    to_uint8,
)

FRAMES = 8
"""Of a strip, at most: of longer clips evenly chosen ones, the first and the last among them."""
RATE = 10
"""Frames a second that films are shown at."""


def draw_clips(samples: Sequence[Any], path: Path, columns: int = 0) -> Path:
    """Writes what belongs together, each clips [n, T, H, W, C] or images [n, H, W, C], in [-1, 1].

    Two files of one name, .gif and .png, and .mp4 too where `path` ends in that; returns `path`. In the film
    an example's clips are side by side, images and clips that have ended standing still; among the strips
    they are below one another, white where there is nothing more.

    columns: of examples in the film; 0: as many as make it as near a square as can be.
    """
    clips = as_clips(samples)
    film = draw_film(clips, columns)
    if path.suffix == ".mp4":
        save_video(film, path)
    picture, animation, *_ = clip_files(path)
    # The picture last: a run goes by its pictures, and one that is there has its film.
    save_animation(film, animation, 1 / RATE)
    save_image(tile_images(draw_strips(clips), gap=4), picture)
    return path


def clip_files(path: Path) -> list[Path]:
    """What clips are drawn to that are to be at `path`: a picture, a film, and a movie where that is one."""
    files = [path.with_suffix(".png"), path.with_suffix(".gif")]
    return [*files, path] if path.suffix == ".mp4" else files


def as_clips(samples: Sequence[Any]) -> list[np.ndarray]:
    """Each as clips of 0..255, [n, T, H, W, C] of one H and C; an image is a clip of one frame."""
    clips = [to_uint8(x) for x in samples]
    return match_channels(enlarge_small(x if x.ndim == 5 else x[:, None] for x in clips))


def draw_film(clips: Sequence[np.ndarray], columns: int = 0) -> np.ndarray:
    """All examples at each time, clips [n, T, H, W, C] as one of [T, H', W', C]."""
    length = max(clip.shape[1] for clip in clips)
    # What has ended, as an image has after its only frame, stays as it was.
    moments = ([clip[:, min(time, clip.shape[1] - 1)] for clip in clips] for time in range(length))
    return np.stack([tile_images(np.concatenate(images, axis=2), columns) for images in moments])


def draw_strips(clips: Sequence[np.ndarray], frames: int = FRAMES) -> np.ndarray:
    """An image for each example, [n, H', W', C]: time goes right, and each of its clips is a row."""
    length = max(clip.shape[1] for clip in clips)
    # Of the longest: what is in one column is of one time.
    times = np.linspace(0, length - 1, min(frames, length)).round().astype(int)
    strips = [draw_strip(clip, times) for clip in clips]
    width = max(strip.shape[2] for strip in strips)
    return np.concatenate([pad_white(strip, strip.shape[1], width) for strip in strips], axis=1)


def draw_strip(clips: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The frames of those times side by side, [n, T, H, W, C] -> [n, H, W', C], white where there is none."""
    # A line of white at the right and below: on a black ground it is not seen where frames begin.
    frames = pad_white(clips, clips.shape[2] + 1, clips.shape[3] + 1)
    n, length, height, width, channels = frames.shape
    strip = np.full((n, len(times), height, width, channels), 255, np.uint8)
    strip[:, times < length] = frames[:, times[times < length]]
    # [n, times, H, W, C] -> [n, H, times, W, C] -> one image.
    return strip.swapaxes(1, 2).reshape(n, height, len(times) * width, channels)


def save_video(frames: np.ndarray, path: Path) -> Path:
    """Images [n, H, W, C] of 0..255 as an MP4 (H.264), whole or not at all."""
    video = import_video()
    (colors,) = match_channels([frames[..., :3]], channels=3)
    # Its colors are of two by two pixels, so sides are even.
    even = pad_white(colors, *(2 * math.ceil(side / 2) for side in colors.shape[1:3]))
    buffer = io.BytesIO()
    video.imwrite(buffer, even, extension=".mp4", plugin="pyav", codec="libx264", fps=RATE)
    return write_bytes(path, buffer.getvalue())


def import_video() -> Any:
    """imageio, which writes videos by PyAV; InputError where either is not installed."""
    try:
        # Asked for here: imageio alone would say so only when it writes, after all has been drawn.
        importlib.import_module("av")
        return importlib.import_module("imageio.v3")
    except ImportError as error:
        raise InputError(
            f"an MP4 needs the packages imageio and av ({error}): pip install 'gaxjax[video]', or end --out "
            "in .gif"
        ) from error
