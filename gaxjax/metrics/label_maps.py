"""Images whose colors are classes: how far two of them agree, pixel by pixel. Long et al. 2015, section 5."""

from typing import NamedTuple

import numpy as np

from gaxjax.errors import InputError

PALETTES = {
    # Every fifth color of a map of 64 from blue to red, as their JPEGs have them but for compression.
    "facades": "0000df,0030ff,0080ff,00cfff,20ffdf,70ff8f,bfff40,ffef00,ff9f00,ff5000,ff0000,af0000"
}
"""Name -> colors of the classes: "facades", the label maps of the CMP facades as pix2pix has them."""


class Agreement(NamedTuple):
    """Of label maps with the true ones; shares of 1."""

    by_image: np.ndarray
    """pixels of the right class, [N]"""
    per_class: float
    """pixels of a class that are of it, mean over the classes that are there"""
    iou: float
    """intersection over union, mean over these"""
    iou_by_class: np.ndarray
    """[K]; nan for those that are not there"""


def parse_palette(text: str, shape: tuple[int, ...]) -> np.ndarray:
    """Colors [K, 3], uint8, by a palette's name or RRGGBB,RRGGBB,...; InputError for images without any."""
    colors = PALETTES.get(text.strip(), text).split(",")
    try:
        numbers = [list(bytes.fromhex(color.strip().removeprefix("#"))) for color in colors]
    except ValueError:
        numbers = []
    # As text, for "0000df" and "#0000DF" are one color.
    if len({tuple(color) for color in numbers}) < max(2, len(colors)) or {len(c) for c in numbers} != {3}:
        known = ", ".join(PALETTES)
        raise InputError(f"palette is {known}, or different colors such as 0000df,ff0000; got {text!r}")
    if shape[-1] != 3:
        raise InputError(f"classes of pixels are told by color, and images of shape {shape} have none")
    return np.array(numbers, np.uint8)


def check_label_maps(images: np.ndarray, palette: np.ndarray) -> None:
    """InputError for images, uint8 [N, H, W, 3], that are no label maps: photographs have nearest colors."""
    colors = palette.astype(float)
    # A few show it, by the median pixel: borders of areas are mixed colors where a map was made smaller.
    pixels = images[:20].reshape(-1, 3)[::7].astype(float)
    distance = np.median(np.min(np.linalg.norm(pixels[:, None] - colors, axis=-1), axis=1))
    apart = np.linalg.norm(colors[:, None] - colors, axis=-1)
    least = np.min(apart[~np.eye(len(colors), dtype=bool)])
    if distance > least:
        raise InputError(
            "pixel_accuracy is of label maps, and the images that are compared with have other colors: half "
            f"of their pixels are {distance:.0f} or more from the palette's, two of which are {least:.0f} "
            "apart; give the label maps as --reference (and --output), or their --palette"
        )


def classify_pixels(images: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """The nearest color's number for each pixel: [N, H, W, 3] and [K, 3], both uint8 -> [N, H, W]."""
    # Image by image, as all differences of all colors at once would be K times the images, and in int32.
    colors = palette.astype(np.int32)
    maps = [
        np.argmin([np.sum((image.astype(np.int32) - color) ** 2, axis=-1) for color in colors], axis=0)
        for image in images
    ]
    return np.array(maps)


def compare_label_maps(maps: np.ndarray, true_maps: np.ndarray, palette: np.ndarray) -> Agreement:
    """How far label maps, uint8 [N, H, W, 3], are the true ones, over the pixels of all of them.

    palette: the classes' colors, [K, 3]. InputError for maps of another shape.
    """
    if maps.shape != true_maps.shape:
        raise InputError(
            f"pixel_accuracy compares pairs; got images of shapes {true_maps.shape} and {maps.shape}"
        )
    n = len(palette)
    classes, true_classes = (classify_pixels(images, palette) for images in (maps, true_maps))
    # One number for each pair of a true class and another: the confusion matrix, [true, other].
    pairs = np.bincount((n * true_classes + classes).ravel(), minlength=n * n)
    confusion = pairs.reshape(n, n).astype(float)
    # Of each class: pixels of it that are taken for it, all pixels of it, and all that are taken for it.
    right, true_count, count = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    # A class that no true map has is no class of these images: it has no share, and is in no mean.
    right = np.where(true_count > 0, right, np.nan)
    share = right / np.maximum(true_count, 1)
    iou = right / np.maximum(true_count + count - np.diag(confusion), 1)
    by_image = np.mean(true_classes == classes, axis=(1, 2))
    return Agreement(by_image, float(np.nanmean(share)), float(np.nanmean(iou)), iou)
