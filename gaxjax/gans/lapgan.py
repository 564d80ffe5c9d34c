"""LAPGAN: a GAN for each level of a Laplacian pyramid. Denton et al. 2015, arXiv 1506.05751."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gaxjax.adversary import Adversary, add_prefix
from gaxjax.errors import InputError
from gaxjax.game import GAN, PLAY, Batch, Logs, Tree, count_examples, select_condition
from gaxjax.latents import Latents
from gaxjax.layers.modules import call_network
from gaxjax.layers.pyramid import Size, reduce_images, up


class LAPGAN(GAN):
    """As many pairs of networks as levels, each trained on real images alone (section 2.3).

    Level 0 makes the smallest image; each level after it adds what an image of its size has beyond the
    enlarged one of the level before. In training that is a real one: no level waits for another, and no
    gradient goes from one to another.
    """

    generators: tuple[nn.Module, ...]
    """latents [B, L] (, condition) -> the smallest images; then the enlarged image and a channel of noise,
    [B, H, W, C + 1] (, condition) -> residuals [B, H, W, C]"""
    discriminators: tuple[nn.Module, ...]
    """images of the level's size (, condition) -> logits"""
    sizes: tuple[Size, ...] = ((8, 8), (16, 16), (32, 32))
    """(height, width) of each level's images, the last one's those of the data"""
    latents: Latents = Latents(100, "uniform")
    """what level 0 starts from; noise at the other levels has the same prior at every pixel"""
    adversary: Adversary = Adversary()
    """of each pair"""
    condition: str = "label"
    """what of a batch all networks are given besides; empty: nothing"""

    players: ClassVar = {"discriminator": ("discriminators",), "generator": ("generators",)}
    averaged: ClassVar = ("generators",)

    def __post_init__(self) -> None:
        counts = [len(field) for field in (self.generators, self.discriminators, self.sizes)]
        if len(set(counts)) > 1:
            numbers = "{} generators, {} discriminators and {} sizes".format(*counts)
            raise InputError(f"LAPGAN has a pair of networks for each size; got {numbers}")
        super().__post_init__()

    @property
    def subgames(self) -> dict[str, tuple[str, ...]]:
        """Each level, by itself."""
        pairs = ((f"discriminators_{k}", f"generators_{k}") for k in range(len(self.sizes)))
        return {f"level_{k}": pair for k, pair in enumerate(pairs)}

    def __call__(self, batch: Batch) -> Any:
        condition = self.condition_of(batch)
        return [self.adversary(d, fake, condition=condition) for d, _, fake in self.levels(batch)]

    def condition_of(self, batch: Batch) -> Tree:
        """The batch's condition, [B, ...]; None where there is none."""
        return select_condition(batch, self.condition)

    def draw(self, level: int, batch: Batch, coarse: Array | None = None) -> Array:
        """Images of a level, one for each of the batch, on those of the level before it."""
        generator, size, n = self.generators[level], self.sizes[level], count_examples(batch)
        key, condition = self.make_rng(PLAY), self.condition_of(batch)
        # The coarsest image is drawn whole: there is nothing below it to add a residual to.
        if coarse is None:
            images: Array = call_network(generator, self.latents.draw(key, n), condition)
            return images
        enlarged = up(coarse, size)
        # Noise for each pixel, so that what is added varies where the enlarged image leaves room for it.
        noise = replace(self.latents, size=math.prod(size)).draw(key, n).reshape(n, *size, 1)
        x = jnp.concatenate([enlarged, noise.astype(enlarged.dtype)], axis=-1)
        # I_k = u(I_{k+1}) + h_k, and h_k is the generator's.
        return enlarged + call_network(generator, x, condition)

    def sample(self, batch: Batch, **options: Any) -> dict[str, Array]:
        """Images of every level, {"level 0": [B, h, w, C], ...}, each made of those of the level before."""
        images: dict[str, Array] = {}
        coarse = None
        # Here a level is given what the one before it has made, as no real image is there.
        for level in range(len(self.sizes)):
            images[f"level {level}"] = coarse = self.draw(level, batch, coarse)
        return images

    def levels(self, batch: Batch) -> Iterator[tuple[nn.Module, Array, Array]]:
        """Of each level its discriminator, real images, and fakes made of the real ones a level below."""
        coarse = None
        for level, real in enumerate(reduce_images(batch["image"], self.sizes)):
            yield self.discriminators[level], real, self.draw(level, batch, coarse)
            # The real one and not a fake: that is what makes levels independent.
            coarse = real

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.add_levels(self.adversary.discriminator_loss, batch, step)

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.add_levels(self.adversary.generator_loss, batch, step)

    def add_levels(self, loss_of: Any, batch: Batch, step: Array) -> tuple[Array, Logs]:
        """The sum of a player's losses, of which each moves the networks of its own level alone."""
        total, logs, condition = jnp.zeros(()), Logs(), self.condition_of(batch)
        for level, arguments in enumerate(self.levels(batch)):
            # Of u(I_{k+1}) + h_k and not of h_k, as in the authors' code: an image of the level's size.
            loss, own, _ = loss_of(*arguments, step, condition)
            total, logs = total + loss, logs | add_prefix(f"level_{level}", {"loss": loss, **own})
        return total, logs
