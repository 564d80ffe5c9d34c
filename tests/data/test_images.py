"""From image files to pixels: bits, channels, orientation, cropping and resizing."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gaxjax.data import Data, open_source

RED = (255, 0, 0)


def stored(
    folder: Path, shape: tuple[int, ...] = (4, 4, 3), key: str = "image", **options: Any
) -> np.ndarray:
    """The images of a folder as the networks get them, in order."""
    source = open_source(Data("folder", shape=shape, directory=str(folder), **options))
    return source.take(np.arange(len(source)))[key]


def save(path: Path, picture: Image.Image | np.ndarray, **options: Any) -> None:
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(path, **options)


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def png16(pixels: np.ndarray) -> bytes:
    """A PNG of 16 bits a channel, RGB, which Pillow reads and does not write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, 2, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def test_16_bit_gray_is_scaled_not_clipped(tmp_path: Path) -> None:
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    save(tmp_path / "ramp.png", ramp)
    with Image.open(tmp_path / "ramp.png") as opened:
        assert opened.mode == "I;16"
    pixels = stored(tmp_path, (256, 256, 1))[0, ..., 0]
    np.testing.assert_array_equal(pixels, np.rint(ramp / 257))
    np.testing.assert_array_equal(stored(tmp_path, (256, 256, 3))[0], np.stack([pixels] * 3, axis=-1))


def test_16_bit_color_is_scaled(tmp_path: Path) -> None:
    wide = np.random.default_rng(0).integers(0, 65536, (4, 4, 3))
    (tmp_path / "wide.png").write_bytes(png16(wide))
    assert np.abs(stored(tmp_path)[0] - wide / 257).max() <= 1


PICTURES = {
    "bilevel": (Image.new("1", (4, 4), 1), (255, 255, 255, 255)),
    "gray": (Image.new("L", (4, 4), 100), (100, 100, 100, 255)),
    "gray_alpha": (Image.new("LA", (4, 4), (100, 0)), (100, 100, 100, 0)),
    "palette": (Image.new("RGB", (4, 4), RED).quantize(), (255, 0, 0, 255)),
    "color": (Image.new("RGB", (4, 4), RED), (255, 0, 0, 255)),
    "color_alpha": (Image.new("RGBA", (4, 4), (255, 0, 0, 128)), (255, 0, 0, 128)),
}


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", PICTURES)
def test_channels(tmp_path: Path, kind: str, channels: int) -> None:
    """Converted to the channels of the shape; where alpha goes away, white shows through."""
    picture, (red, green, blue, alpha) = PICTURES[kind]
    save(tmp_path / "one.png", picture)
    color = np.array([red, green, blue])
    if channels < 4:
        color = np.rint(255 + (color - 255) * alpha / 255)
    gray = np.rint(color @ [0.299, 0.587, 0.114])
    expected = np.array({1: [gray], 3: color, 4: [*color, alpha]}[channels])
    pixels = stored(tmp_path, (4, 4, channels))[0]
    assert pixels.shape == (4, 4, channels)
    np.testing.assert_allclose(pixels.reshape(16, channels), np.tile(expected, (16, 1)), atol=1)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_transparent_palette_and_cmyk(tmp_path: Path, channels: int) -> None:
    palette = Image.new("RGB", (4, 4), RED).quantize()
    save(tmp_path / "palette.png", palette, transparency=palette.getpixel((0, 0)))
    save(tmp_path / "print.jpg", Image.new("CMYK", (4, 4), (0, 255, 255, 0)), quality=100)
    clear, printed = stored(tmp_path, (4, 4, channels))[:, 0, 0].astype(int)
    red = {1: [76], 3: [255, 0, 0], 4: [255, 0, 0, 255]}[channels]
    np.testing.assert_allclose(printed, red, atol=3)
    np.testing.assert_array_equal(clear, [255, 0, 0, 0] if channels == 4 else [255] * channels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, orientation: int) -> None:
    upright = noise(1, 4, 6, 3)
    # the EXIF standard names the side of the scene that the first row and the first column show
    as_stored = {
        1: upright,
        2: upright[:, ::-1],
        3: np.rot90(upright, 2),
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(tmp_path / "turned.png", np.ascontiguousarray(as_stored), exif=exif)
    np.testing.assert_array_equal(stored(tmp_path, (4, 6, 3))[0], upright)
    np.testing.assert_array_equal(
        stored(tmp_path, (4, 3, 3), "a", layout="halves", memory=0)[0], upright[:, :3]
    )


def test_crop_takes_the_center_and_resize_stretches(tmp_path: Path) -> None:
    columns = np.tile(np.repeat(np.array([0, 100, 200, 50], np.uint8), 2), (4, 1))
    save(tmp_path / "wide.png", columns)
    cropped = stored(tmp_path, (4, 4, 1))[0, 0, :, 0]
    assert cropped.tolist() == [100, 100, 200, 200]
    stretched = stored(tmp_path, (4, 4, 1), fit="resize", filter="box")[0, 0, :, 0]
    assert stretched.tolist() == [0, 100, 200, 50]


@pytest.mark.parametrize(
    ("shape", "rows", "columns"),
    [((2, 2), (3, 9), (0, 6)), ((3, 1), (0, 12), (1, 5)), ((2, 1), (0, 12), (0, 6))],
)
def test_crop_of_tall_images(
    tmp_path: Path, shape: tuple[int, int], rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    pixels = noise(2, 12, 6)
    save(tmp_path / "tall.png", pixels)
    middle = pixels[slice(*rows), slice(*columns)]
    height, width = shape
    blocks = middle.reshape(height, len(middle) // height, width, -1)
    result = stored(tmp_path, (*shape, 1), filter="box")[0, ..., 0]
    np.testing.assert_allclose(result, blocks.mean((1, 3)), atol=1)  # Pillow rounds once for each axis


@pytest.mark.parametrize("filter", ["box", "bilinear", "hamming", "bicubic", "lanczos"])
def test_reducing_is_antialiased(tmp_path: Path, filter: str) -> None:
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    save(tmp_path / "board.png", board)
    inner = stored(tmp_path, (8, 8, 1), filter=filter)[0, 2:-2, 2:-2, 0]
    assert np.abs(inner - 127.5).max() < 2
    assert set(stored(tmp_path, (8, 8, 1), filter="nearest").reshape(-1).tolist()) <= {0, 255}


def test_every_size_becomes_the_shape(tmp_path: Path) -> None:
    for number, size in enumerate([(1, 1), (3, 50), (50, 3), (7, 5)]):
        save(tmp_path / f"{number}.png", noise(number, *size, 3))
    assert stored(tmp_path, (6, 10, 3)).shape == (4, 6, 10, 3)
    assert stored(tmp_path, (6, 10, 3), fit="resize").shape == (4, 6, 10, 3)
