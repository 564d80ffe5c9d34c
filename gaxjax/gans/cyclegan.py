"""CycleGAN: unpaired translation between two domains. Zhu et al. 2017, arXiv 1703.10593."""

from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.adversary import Adversary, prefixed
from gaxjax.errors import InputError
from gaxjax.game import GAN, PLAY, Batch, Logs
from gaxjax.layers.modules import Mixing
from gaxjax.objectives import LeastSquares


class CycleGAN(GAN):
    """Four networks, two players: both discriminators move together, and both generators."""

    generator_ab: nn.Module
    """images of domain a -> images of domain b"""
    generator_ba: nn.Module
    """images of domain b -> images of domain a"""
    discriminator_a: nn.Module
    """images of domain a -> logits [B, h, w], one for each patch"""
    discriminator_b: nn.Module
    """images of domain b -> logits [B, h, w]"""
    adversary: Adversary = Adversary(LeastSquares())
    """of both domains"""
    cycle: float = 10.0
    """lambda: weight of the cycle consistency (eq. 2)"""
    identity: float = 5.0
    """weight of the identity loss (section 5.2; the authors' code: half of lambda)"""
    pool: int = 50
    """fake images that each discriminator remembers; 0 for none (section 4)"""

    players: ClassVar = {
        "discriminator": ("discriminator_a", "discriminator_b"),
        "generator": ("generator_ab", "generator_ba"),
    }
    averaged: ClassVar = ("generator_ab", "generator_ba")

    def setup(self) -> None:
        self.pool_a, self.pool_b = ImagePool(self.pool), ImagePool(self.pool)

    def __call__(self, batch: Batch) -> Any:
        if not {"a", "b"} <= set(batch):
            raise InputError(
                f"CycleGAN needs batches with images 'a' and 'b'; the data has {sorted(batch)}: "
                f"use a folder of pictures with layout halves"
            )
        fake_a, fake_b = self.generator_ba(batch["b"]), self.generator_ab(batch["a"])
        of_a = self.adversary(self.discriminator_a, self.pool_a(fake_a))
        return of_a, self.adversary(self.discriminator_b, self.pool_b(fake_b))

    def sample(self, batch: Batch, **options: Any) -> dict[str, Array]:
        """Each source, its translation, and back, in both directions; each [B, H, W, C].

        The names are in alphabetical order, which is the order that a compiled function returns them in.
        """
        ab, ba = self.generator_ab(batch["a"]), self.generator_ba(batch["b"])
        there = {"a": batch["a"], "a to b": ab, "a to b to a": self.generator_ba(ab)}
        return {**there, "b": batch["b"], "b to a": ba, "b to a to b": self.generator_ab(ba)}

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        a, b = batch["a"], batch["b"]
        fake_a, fake_b = self.generator_ba(b), self.generator_ab(a)
        loss_of = self.adversary.discriminator_loss
        of_a, logs_a, _ = loss_of(self.discriminator_a, a, self.pool_a(fake_a), step)
        of_b, logs_b, _ = loss_of(self.discriminator_b, b, self.pool_b(fake_b), step)
        logs = prefixed("a", logs_a) | prefixed("b", logs_b)
        return of_a + of_b, {"a": of_a, "b": of_b, **logs}

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        a, b = batch["a"], batch["b"]
        fake_a, fake_b = self.generator_ba(b), self.generator_ab(a)
        fooling_a, *_ = self.adversary.generator_loss(self.discriminator_a, a, fake_a, step)
        fooling_b, *_ = self.adversary.generator_loss(self.discriminator_b, b, fake_b, step)
        fooling = fooling_a + fooling_b
        cycle = distance(self.generator_ba(fake_b), a) + distance(self.generator_ab(fake_a), b)
        loss = fooling + self.cycle * cycle
        logs = {"fooling": fooling, "cycle": cycle}
        if self.identity:
            logs["identity"] = distance(self.generator_ba(a), a) + distance(self.generator_ab(b), b)
            loss = loss + self.identity * logs["identity"]
        return loss, logs


class ImagePool(nn.Module):
    """Gives back each image, or, half of the time, an older one in its place. Shrivastava et al. 2017, 2.3.

    Its pictures are variables of the collection `pool`. Only a player's move changes them.
    """

    capacity: int
    """images that it holds; 0 gives every image back"""

    @property
    def mixes_examples(self) -> Mixing | None:
        """An image given back may be of another minibatch."""
        return Mixing("a pool of made images", "pool 0") if self.capacity else None

    @nn.compact
    def __call__(self, images: Array) -> Array:
        if self.capacity == 0:
            return images
        stored = self.variable("pool", "images", jnp.zeros, (self.capacity, *images.shape[1:]))
        count = self.variable("pool", "count", jnp.zeros, (), jnp.int32)
        if self.is_initializing():
            return images

        def exchange(
            pool: tuple[Array, Array], inputs: tuple[Array, Array]
        ) -> tuple[tuple[Array, Array], Array]:
            (stored, count), (image, key) = pool, inputs
            coin, slot = jax.random.split(key)
            filling = count < self.capacity
            swap = ~filling & jax.random.bernoulli(coin)
            place = jnp.where(filling, count, jax.random.randint(slot, (), 0, self.capacity))
            out = jnp.where(swap, stored[place], image)
            stored = jnp.where(filling | swap, stored.at[place].set(image), stored)
            return (stored, jnp.minimum(count + 1, self.capacity)), out

        keys = jax.random.split(self.make_rng(PLAY), images.shape[0])
        pool, out = jax.lax.scan(exchange, (stored.value, count.value), (jax.lax.stop_gradient(images), keys))
        stored.value, count.value = pool
        return out


def distance(x: Array, y: Array) -> Array:
    """Mean absolute difference (L1)."""
    return jnp.mean(jnp.abs(x - y))
