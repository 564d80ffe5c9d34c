"""CycleGAN: unpaired translation between two domains. Zhu et al. 2017, arXiv 1703.10593."""

from typing import Any, ClassVar

import flax.linen as nn
from jax import Array

from gaxjax.adversary import Adversary, add_prefix
from gaxjax.errors import InputError
from gaxjax.game import GAN, Batch, Logs
from gaxjax.gans.image_pool import ImagePool
from gaxjax.losses import absolute
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
        # By name, so that pictures of samples have a row for each.
        there = {"a": batch["a"], "a to b": ab, "a to b to a": self.generator_ba(ab)}
        return {**there, "b": batch["b"], "b to a": ba, "b to a to b": self.generator_ab(ba)}

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        a, b = batch["a"], batch["b"]
        # No stop_gradient: the solver differentiates in the discriminators' parameters alone.
        fake_a, fake_b = self.generator_ba(b), self.generator_ab(a)
        loss_of = self.adversary.discriminator_loss
        of_a, logs_a, _ = loss_of(self.discriminator_a, a, self.pool_a(fake_a), step)
        of_b, logs_b, _ = loss_of(self.discriminator_b, b, self.pool_b(fake_b), step)
        logs = add_prefix("a", logs_a) | add_prefix("b", logs_b)
        return of_a + of_b, {"a": of_a, "b": of_b, **logs}

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        a, b = batch["a"], batch["b"]
        fake_a, fake_b = self.generator_ba(b), self.generator_ab(a)
        # Not through the pool: an older image has no gradient to give.
        fooling_a, *_ = self.adversary.generator_loss(self.discriminator_a, a, fake_a, step)
        fooling_b, *_ = self.adversary.generator_loss(self.discriminator_b, b, fake_b, step)
        fooling = fooling_a + fooling_b
        # Both cycles: with one alone the paper finds training unstable and modes collapsed.
        cycle = absolute(self.generator_ba(fake_b), a) + absolute(self.generator_ab(fake_a), b)
        loss = fooling + self.cycle * cycle
        logs = {"fooling": fooling, "cycle": cycle}
        # A generator that is given its own target should leave it: colors are kept (section 5.2).
        if self.identity:
            logs["identity"] = absolute(self.generator_ba(a), a) + absolute(self.generator_ab(b), b)
            loss = loss + self.identity * logs["identity"]
        return loss, logs
