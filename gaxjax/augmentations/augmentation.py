"""What an augmentation is: dataclasses, called as `augmentation(images, key, step)`; and instance noise."""

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError


@dataclass(frozen=True)
class Augmentation(ABC):
    """A random change of examples, of each by itself, through which gradients flow back to them.

    Its fields say how strong it is: numbers, none of them negative.
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            require(0 <= getattr(self, field.name) < math.inf, self, field.name, "a number, not negative")

    @abstractmethod
    def __call__(self, images: Array, key: Array, step: Array | int) -> Array:
        """The examples, changed, in the shape and type that they came in; `step` is the train step."""

    def chance(self, probability: Array | float) -> Array | float:
        """How likely each example is to be changed, where changes are asked for with a probability."""
        return probability


@dataclass(frozen=True)
class ImageAugmentation(Augmentation):
    """One that is written for a single image."""

    @abstractmethod
    def change(self, image: Array, key: Array) -> Array:
        """The image [H, W, C], in float32 at least, changed with random numbers of its own."""

    def __call__(self, images: Array, key: Array, step: Array | int) -> Array:
        """The images [B, H, W, C], changed."""
        require_images(self, images)
        # A key for each image: with one key, vmap would give all of them the same numbers.
        return map_images(self.change, images, jax.random.split(key, images.shape[0]))


@dataclass(frozen=True)
class Noise(Augmentation):
    """Instance noise, N(0, deviation^2) on every element. Sonderby et al. 2017, arXiv 1610.04490.

    See also Arjovsky and Bottou 2017, section 3. For images, for points and for anything else [B, ...].
    """

    deviation: float = 0.1
    """standard deviation at the first step, where images reach from -1 to 1"""
    steps: int = 0
    """train steps in which it fades linearly to nothing; 0: it stays"""

    def __call__(self, images: Array, key: Array, step: Array | int) -> Array:
        """The examples with noise."""
        require_floats(self, images)
        deviation: Array | float = self.deviation
        # A Python branch: with no fading, there is no step in the program.
        if self.steps:
            # In whole steps, so that nothing is left in the end, however the division is compiled.
            deviation = deviation * jnp.maximum(0, self.steps - jnp.asarray(step)) / self.steps
        # Added in float32, and narrowed with the image: by itself bfloat16's noise would be of few values.
        noise = deviation * jax.random.normal(key, images.shape)
        return (images + noise).astype(images.dtype)


def require(fine: bool, owner: Any, field: str, expected: str) -> None:
    """Refuses the value of a field that would go wrong without a word."""
    if not fine:
        raise InputError(f"{type(owner).__name__}({field}={getattr(owner, field)!r}): must be {expected}")


def require_images(owner: Augmentation, images: Array) -> None:
    """Refuses points, and pixels from 0 to 255."""
    require_floats(owner, images)
    if images.ndim != 4:
        raise InputError(
            f"{type(owner).__name__} changes images [B, H, W, C]; got shape {images.shape}: "
            f"for points use Noise, or no augmentation"
        )


def require_floats(owner: Augmentation, images: Array) -> None:
    """Refuses pixels from 0 to 255."""
    # Bytes would wrap around where noise or brightness takes them past 255.
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise InputError(
            f"{type(owner).__name__} changes floating-point examples, images in [-1, 1]; got {images.dtype}"
        )


def map_images(change: Callable[..., Array], images: Array, *arguments: Any) -> Array:
    """The images [B, H, W, C], each changed by itself, in float32 at least on the way."""
    # Sums over an image, and coordinates in it, are too coarse in 16 bits.
    precise = images.astype(jnp.promote_types(images.dtype, jnp.float32))
    return jax.vmap(change)(precise, *arguments).astype(images.dtype)


def round_half_up(size: float) -> int:
    """The nearest whole number, from halves upwards as the authors round.

    >>> round_half_up(2.5), round_half_up(0.4)
    (3, 0)
    """
    return int(size + 0.5)
