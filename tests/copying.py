"""A recipe whose network gives back what it is given: of its translations all is known but their sizes."""

from typing import Any, ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gaxjax.game import GAN, Batch, Logs
from gaxjax.recipe import Data, Optimizer, Recipe


class Copier(nn.Module):
    """Images -> the same images, `times` as large."""

    size_multiple: int = 1
    """of both sides"""
    times: int = 1
    """as large"""
    shape: tuple[int, ...] = ()
    """the only one, if there is but one"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        assert x.shape[1] % self.size_multiple == x.shape[2] % self.size_multiple == 0
        assert not self.shape or x.shape[1:] == self.shape
        x = x.repeat(self.times, 1).repeat(self.times, 2)
        return x * self.param("gain", nn.initializers.ones, ())


class Pairs(GAN):
    """Between a and b."""

    copier: nn.Module
    """translates"""

    players: ClassVar = {"copier": ("copier",)}
    averaged: ClassVar = ("copier",)
    directions: ClassVar = {"a": "b", "b": "a"}

    def __call__(self, batch: Batch) -> Any:
        return self.translate(batch)

    def translate(self, batch: Batch, source: str = "a") -> Array:
        return self.copier(batch[source])

    def sample(self, batch: Batch, **options: Any) -> Any:
        return self.translate(batch)

    def copier_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return 0 * jnp.mean(self.translate(batch)), {}


recipe = Recipe(
    gan=Pairs(Copier(4)),
    optimizers={"copier": Optimizer()},
    data=Data("folder", (8, 8, 3), "pairs", layout="halves"),
    batch_size=2,
    kimg=0.002,
    half_life=0,
    samples=2,
)
