"""Pixel accuracy, class by class and intersection over union, by hand."""

import numpy as np
import pytest

from gaxjax.errors import InputError
from gaxjax.metrics.label_maps import classify_pixels, compare_label_maps, parse_palette

PALETTE = parse_palette("000000, #00FF00,ff0000,0000ff", (2, 2, 3))
RANDOM = np.random.default_rng(0)


def maps(*rows: list[int]) -> np.ndarray:
    """Images of one row of pixels of these classes, each a little off its color."""
    colors = PALETTE[np.array(rows)][:, None].astype(int)
    return np.clip(colors + RANDOM.integers(-40, 40, colors.shape), 0, 255).astype(np.uint8)


def test_by_hand() -> None:
    """Class 3 is in no true map: it is in no mean, and what is taken for it is wrong."""
    true, found = [[0, 0, 0, 1], [1, 1, 2, 2]], [[0, 0, 1, 1], [1, 3, 2, 2]]
    np.testing.assert_array_equal(classify_pixels(maps(*true), PALETTE)[:, 0], true)
    result = compare_label_maps(maps(*found), maps(*true), PALETTE)
    np.testing.assert_allclose(result.by_image, [3 / 4, 3 / 4])
    np.testing.assert_allclose(result.per_class, (2 / 3 + 2 / 3 + 1) / 3)
    np.testing.assert_allclose(result.iou_by_class, [2 / 3, 2 / 4, 1, np.nan])
    np.testing.assert_allclose(result.iou, (2 / 3 + 2 / 4 + 1) / 3)
    with pytest.raises(InputError, match="pixel_accuracy compares pairs; got images of shapes"):
        compare_label_maps(maps(*found)[:1], maps(*true), PALETTE)


def test_palettes() -> None:
    facades = parse_palette("facades", (64, 64, 3))
    assert facades.shape == (12, 3) and len(np.unique(facades, axis=0)) == 12
    for text in ("facade", "ff0000", "ff0000,FF0000", "ff0000,00ff", "ff0000,"):
        with pytest.raises(InputError, match=f"palette is facades, or different colors .* got '{text}'"):
            parse_palette(text, (64, 64, 3))
    with pytest.raises(InputError, match=r"images of shape \(64, 64, 1\) have none"):
        parse_palette("facades", (64, 64, 1))
