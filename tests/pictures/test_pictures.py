"""Samples as pictures, pixel by pixel where it can be."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gaxjax.data import normalize
from gaxjax.files import write_bytes
from gaxjax.pictures.images import animate, plot_curves, save_image, tile_images, to_uint8
from gaxjax.pictures.samples import draw_samples


def gray(*values: int, height: int = 4, width: int = 4) -> np.ndarray:
    """Images [n, height, width, 1], each of one gray."""
    return np.stack([np.full((height, width, 1), value, np.uint8) for value in values])


def test_pixels_come_back_as_they_went() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    np.testing.assert_array_equal(to_uint8(normalize(pixels)), pixels)


def test_what_is_out_of_range_is_clipped() -> None:
    np.testing.assert_array_equal(to_uint8([-1.5, -1.0, 1.0, 7.0]), [0, 0, 255, 255])


def test_a_sheet_is_read_like_a_page() -> None:
    # Three images of 256 in two columns with a gap of 2: 514, which needs no enlarging.
    page = tile_images(gray(10, 20, 30, height=256, width=256), columns=2)
    assert page.shape == (514, 514, 1)
    for (row, column), value in {(0, 0): 10, (0, 258): 20, (258, 0): 30}.items():
        np.testing.assert_array_equal(page[row : row + 256, column : column + 256], value)
    np.testing.assert_array_equal(page[258:, 258:], 255)  # no fourth image
    np.testing.assert_array_equal(page[:, 256:258], 255)
    np.testing.assert_array_equal(page[256:258], 255)


@pytest.mark.parametrize(
    ("n", "height", "width", "rows", "columns"),
    [(64, 8, 8, 8, 8), (10, 8, 8, 3, 4), (1, 8, 8, 1, 1), (8, 8, 32, 4, 2), (8, 32, 8, 2, 6)],
)
def test_a_sheet_is_as_square_as_can_be(n: int, height: int, width: int, rows: int, columns: int) -> None:
    page = tile_images(np.zeros((n, height, width, 3), np.uint8))
    expected = (rows * (height + 2) - 2, columns * (width + 2) - 2)
    scale = page.shape[0] // expected[0]
    assert page.shape == (expected[0] * scale, expected[1] * scale, 3)
    assert 256 < max(page.shape) < 768  # about 512, by a whole factor


def test_small_images_are_enlarged_by_whole_pixels() -> None:
    image = np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1)
    page = tile_images(image)
    scale = len(page) // 2
    assert scale > 100
    np.testing.assert_array_equal(page, image[0].repeat(scale, 0).repeat(scale, 1))


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_a_saved_picture_is_the_same(tmp_path: Path, channels: int, mode: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels)).astype(np.uint8)
    path = save_image(pixels, tmp_path / "deep" / "picture.png")
    with Image.open(path) as picture:
        assert picture.mode == mode
        np.testing.assert_array_equal(np.asarray(picture).reshape(pixels.shape), pixels)
    assert [p.name for p in path.parent.iterdir()] == ["picture.png"]


def test_drawn_images_are_on_the_sheet(tmp_path: Path) -> None:
    samples = np.stack([np.full((8, 8, 1), value, np.float32) for value in (-1, 0, 1, 0.5)])
    with Image.open(draw_samples(samples, tmp_path / "grid.png")) as picture:
        page = np.asarray(picture)
    middle = page.shape[0] // 4
    assert page[middle, middle] == 0
    assert page[middle, -middle] == 128
    assert page[-middle, middle] == 255
    assert page[-middle, -middle] == 191


def test_images_by_name_are_side_by_side(tmp_path: Path) -> None:
    """A row for each example, all that belongs to it beside each other."""
    samples = {name: np.full((4, 8, 8, 3), value, np.float32) for name, value in {"a": -1, "b": 1}.items()}
    with Image.open(draw_samples(samples, tmp_path / "pairs.png")) as picture:
        page = np.asarray(picture)
    scale = page.shape[1] // 16
    assert page.shape == (38 * scale, 16 * scale, 3)
    np.testing.assert_array_equal(page[: 8 * scale, : 8 * scale], 0)
    np.testing.assert_array_equal(page[: 8 * scale, 8 * scale :], 255)


def test_small_images_are_as_high_as_large_ones_beside_them(tmp_path: Path) -> None:
    small = np.linspace(-1, 1, 2 * 2 * 3, dtype=np.float32).reshape(1, 2, 2, 3)
    samples = {"a": small, "b": np.ones((1, 8, 8, 3), np.float32)}
    with Image.open(draw_samples(samples, tmp_path / "pairs.png")) as picture:
        page = np.asarray(picture)
    scale = page.shape[1] // 16
    assert page.shape == (8 * scale, 16 * scale, 3)
    expected = ((small[0] + 1) * 127.5).round().astype(np.uint8).repeat(4 * scale, 0).repeat(4 * scale, 1)
    np.testing.assert_array_equal(page[:, : 8 * scale], expected)


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("behind", [True, False])
def test_points_are_plotted(tmp_path: Path, width: int, behind: bool) -> None:
    points = np.random.default_rng(0).normal(size=(200, width)).astype(np.float32)
    pictures = []
    for shift in (0.0, 1.0):
        real = points + 1 if behind else None
        path = draw_samples(points + shift, tmp_path / f"{shift}.png", real)
        with Image.open(path) as picture:
            assert picture.size == (500, 400)
            pictures.append(np.asarray(picture.convert("RGB")))
    assert np.any(pictures[0] != pictures[1]) or (not behind and width == 1)
    assert len(np.unique(pictures[0].reshape(-1, 3), axis=0)) > 10


def test_the_same_points_make_the_same_file(tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(50, 2))
    first, second = (draw_samples(points, tmp_path / name).read_bytes() for name in ("a.png", "b.png"))
    assert first == second


def test_curves(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {
            "step": i,
            "images": 100 * i,
            "generator/loss": 1 / i,
            "discriminator/loss": i,
            "discriminator/k": 0.5,
        }
        for i in range(1, 4)
    ]
    rows[1].pop("discriminator/k")  # a row that lacks a value
    with Image.open(plot_curves(rows, tmp_path / "curves.png")) as picture:
        assert picture.size == (1000, 400)  # two panels: k and loss
    with Image.open(plot_curves(rows[:1], tmp_path / "one.png")) as picture:
        assert picture.size == (1000, 400)


def test_an_animation_is_thinned_out_and_ends_at_the_end(tmp_path: Path) -> None:
    pictures = [save_image(np.full((6, 6, 1), 5 * i, np.uint8), tmp_path / f"{i:02}.png") for i in range(50)]
    path = animate(pictures, tmp_path / "all.gif", frames=10)
    assert path is not None
    with Image.open(path) as film:
        assert film.n_frames == 10  # type: ignore[attr-defined]
        seen = []
        for frame in range(10):
            film.seek(frame)
            seen.append(int(np.asarray(film.convert("L"))[0, 0]))
    assert seen == sorted(seen) and seen[0] == 0 and seen[-1] == 245
    assert animate(pictures[:1], tmp_path / "none.gif") is None
    assert animate([], tmp_path / "none.gif") is None
    assert not (tmp_path / "none.gif").exists()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_bytes(tmp_path / "new" / "file", b"old")
    assert write_bytes(path, b"new").read_bytes() == b"new"

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            write_bytes(path, b"newer")
    assert path.read_bytes() == b"new"
    assert [p.name for p in path.parent.iterdir()] == ["file"]
