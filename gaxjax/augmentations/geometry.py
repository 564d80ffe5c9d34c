"""ADA's pixel blitting and geometry. Karras et al. 2020, arXiv 2006.06676, appendix B.

Resampling is bilinear, and outside an image is its reflection. The authors resample between the low-pass
filters of a wavelet, at twice the resolution; this is simpler, a little softer, and leaves some aliasing in
what is made smaller.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.ndimage import map_coordinates

from gaxjax.augmentations.augmentation import (
    ImageAugmentation,
    map_images,
    require,
    require_images,
    round_half_up,
)
from gaxjax.errors import InputError

Move = tuple[Any, Array, Array]
"""A GeometricAugmentation, its random key, and whether it is applied."""


@dataclass(frozen=True)
class Flip(ImageAugmentation):
    """Left becomes right, or not, equally often."""

    def change(self, image: Array, key: Array) -> Array:
        # As ADA draws it, from {nothing, flip}: of the images that are picked, half stay.
        return jnp.where(jax.random.bernoulli(key), image[:, ::-1], image)


@dataclass(frozen=True)
class Rotate90(ImageAugmentation):
    """None to three quarter turns, equally often, of square images."""

    def change(self, image: Array, key: Array) -> Array:
        if image.shape[0] != image.shape[1]:
            raise InputError(
                f"Rotate90 turns square images; got {image.shape[0]} x {image.shape[1]} pixels: "
                f"leave it out, or make the data square"
            )
        # A branch for each turn: rot90 takes its number while tracing.
        turns = [partial(jnp.rot90, k=quarters) for quarters in range(4)]
        return jax.lax.switch(jax.random.randint(key, (), 0, 4), turns, image)


@dataclass(frozen=True)
class Shift(ImageAugmentation):
    """A shift by whole pixels, along each axis by itself; outside is the reflection of the inside."""

    ratio: float = 1 / 8
    """largest shift, as a part of the image's size"""

    def __post_init__(self) -> None:
        require(0 < self.ratio <= 1, self, "ratio", "in (0, 1]")

    def change(self, image: Array, key: Array) -> Array:
        height, width = (round_half_up(self.ratio * size) for size in image.shape[:2])
        # Padded by the largest shift, from which a window of the image's size is cut: shapes must not depend
        # on the draw.
        padded = jnp.pad(image, ((height, height), (width, width), (0, 0)), mode="reflect")
        shares = self.ratio * jax.random.uniform(key, (2,), minval=-1.0)
        # The authors' rounding: the largest shift, where it is a whole number, is half as likely as others.
        down = height + jnp.round(shares[0] * image.shape[0]).astype(jnp.int32)
        right = width + jnp.round(shares[1] * image.shape[1]).astype(jnp.int32)
        return jax.lax.dynamic_slice(padded, (down, right, jnp.zeros_like(down)), image.shape)


@dataclass(frozen=True)
class GeometricAugmentation(ImageAugmentation):
    """One that moves what is in the image: says where each pixel reads from.

    `Augment` joins neighbors in its list, so that images are resampled once.
    """

    @abstractmethod
    def source(self, y: Array, x: Array, key: Array) -> tuple[Array, Array]:
        """Where the pixels at y and x read from; all [H, W], in pixels from the image's center."""

    def change(self, image: Array, key: Array) -> Array:
        return resample(image, [(self, key, jnp.array(True))])


@dataclass(frozen=True)
class Scale(GeometricAugmentation):
    """Larger or smaller by 2^N(0, deviation^2)."""

    deviation: float = 0.2
    """of the binary logarithm"""

    def source(self, y: Array, x: Array, key: Array) -> tuple[Array, Array]:
        # Where a pixel reads from is the inverse of where it goes: what grows reads nearer to the center.
        scale = jnp.exp2(self.deviation * jax.random.normal(key))
        return y / scale, x / scale


@dataclass(frozen=True)
class Rotation(GeometricAugmentation):
    """A turn around the center by a uniform angle."""

    degrees: float = 180.0
    """largest turn, to either side"""
    among: int = 1
    """rotations in the list that share a probability, so that an image gets at least one with it"""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.among >= 1, self, "among", "at least 1")

    def chance(self, probability: Array | float) -> Array | float:
        # Of two, each with 1 - sqrt(1 - p), at least one is made with probability p (appendix B).
        return 1 - (1 - probability) ** (1 / self.among)

    def source(self, y: Array, x: Array, key: Array) -> tuple[Array, Array]:
        largest = math.radians(self.degrees)
        angle = jax.random.uniform(key, minval=-largest, maxval=largest)
        # In pixels, so that images that are not square keep their proportions. To which side does not matter:
        # angles are as likely as their opposites.
        cosine, sine = jnp.cos(angle), jnp.sin(angle)
        return cosine * y - sine * x, sine * y + cosine * x


@dataclass(frozen=True)
class Stretch(GeometricAugmentation):
    """Wider by 2^N(0, deviation^2) and as much lower."""

    deviation: float = 0.2
    """of the binary logarithm"""

    def source(self, y: Array, x: Array, key: Array) -> tuple[Array, Array]:
        scale = jnp.exp2(self.deviation * jax.random.normal(key))
        # Areas stay.
        return y * scale, x / scale


@dataclass(frozen=True)
class FractionalShift(GeometricAugmentation):
    """A shift by N(0, deviation^2) of the image's size along each axis, parts of a pixel too."""

    deviation: float = 1 / 8
    """as a part of the image's size"""

    def source(self, y: Array, x: Array, key: Array) -> tuple[Array, Array]:
        # Of the size, so that a deviation means the same at every resolution.
        down, right = self.deviation * jax.random.normal(key, (2,))
        return y - down * y.shape[0], x - right * x.shape[1]


def apply_moves(moves: Sequence[Move], images: Array) -> Array:
    """The images [B, H, W, C] after moves, resampled once; whether each is applied is [B]."""
    augmentations, keys, applied = zip(*moves, strict=True)
    require_images(augmentations[0], images)

    def apply_to_one(image: Array, keys: tuple[Array, ...], applied: tuple[Array, ...]) -> Array:
        return resample(image, list(zip(augmentations, keys, applied, strict=True)))

    return map_images(
        apply_to_one, images, tuple(jax.random.split(key, images.shape[0]) for key in keys), applied
    )


def resample(image: Array, moves: Sequence[Move]) -> Array:
    """The image [H, W, C] after moves, in their order."""
    height, width, _ = image.shape
    # One pixel has no reflection to read from.
    if min(height, width) < 2:
        names = ", ".join(type(augmentation).__name__ for augmentation, _, _ in moves)
        raise InputError(f"{names}: images must have at least 2 x 2 pixels; got {height} x {width}")
    # Coordinates are of pixels' centers; of an even size, the image's lies between two.
    middle, center = (height - 1) / 2, (width - 1) / 2
    y, x = jnp.meshgrid(jnp.arange(height) - middle, jnp.arange(width) - center, indexing="ij")
    # Pixels look for their source: first where the last move takes it from, then where that came from.
    for augmentation, key, applied in reversed(moves):
        y_source, x_source = augmentation.source(y, x, key)
        y, x = jnp.where(applied, y_source, y), jnp.where(applied, x_source, x)
    # mirror, in SciPy's words, is NumPy's reflect, which Shift pads with: the border pixel is not doubled.
    read = partial(map_coordinates, coordinates=(y + middle, x + center), order=1, mode="mirror")
    return jax.vmap(read, in_axes=-1, out_axes=-1)(image)
