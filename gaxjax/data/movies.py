"""Movies: which frames a file of them has, and how to get at some, through PyAV (FFmpeg)."""

import contextlib
import importlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gaxjax.data.images import DamagedError
from gaxjax.errors import InputError, summarize_error
from gaxjax.files.places import is_remote, read_remote

MOVIES = frozenset({".mp4", ".m4v", ".webm", ".mov", ".avi", ".mkv"})
"""Of files that are read as movies. Listed, so that every machine takes the same files."""


def check_reader(files: Sequence[Path]) -> None:
    """InputError where there are movies and nothing that reads them."""
    if not (movies := [path for path in files if path.suffix.lower() in MOVIES]):
        return
    try:
        load_reader()
    except ImportError as error:
        raise InputError(
            f"{len(movies)} of {len(files)} clips are movies, such as {movies[0]}, and what reads them is "
            "not installed: pip install 'gaxjax[video]'"
        ) from error


def load_reader() -> Any:
    """PyAV, an extra, which images, animations and strips go without."""
    return importlib.import_module("av")


def find_times(file: Path) -> Sequence[int]:
    """When each frame is shown, in the stream's units, in order; nothing is decoded where packets say it."""
    with open_movie(file) as (container, stream):
        packets = [packet for packet in container.demux(stream) if packet.size]
        shown = [packet for packet in packets if not packet.is_discard and is_shown(packet, stream)]
        times = [packet.pts for packet in shown if packet.pts is not None]
        # AVI says when a packet is decoded and not when it is shown: only decoding tells.
        if len(times) < len(shown):
            container.seek(0)
            times = [time_of(frame) for frame in container.decode(stream)]
    if not times:
        raise DamagedError("it has no frames")
    return sorted(times)


def read_movie(file: Path, times: Sequence[int]) -> list[Image.Image]:
    """The frames of those times, in order; DamagedError where one of them does not come."""
    wanted, pictures = set(times), dict[int, Image.Image]()
    with open_movie(file) as (container, stream):
        # To the last frame before it that needs no other: what lies before that is not decoded.
        container.seek(times[0], stream=stream)
        for frame in container.decode(stream):
            time = time_of(frame)
            if time in wanted:
                pictures[time] = upright(frame)
            if time >= times[-1]:
                break
    if missing := len(wanted - set(pictures)):
        raise DamagedError(f"{missing} of the {len(times)} frames that are taken cannot be decoded")
    return [pictures[time] for time in times]


@contextlib.contextmanager
def open_movie(file: Path) -> Iterator[tuple[Any, Any]]:
    """A movie and its stream of pictures; DamagedError for whatever goes wrong inside."""
    av = load_reader()
    try:
        # FFmpeg reads no buckets as this package addresses them.
        source: Any = io.BytesIO(read_remote(file)) if is_remote(file) else str(file)
        with av.open(source) as container:
            if not container.streams.video:
                raise DamagedError("it has no pictures: there is sound alone")
            stream = container.streams.video[0]
            # Clips are decoded by several threads at once, one to each.
            stream.codec_context.thread_count = 1
            yield container, stream
    except (DamagedError, MemoryError):
        raise
    # whatever FFmpeg makes of a damaged file
    except Exception as error:
        raise DamagedError(summarize_error(error)) from error


def is_shown(packet: Any, stream: Any) -> bool:
    """Whether a packet gives a picture: VP8 has some that only others refer to."""
    # The first byte's bit 4 is show_frame; RFC 6386, 9.1.
    return stream.codec_context.name not in ("vp8", "libvpx") or bool(bytes(packet)[0] & 0x10)


def time_of(frame: Any) -> int:
    """When a frame is shown."""
    if frame.pts is None:
        raise DamagedError("its frames have no times")
    return int(frame.pts)


def upright(frame: Any) -> Image.Image:
    """A frame as players show it: telephones store how they were held."""
    pixels = frame.to_ndarray(format="rgb24")
    return Image.fromarray(np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90))))
