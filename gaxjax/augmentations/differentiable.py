"""DiffAugment: color, translation and cutout. Zhao et al. 2020, arXiv 2006.10738."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.augmentations.augmentation import ImageAugmentation, require, round_half_up


@dataclass(frozen=True)
class Color(ImageAugmentation):
    """Brightness, then saturation, then contrast, each uniform around no change."""

    brightness: float = 0.5
    """largest value that is added or taken away"""
    saturation: float = 1.0
    """colors are scaled by 1 - this to 1 + this, around the mean of the pixel's channels"""
    contrast: float = 0.5
    """values are scaled by 1 - this to 1 + this, around the mean of the image"""

    def change(self, image: Array, key: Array) -> Array:
        # The authors' order: the means that colors are scaled around are of what the last change has left.
        brightness, saturation, contrast = jax.random.uniform(key, (3,), minval=-1.0)
        image = image + self.brightness * brightness
        gray = jnp.mean(image, axis=-1, keepdims=True)
        # 1 + U(-1, 1): by default the authors' U(0, 2), and U(0.5, 1.5) for contrast.
        image = gray + (1 + self.saturation * saturation) * (image - gray)
        mean = jnp.mean(image)
        return mean + (1 + self.contrast * contrast) * (image - mean)


@dataclass(frozen=True)
class Translation(ImageAugmentation):
    """A shift by whole pixels, along each axis by itself; zeros come in from outside."""

    ratio: float = 1 / 8
    """largest shift, as a part of the image's size"""

    def __post_init__(self) -> None:
        require(0 < self.ratio <= 1, self, "ratio", "in (0, 1]")

    def change(self, image: Array, key: Array) -> Array:
        # Zeros outside, as in DiffAugment; ADA's Shift has reflections in their place.
        height, width = (round_half_up(self.ratio * size) for size in image.shape[:2])
        padded = jnp.pad(image, ((height, height), (width, width), (0, 0)))
        # Where a window into the padded image begins: `height` and `width` are no shift.
        down, right = jax.random.randint(key, (2,), 0, jnp.array([2 * height + 1, 2 * width + 1]))
        return jax.lax.dynamic_slice(padded, (down, right, jnp.zeros_like(down)), image.shape)


@dataclass(frozen=True)
class Cutout(ImageAugmentation):
    """Zeros in a square, or a rectangle of the image's proportions, whose center is anywhere in the image."""

    ratio: float = 1 / 2
    """side of the square, as a part of the image's"""

    def __post_init__(self) -> None:
        require(0 < self.ratio <= 1, self, "ratio", "in (0, 1]")

    def change(self, image: Array, key: Array) -> Array:
        def inside(size: int, key: Array) -> Array:
            side = round_half_up(self.ratio * size)
            # A square of even side is centered between pixels, which has one more place.
            start = jax.random.randint(key, (), 0, size + 1 - side % 2) - side // 2
            pixels = jnp.arange(size)
            return (start <= pixels) & (pixels < start + side)

        (height, width, _), (of_rows, of_columns) = image.shape, jax.random.split(key)
        rows, columns = inside(height, of_rows)[:, None, None], inside(width, of_columns)[None, :, None]
        # 0 is middle gray.
        return jnp.where(rows & columns, 0, image)
