"""Frames of clips: where they are in an animation, in a strip, or in a folder, and how to read some of them.

Each kind has a function that finds frames, as numbers that `read` takes, by headers alone where they say it,
and one that reads some. Both raise DamagedError for what cannot be used.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from gaxjax.data.config import Data
from gaxjax.data.images import DamagedError, open_header, open_picture, to_eight_bits, upright_size, verify
from gaxjax.data.movies import MOVIES, find_times, read_movie

ANIMATED = {"GIF", "PNG", "WEBP", "AVIF"}
"""Formats whose files may be animations, as Pillow calls them: pages of a TIFF are none."""


class Reader(NamedTuple):
    """How frames of one kind of clips are read."""

    find: Callable[[Sequence[Path]], Sequence[int]]
    """where the frames are that clip's files have, in order"""
    read: Callable[[Sequence[Path], Sequence[int]], list[Image.Image]]
    """the frames at some of these places"""


def reader_of(data: Data, files: Sequence[Path]) -> Reader:
    """What reads a clip of these files."""
    if data.layout == "frames":
        return Reader(find_files, read_files)
    file = files[0]
    if data.layout == "strips":
        return Reader(lambda _: find_squares(file), lambda _, numbers: read_squares(file, numbers))
    if file.suffix.lower() in MOVIES:
        return Reader(lambda _: find_times(file), lambda _, times: read_movie(file, times))
    return Reader(lambda _: find_animated(file), lambda _, numbers: read_animated(file, numbers))


def find_animated(file: Path) -> Sequence[int]:
    """Frames of a GIF, PNG, WebP or AVIF, without decoding them."""
    verify(file)
    with open_header(file) as picture:
        count = getattr(picture, "n_frames", 1)
        if picture.format not in ANIMATED or count == 1:
            raise DamagedError(
                "a still image: layout=strips takes frames side by side in an image, and layout=frames a "
                "folder of images, as a clip"
            )
        # What a PNG shows where animations are unknown may be no part of it.
        return range(int(getattr(picture, "default_image", False)), count)


def read_animated(file: Path, numbers: Sequence[int]) -> list[Image.Image]:
    """Frames as they are shown: each is drawn over those before it."""
    pictures = []
    with open_header(file) as picture:
        for number in numbers:
            try:
                picture.seek(number)
                picture.load()
            # as in `open_header`: whatever Pillow's parsers happen to raise
            except Exception as error:
                raise DamagedError(f"frame {number + 1} cannot be decoded ({error})") from error
            pictures.append(to_eight_bits(picture.copy()))
    return pictures


def find_squares(file: Path) -> Sequence[int]:
    """Squares side by side along an image's longer side."""
    verify(file)
    shorter, longer = sorted(upright_size(file))
    if longer % shorter:
        raise DamagedError(
            f"its sides, {longer} and {shorter}, make no strip of squares: the longer is no multiple of the "
            "shorter"
        )
    return range(longer // shorter)


def read_squares(file: Path, numbers: Sequence[int]) -> list[Image.Image]:
    """Squares of a strip, from left to right or from above to below."""
    strip = open_picture(file, upright=True)
    side, across = min(strip.size), strip.width >= strip.height
    corners = [(number * side, 0) if across else (0, number * side) for number in numbers]
    return [strip.crop((left, top, left + side, top + side)) for left, top in corners]


def find_files(files: Sequence[Path]) -> Sequence[int]:
    """Images of a folder, all of one size."""
    sizes: dict[tuple[int, int], Path] = {}
    for file in files:
        try:
            verify(file)
            sizes.setdefault(upright_size(file), file)
        except DamagedError as error:
            raise DamagedError(f"{file.name}: {error}") from error
    if len(sizes) > 1:
        (first, one), (second, other), *_ = sizes.items()
        raise DamagedError(
            f"frames differ in size: {one.name} has {first[0]} x {first[1]} pixels, {other.name} has "
            f"{second[0]} x {second[1]}"
        )
    return range(len(files))


def read_files(files: Sequence[Path], numbers: Sequence[int]) -> list[Image.Image]:
    """Images of a folder."""
    pictures = []
    for file in (files[number] for number in numbers):
        try:
            pictures.append(open_picture(file, upright=True))
        except DamagedError as error:
            raise DamagedError(f"{file.name}: {error}") from error
    return pictures
