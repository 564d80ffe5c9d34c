"""Clips as files of every kind, each of whose frames is known by its gray."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gaxjax.data import Data, Source, open_source

SHAPE = (4, 16, 16, 3)
LENGTHS = (4, 9, 12)
"""Frames of the clips, of which the first has one start."""
KINDS = {".gif": "auto", ".png": "flat", ".webp": "classes", ".mp4": "auto", ".webm": "auto", ".avi": "auto"}

CODECS = {".mp4": "libx264", ".webm": "libvpx-vp9", ".avi": "libx264"}


def value(clip: int, frame: int) -> int:
    """The gray of a frame, by which it is known, also after compression."""
    return 60 * clip + 5 * frame + 10


def frames(clip: int, length: int, side: int = 16) -> np.ndarray:
    """Gray frames whose left half is darker by half."""
    grays = np.array([value(clip, frame) for frame in range(length)], np.uint8)
    clips = np.broadcast_to(grays[:, None, None, None], (length, side, side, 3)).copy()
    clips[:, :, : side // 2] //= 2
    return clips


def write(path: Path, clip: np.ndarray) -> Path:
    """An animation or a movie, by its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in CODECS:
        return write_movie(path, clip)
    first, *others = map(Image.fromarray, clip)
    options = {"lossless": True} if path.suffix == ".webp" else {}
    first.save(path, save_all=True, append_images=others, duration=40, **options)
    return path


def write_movie(path: Path, clip: np.ndarray) -> Path:
    """Nearly without loss; some frames need others that are shown later, and these some before both."""
    av = importlib.import_module("av")
    x264 = "open-gop=1:keyint=10:scenecut=0:bframes=3:b-adapt=0"
    options = {"crf": "2", "g": "10", "x264-params": x264}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(CODECS[path.suffix], rate=25, options=options)
        stream.height, stream.width = clip.shape[1:3]
        for frame in clip:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def put(path: Path, pixels: np.ndarray) -> Path:
    """An image, in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def open_clips(folder: Path, shape: tuple[int, ...] = SHAPE, **options: Any) -> Source:
    return open_source(Data("folder", shape, str(folder), **options))


def grays(batch: dict[str, np.ndarray]) -> np.ndarray:
    """Of each frame [n, T], by its right side."""
    return batch["video"][:, :, 8, 12, 0].astype(int)
