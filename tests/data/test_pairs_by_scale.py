"""Pairs for super-resolution: what the small images are, where crops are, and what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gaxjax.data import Data, Loader, open_source, spec_of
from gaxjax.errors import InputError

SIZES = {"wide.png": (30, 20), "high.png": (16, 27), "whole.png": (16, 12)}
"""Width and height of photographs of noise."""


@pytest.fixture
def data(tmp_path: Path) -> Data:
    random = np.random.default_rng(0)
    for name, (width, height) in SIZES.items():
        Image.fromarray(random.integers(0, 256, (height, width, 3), np.uint8)).save(tmp_path / name)
    return Data("folder", (12, 16, 3), str(tmp_path), scale=4)


def photographs(data: Data) -> list[np.ndarray]:
    """In the order of their names."""
    return [np.asarray(Image.open(Path(data.directory) / name)) for name in sorted(SIZES)]


def places(photograph: np.ndarray, crop: np.ndarray) -> list[tuple[int, int]]:
    """Where a crop may have been."""
    windows = np.lib.stride_tricks.sliding_window_view(photograph, crop.shape)[:, :, 0]
    found = np.argwhere((windows == crop).all(axis=(2, 3, 4)))
    return [(int(row), int(column)) for row, column in found]


def cubic(distance: np.ndarray) -> np.ndarray:
    """Keys 1981 with a = -1/2."""
    x = np.abs(distance)
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def reduced(pixels: np.ndarray, scale: int) -> np.ndarray:
    """Bicubic with a kernel that is `scale` times as wide, in float64, one axis after the other."""
    for axis in (0, 1):
        size = pixels.shape[axis]
        centers = (np.arange(size // scale) + 0.5) * scale - 0.5
        weights = cubic((np.arange(size) - centers[:, None]) / scale)
        weights /= weights.sum(axis=1, keepdims=True)
        pixels = np.moveaxis(np.tensordot(weights, pixels.astype(np.float64), (1, axis)), 0, axis)
    return pixels


def test_small_images_are_bicubic_reductions_of_crops_as_stored(data: Data) -> None:
    source = open_source(data)
    assert source.spec == spec_of(data)
    assert {name: x.shape for name, x in source.spec.items()} == {"a": (3, 4, 3), "b": (12, 16, 3)}
    batch = source.take(np.arange(3))
    for photograph, a, b in zip(photographs(data), batch["a"], batch["b"], strict=True):
        top, left = (photograph.shape[0] - 12) // 2, (photograph.shape[1] - 16) // 2
        np.testing.assert_array_equal(b, photograph[top : top + 12, left : left + 16])
        # Pillow rounds after each axis.
        assert np.abs(a - reduced(b, 4).clip(0, 255)).max() < 1.5


def test_places_are_a_function_of_seed_and_position_and_spread_over_all(data: Data) -> None:
    source = open_source(data)
    everything = source.take(np.arange(600), seed=3)
    several = open_source(replace(data, memory=0.0)).take(np.array([17, 400, 5]), seed=3)
    for name in ("a", "b"):
        np.testing.assert_array_equal(several[name], everything[name][[17, 400, 5]])
    found: dict[int, set[tuple[int, int]]] = {0: set(), 1: set(), 2: set()}
    for crop in everything["b"]:
        (number, place), *more = [(i, p) for i, x in enumerate(photographs(data)) for p in places(x, crop)]
        assert not more
        found[number].add(place)
    # Rows and columns: 16 of high.png, one of whole.png, 9 x 15 of wide.png, of which 200 draws meet 77%.
    assert len(found[0]) == 16 and found[1] == {(0, 0)} and 85 < len(found[2]) <= 135
    centered = open_source(replace(data, centered=True)).take(np.arange(3), seed=3)
    whole = open_source(data).take(np.arange(3))
    assert sorted(x.tobytes() for x in centered["b"]) == sorted(x.tobytes() for x in whole["b"])


def test_a_pair_is_mirrored_as_a_whole(data: Data) -> None:
    plain, mirrored = (Loader(open_source(data), 16, flip=flip, workers=0) for flip in (False, True))
    with plain, mirrored:
        one, other = next(plain), next(mirrored)
    turned = [
        {name: bool((one[name][0, i] != other[name][0, i]).any()) for name in ("a", "b")} for i in range(16)
    ]
    assert all(coin["a"] == coin["b"] for coin in turned) and 2 < sum(coin["a"] for coin in turned) < 14
    np.testing.assert_array_equal(
        other["b"][0], [x[:, ::-1] if coin["b"] else x for x, coin in zip(one["b"][0], turned, strict=True)]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": 5}, r"scale=5 does not divide .*shape=\(12, 16, 3\).* such as \(10, 15, 3\)"),
        ({"scale": 0}, "scale is how many times a is smaller than b, 1 or more, not 0"),
        ({"layout": "halves"}, "scale=4 makes pairs of single photographs, which layout=halves has not"),
        ({"name": "ring", "shape": (2,)}, "which name=ring has not: use a folder of them"),
        (
            {"shape": (16, 16, 3)},
            r"1 of 3 images .*(?s:.*)whole.png: it is 16 x 12 pixels, and crops are 16 x 16",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(data: Data, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_source(replace(data, **options))


def test_small_photographs_are_left_out_if_not_strict(data: Data) -> None:
    with pytest.warns(UserWarning, match="left out 1 of 3 images"):
        source = open_source(replace(data, shape=(16, 16, 3), strict=False))
    assert len(source) == 2 and source.take(np.arange(2), seed=0)["a"].shape == (2, 4, 4, 3)
