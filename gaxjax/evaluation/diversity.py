"""How different the translations of one image are from one another. Zhu et al. 2017 (BicycleGAN)."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.data import normalize
from gaxjax.errors import InputError
from gaxjax.features import Features
from gaxjax.game import GAN, Batch, State, call_averaged
from gaxjax.metrics.samples import OUTPUTS


@dataclass(frozen=True, eq=False)
class Diversity:
    """The mean distance between two of ten translations of each image; the game needs translate(batch)."""

    distance: Features
    """whose squared Euclidean distance it is: LPIPS, or others by their name"""
    seed: int
    """of the translations"""

    of: ClassVar = "images"
    of_real: ClassVar = True

    @property
    def params(self) -> dict[str, Any]:
        """Of the distance."""
        return self.distance.params

    def __call__(self, gan: GAN, held: tuple[State, Any], batch: Batch, number: Any) -> dict[str, Array]:
        """The mean over all pairs of an image's translations, [B]."""
        if not hasattr(gan, "translate"):
            raise InputError(
                f"diversity is of translations, and {type(gan).__name__} makes none: it needs the method "
                "translate(batch), with random numbers of its own"
            )
        state, params = held
        keys = jax.random.split(jax.random.fold_in(jax.random.key(self.seed), number), OUTPUTS)
        level = self.distance.level

        def translate(key: Array) -> Array:
            images = call_averaged(gan, state, key, "translate", normalize(batch))
            images = jnp.clip(images, -1, 1)  # as pictures of them would be
            return self.distance.apply(params, images, (level,))[level].astype(jnp.float32)

        # One after the other: all at once would hold the activations of ten times as many images.
        vectors = jax.lax.map(translate, keys)
        # Of the n (n - 1) / 2 pairs the squares add up to n times those about the mean. Without the first
        # one: of translations that are all alike, no rounding error is left.
        apart = vectors - vectors[:1]
        squares = jnp.sum((apart - jnp.mean(apart, axis=0, keepdims=True)) ** 2, axis=(0, 2))
        return {"diversity": 2 / (OUTPUTS - 1) * squares}
