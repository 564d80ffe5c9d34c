"""Frames of clips: where they are in an animation, in a strip, or in a folder, and how to read some of them.

Each kind has a function that finds frames, as numbers that `read` takes, by headers alone where they say it,
and one that reads some. Both raise DamagedError for what cannot be used.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from gaxjax.data.config import Data
from gaxjax.data.images import DamagedError, open_header, open_picture, to_eight_bits, verify
from gaxjax.data.movies import MOVIES, find_times, read_movie

ANIMATED = {"GIF", "PNG", "WEBP", "AVIF"}
"""Formats whose files may be animations, as Pillow calls them: pages of a TIFF are none."""


class Reader(NamedTuple):
    """How frames of one kind of clips are read."""

    find: Callable[[Sequence[Path]], Sequence[int]]
    """where the frames are that a clip's files have, in order"""
    read: Callable[[Sequence[Path], Sequence[int]], Iterator[Image.Image]]
    """the frames at some of these places, one at a time: all of a film as it is stored may be much"""


def reader_of(data: Data, files: Sequence[Path]) -> Reader:
    """What reads a clip of these files."""
    if data.layout == "frames":
        return Reader(find_files, read_files)
    # Of the other kinds a clip is one file.
    file = files[0]
    if data.layout == "strips":
        return Reader(lambda _: find_squares(file), lambda _, numbers: read_squares(file, numbers))
    if file.suffix.lower() in MOVIES:
        return Reader(lambda _: find_times(file), lambda _, times: read_movie(file, times))
    return Reader(lambda _: find_animated(file), lambda _, numbers: read_animated(file, numbers))


def find_animated(file: Path) -> Sequence[int]:
    """Frames of a GIF, PNG, WebP or AVIF, without decoding them."""
    verify(file)
    # Pillow takes what there is of a GIF for all of it.
    if file.suffix.lower() == ".gif":
        check_end(file)
    with open_header(file) as picture:
        count = getattr(picture, "n_frames", 1)
        if picture.format not in ANIMATED or count == 1:
            raise DamagedError(
                "a still image: layout=strips takes frames side by side in an image, and layout=frames a "
                "folder of images, as a clip"
            )
        # What a PNG shows where animations are unknown may be no part of it.
        return range(int(getattr(picture, "default_image", False)), count)


def check_end(file: Path) -> None:
    """DamagedError for a GIF that was cut, which else would be a shorter one."""
    # Its trailer, after which some programs fill up with zeros or begin a new line.
    if not file.read_bytes().rstrip(b"\0\r\n").endswith(b";"):
        raise DamagedError("it was cut: the end of a GIF is missing")


def read_animated(file: Path, numbers: Sequence[int]) -> Iterator[Image.Image]:
    """Frames as they are shown: each is drawn over those before it."""
    with open_header(file) as picture:
        for number in numbers:
            try:
                picture.seek(number)
                picture.load()
            # as in `open_header`: whatever Pillow's parsers happen to raise
            except Exception as error:
                raise DamagedError(f"frame {number + 1} cannot be decoded ({error})") from error
            yield to_eight_bits(picture.copy())


def find_squares(file: Path) -> Sequence[int]:
    """Squares side by side along an image's longer side."""
    shorter, longer = sorted(verify(file))
    if longer % shorter:
        raise DamagedError(
            f"its sides, {longer} and {shorter}, make no strip of squares: the longer is no multiple of the "
            "shorter"
        )
    return range(longer // shorter)


def read_squares(file: Path, numbers: Sequence[int]) -> Iterator[Image.Image]:
    """Squares of a strip, from left to right or from above to below."""
    strip = open_picture(file, upright=True)
    side, across = min(strip.size), strip.width >= strip.height
    # Cut before anything is converted or resized: no pixel of one frame runs into its neighbor.
    for number in numbers:
        left, top = (number * side, 0) if across else (0, number * side)
        yield strip.crop((left, top, left + side, top + side))


def find_files(files: Sequence[Path]) -> Sequence[int]:
    """Images of a folder, all of one size."""
    sizes: dict[tuple[int, int], Path] = {}
    for file in files:
        try:
            # As stored: turned ones that differ are found when they are read.
            sizes.setdefault(verify(file), file)
        except DamagedError as error:
            raise DamagedError(f"{file.name}: {error}") from error
    if len(sizes) > 1:
        (first, one), (second, other), *_ = sizes.items()
        raise DamagedError(
            f"frames differ in size: {one.name} has {first[0]} x {first[1]} pixels, {other.name} has "
            f"{second[0]} x {second[1]}"
        )
    return range(len(files))


def read_files(files: Sequence[Path], numbers: Sequence[int]) -> Iterator[Image.Image]:
    """Images of a folder."""
    for file in (files[number] for number in numbers):
        try:
            yield open_picture(file, upright=True)
        except DamagedError as error:
            raise DamagedError(f"{file.name}: {error}") from error
