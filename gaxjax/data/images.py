"""From an image file to pixels of the shape that the networks get."""

import contextlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from gaxjax.data.config import Data, Filter, Fit
from gaxjax.files.places import is_remote, read_remote

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
GRAY = frozenset({"1", "L", "LA", "La", "I", "F"})
"""Pillow's modes without color, with those of 16 bits."""


class DamagedError(Exception):
    """One image cannot be used; the message says why."""


LISTED = 10
"""Of what is damaged, as many are named."""


def list_damage(damaged: Sequence[tuple[str, str]]) -> str:
    """A line for each thing that cannot be used, its name and why; of many, for the first ones.

    >>> print(list_damage([("a.png", "the file is empty")]))
      a.png: the file is empty
    """
    lines = [f"  {name}: {reason}" for name, reason in damaged[:LISTED]]
    return "\n".join([*lines, *([f"  and {len(damaged) - LISTED} more"] if len(damaged) > LISTED else [])])


TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation; 1 is upright."""


@contextlib.contextmanager
def open_header(file: Path | bytes) -> Iterator[Image.Image]:
    """An image whose header is read; DamagedError for whatever goes wrong inside."""
    try:
        if not isinstance(file, bytes) and is_remote(file):  # of which Pillow knows nothing
            file = read_remote(file)
        with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as picture:
            yield picture
    # Memory that is short says nothing of the image: it must not be left out of a run for that.
    except (DamagedError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        empty = not file if isinstance(file, bytes) else file.stat().st_size == 0
        reason = "the file is empty" if empty else "not an image, or its header is damaged"
        raise DamagedError(reason) from error
    except FileNotFoundError as error:
        # `Path.exists` is of the target, `is_symlink` of the link itself: a link to nothing was listed, see
        # `kind_of`.
        link = isinstance(file, Path) and file.is_symlink()
        raise DamagedError("a link to a file that is not there" if link else "No such file") from error
    # Pillow raises what its parsers happen to raise: OSError, SyntaxError, ValueError, struct.error, ...
    except Exception as error:
        raise DamagedError(str(error) or type(error).__name__) from error


def orientation(picture: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) if there is none that can be read."""
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    # metadata that cannot be parsed does not make the pixels unusable
    except Exception:
        return 1


def open_picture(file: Path | bytes, upright: bool = False) -> Image.Image:
    """Decode an image, 8 bits a channel; `upright` turns it as its EXIF orientation says."""
    with open_header(file) as picture:
        picture.load()
        # Cameras store what the sensor saw and say how it was held; viewers turn it, Pillow does not by
        # itself.
        turn = TURNS.get(orientation(picture)) if upright else None
        return to_eight_bits(picture if turn is None else picture.transpose(turn))


def verify(file: Path) -> tuple[int, int]:
    """DamagedError for an image that need not be decoded to see it: by its header, and a PNG's checksums.

    Its sides as they are stored, of which an orientation, for which a PNG is decoded, exchanges the two.
    """
    with open_header(file) as picture:
        picture.verify()
        return picture.size


def upright_size(file: Path) -> tuple[int, int]:
    """Width and height of an image when it is upright."""
    with open_header(file) as picture:
        width, height = picture.size
        # Orientations 5 to 8 exchange the axes, so that sides are known without decoding.
        return (height, width) if orientation(picture) >= 5 else (width, height)


def is_gray(file: Path) -> bool:
    """Whether an image has no color, by its header; a palette counts as color, whatever is in it."""
    with open_header(file) as picture:
        # A palette may hold gray levels alone, but only decoding would show it, and one file of a folder must
        # not decide for the others: palettes that were taken for gray made whole folders gray.
        return picture.mode in GRAY or picture.mode.startswith("I;16")


def to_eight_bits(picture: Image.Image) -> Image.Image:
    """Scale 16-bit gray to 8 bits by 255 / 65535; Pillow's own conversion clips it at 255."""
    if picture.mode == "I" or picture.mode.startswith("I;16"):
        wide = np.asarray(picture).astype(np.int64)
        if wide.min() < 0 or wide.max() > 65535:
            raise DamagedError(f"gray levels from {wide.min()} to {wide.max()} do not fit 16 bits")
        # 65535 = 255 * 257, so this is x / 257 rounded, in whole numbers.
        return Image.fromarray(((wide + 128) // 257).astype(np.uint8))
    if picture.mode == "F":
        raise DamagedError("floating-point pixels have no known range")
    return picture


def with_channels(picture: Image.Image, channels: int) -> Image.Image:
    """Gray, color or color with alpha. Where alpha goes away, what shows through is white."""
    transparent = picture.has_transparency_data
    # Colors under full transparency are arbitrary, often black: dropping alpha alone would show them.
    if transparent and channels < 4:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, picture).convert("RGB")
    try:
        return picture if picture.mode == MODES[channels] else picture.convert(MODES[channels])
    except ValueError as error:
        raise DamagedError(f"its pixels, {picture.mode}, do not convert to {MODES[channels]}") from error


def check_halves(size: tuple[int, int]) -> None:
    """DamagedError for an image (width, height) that cannot be cut into two."""
    if size[0] % 2:
        raise DamagedError(f"its width, {size[0]}, is odd: it has no halves")


def halves(picture: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The left and the right half."""
    check_halves(picture.size)
    width, height = picture.size
    return picture.crop((0, 0, width // 2, height)), picture.crop((width // 2, 0, width, height))


def check_crop(size: tuple[int, int], shape: tuple[int, ...]) -> None:
    """DamagedError for an image (width, height) that has no room for a crop of that shape."""
    if size[0] < shape[1] or size[1] < shape[0]:
        raise DamagedError(
            f"it is {size[0]} x {size[1]} pixels, and crops are {shape[1]} x {shape[0]}: use a smaller shape"
        )


def pixels_for(picture: Image.Image, data: Data) -> np.ndarray:
    """Pixels of `data.shape`, or of a clip's frame; where crops are cut out later on, all that there are."""
    if data.scale == 1:
        return fit_pixels(picture, data.shape[-3:], data.fit, data.filter)
    check_crop(picture.size, data.shape)
    channels = data.shape[2]
    pixels = np.asarray(with_channels(picture, channels))
    return pixels.reshape(picture.height, picture.width, channels)


def fit_pixels(picture: Image.Image, shape: tuple[int, ...], fit: Fit, filter: Filter) -> np.ndarray:
    """Pixels of the wanted shape (height, width, channels): uint8 [H, W, C]."""
    height, width, channels = shape
    picture = with_channels(picture, channels)
    # The box is in fractions of a pixel: a crop to whole pixels would shift or stretch the image by up to
    # half a one.
    left, top, right, bottom = 0.0, 0.0, float(picture.width), float(picture.height)
    if fit == "crop":
        scale = min(right / width, bottom / height)
        left, top = (right - scale * width) / 2, (bottom - scale * height) / 2
        right, bottom = right - left, bottom - top
    # At the right size already, resampling would blur with some filters: pixels stay as they are stored.
    if picture.size != (width, height):
        method = Image.Resampling[filter.upper()]
        picture = picture.resize((width, height), method, box=(left, top, right, bottom))
    return np.asarray(picture).reshape(shape)
