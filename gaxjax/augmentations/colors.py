"""ADA's changes of color. Karras et al. 2020, arXiv 2006.06676, appendix B.

Colors are vectors around middle gray, 0; their gray axis is (1, 1, 1) / sqrt(3). What an image has besides
its three colors, a fourth channel, is left alone. None clips, so that gradients flow everywhere.
"""

from abc import abstractmethod
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.augmentations.augmentation import ImageAugmentation
from gaxjax.errors import InputError


@dataclass(frozen=True)
class ColorAugmentation(ImageAugmentation):
    """One that changes the color of every pixel of an image in the same way."""

    @abstractmethod
    def paint(self, colors: Array, key: Array) -> Array:
        """The colors [H, W, 3], or [H, W, 1] of a gray image, changed."""

    def change(self, image: Array, key: Array) -> Array:
        channels = image.shape[-1]
        if channels not in (1, 3, 4):
            raise InputError(f"{type(self).__name__} changes images of 1, 3 or 4 channels; got {channels}")
        # A gray image's slice is itself, one channel.
        painted = self.paint(image[..., :3], key)
        return painted if channels < 4 else jnp.concatenate([painted, image[..., 3:]], axis=-1)


@dataclass(frozen=True)
class Brightness(ColorAugmentation):
    """N(0, deviation^2) is added."""

    deviation: float = 0.2
    """where images reach from -1 to 1"""

    def paint(self, colors: Array, key: Array) -> Array:
        # One number for all channels and pixels: light, not tint.
        return colors + self.deviation * jax.random.normal(key)


@dataclass(frozen=True)
class Contrast(ColorAugmentation):
    """Everything is scaled by 2^N(0, deviation^2), around middle gray."""

    deviation: float = 0.5
    """of the binary logarithm"""

    def paint(self, colors: Array, key: Array) -> Array:
        return colors * jnp.exp2(self.deviation * jax.random.normal(key))


@dataclass(frozen=True)
class Luma(ColorAugmentation):
    """Light becomes dark while hue and saturation stay, or not, equally often."""

    def paint(self, colors: Array, key: Array) -> Array:
        # Twice the part along the axis taken away: a reflection at the plane through gray across it.
        return colors - jnp.where(jax.random.bernoulli(key), 2.0, 0.0) * gray(colors)


@dataclass(frozen=True)
class Hue(ColorAugmentation):
    """Colors turn around the gray axis by a uniform angle; gray images stay as they are."""

    degrees: float = 180.0
    """largest turn, to either side"""

    def paint(self, colors: Array, key: Array) -> Array:
        # On the axis already: turning, like stretching away from it, does nothing.
        if colors.shape[-1] == 1:
            return colors
        # To either side, as the authors' U(-180, 180) degrees.
        largest = jnp.deg2rad(self.degrees)
        angle = jax.random.uniform(key, minval=-largest, maxval=largest)
        # Rodrigues' formula; its cross product with the axis is a difference of channels.
        aside = (jnp.roll(colors, 1, axis=-1) - jnp.roll(colors, -1, axis=-1)) / jnp.sqrt(3.0)
        along = gray(colors)
        return along + jnp.cos(angle) * (colors - along) + jnp.sin(angle) * aside


@dataclass(frozen=True)
class Saturation(ColorAugmentation):
    """Distances from the gray axis are scaled by 2^N(0, deviation^2); gray images stay as they are."""

    deviation: float = 1.0
    """of the binary logarithm"""

    def paint(self, colors: Array, key: Array) -> Array:
        if colors.shape[-1] == 1:
            return colors
        along = gray(colors)
        return along + (colors - along) * jnp.exp2(self.deviation * jax.random.normal(key))


def gray(colors: Array) -> Array:
    """The part along the gray axis, one channel: the mean."""
    return jnp.mean(colors, axis=-1, keepdims=True)
