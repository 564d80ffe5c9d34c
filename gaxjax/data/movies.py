"""Movies: which frames a file of them has, and how to get at some, through PyAV (FFmpeg)."""

import contextlib
import importlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gaxjax.data.config import Data, has_clips
from gaxjax.data.images import DamagedError
from gaxjax.data.matroska import check_elements
from gaxjax.errors import InputError, summarize_error
from gaxjax.files.places import is_remote, read_remote

MOVIES = frozenset({".mp4", ".m4v", ".webm", ".mov", ".avi", ".mkv"})
"""Of files that are read as movies. Listed, so that every machine takes the same files."""


def movie_suffixes(data: Data) -> frozenset[str]:
    """Those of files of a folder that may be movies: all where a file is a whole clip, else none."""
    return MOVIES if has_clips(data) and data.layout not in ("frames", "strips") else frozenset()


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
    """When each frame is shown, in the stream's units, in order; of AVI which of all it is, from 0 on.

    Nothing is decoded but AVI, whose packets do not say when they are shown.
    """
    times, count, end = list[int | None](), 0, 0.0
    with open_movie(file) as (container, stream):
        # Sound too: where a file was cut, nothing of it comes to the end.
        for packet in (packet for packet in container.demux() if packet.size):
            if packet.pts is not None:
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream_index == stream.index:
                count += 1
                times += [packet.pts] if not packet.is_discard and is_shown(packet, stream) else []
        check_whole(count, end, container.duration, stream.frames)
        if "matroska" in container.format.name:  # WebM too, which says nowhere how many frames it has
            with io.BytesIO(read_remote(file)) if is_remote(file) else file.open("rb") as source:
                check_elements(source)
        if is_counted(file):
            container.seek(0)
            return range(sum(1 for _ in decode_packets(container, stream)))
    moments = sorted(time for time in times if time is not None)
    if not moments or len(moments) < len(times):
        raise DamagedError("its frames have no times" if times else "it has no frames")
    return moments


def is_counted(file: Path) -> bool:
    """Whether a file's frames are known by their number, and not by when they are shown."""
    return file.suffix.lower() == ".avi"


def check_whole(count: int, end: float, duration: int | None, frames: int) -> None:
    """DamagedError for a file of so many pictures and seconds that was cut.

    Its header says how long it is, in microseconds and in frames, or None and 0. A tenth may be missing, for
    headers are not exact.
    """
    if count < 0.9 * frames:
        raise DamagedError(f"it was cut: it has {count} of {frames} frames")
    if end and duration and end < 0.9 * duration / 1e6:
        raise DamagedError(f"it was cut: it has {end:.2f} of {duration / 1e6:.2f} seconds")


def read_movie(file: Path, times: Sequence[int]) -> Iterator[Image.Image]:
    """The frames of those times, in order; DamagedError where one of them does not come."""
    count = 0
    if not is_counted(file):
        # From the last frame before them on that needs no other: what lies before that is not decoded.
        for picture in decode_frames(file, times, times[0]):
            count += 1
            yield picture
    if not count:
        # That was not early enough: frames may need one that is shown after them and others before it.
        for picture in decode_frames(file, times):
            count += 1
            yield picture
    if count < len(times):
        raise DamagedError(f"frame {count + 1} of the {len(times)} that are taken cannot be decoded")


def decode_frames(file: Path, times: Sequence[int], start: int | None = None) -> Iterator[Image.Image]:
    """The frames of those times, in order, up to one that does not come, out of all from `start` on."""
    remaining = list(reversed(times))
    with open_movie(file) as (container, stream):
        if start is not None:
            container.seek(start, stream=stream)
        for number, frame in enumerate(decode_packets(container, stream)):
            time = number if is_counted(file) else frame.pts
            if time == remaining[-1] and not frame.is_corrupt:  # FFmpeg fills in what it cannot decode
                yield upright(frame)
                remaining.pop()
            elif time is not None and time >= remaining[-1]:
                return
            if not remaining:
                return


def decode_packets(container: Any, stream: Any) -> Iterator[Any]:
    """All frames from where a container is; FFmpeg's error for one whose data are seen to be damaged."""
    strict = open_strict(stream.codec_context)
    for packet in container.demux(stream):
        if strict:
            strict.decode(packet)
        yield from packet.decode()


def open_strict(context: Any) -> Any:
    """A second decoder, which sees what a movie's own takes for pictures; None where that needs none.

    FFmpeg's of VP9 overlooks data that end too early. Google's sees it, but nothing tells it which way up the
    pictures are, and it may know those of 8 bits alone.
    """
    av = load_reader()
    known = context.codec.canonical_name == "vp9" and "libvpx-vp9" in av.codecs_available
    if not known or not context.format or context.format.components[0].bits > 8:
        return None
    strict = av.CodecContext.create("libvpx-vp9", "r")
    strict.thread_count = 1
    return strict


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
        reason = getattr(error, "strerror", None) or summarize_error(error)
        raise DamagedError(f"FFmpeg cannot read it ({reason})") from error


def is_shown(packet: Any, stream: Any) -> bool:
    """Whether a packet gives a picture: VP8 has some that only others refer to."""
    # The first byte's bit 4 is show_frame; RFC 6386, 9.1.
    return stream.codec_context.name not in ("vp8", "libvpx") or bool(bytes(packet)[0] & 0x10)


def upright(frame: Any) -> Image.Image:
    """A frame as players show it: telephones store how they were held."""
    pixels = frame.to_ndarray(format="rgb24")
    return Image.fromarray(np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90))))
