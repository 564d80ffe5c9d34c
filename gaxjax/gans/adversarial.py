"""A generator against a discriminator. Goodfellow et al. 2014, arXiv 1406.2661; conditional: 1411.1784."""

from typing import Any, ClassVar

import flax.linen as nn
from jax import Array

from gaxjax.adversary import Adversary
from gaxjax.game import GAN, PLAY, Batch, Logs, Tree, count_examples, select_condition
from gaxjax.latents import Joint, Latents
from gaxjax.layers.modules import call_network


class Adversarial(GAN):
    """Two players, two networks: DCGAN, LSGAN, WGAN, EBGAN, R3GAN and everything that differs by a loss."""

    generator: nn.Module
    """latents [B, L] (, condition) -> examples"""
    discriminator: nn.Module
    """examples (, condition) -> logits [B], or outputs by name"""
    latents: Latents | Joint = Latents()
    """what the generator starts from"""
    adversary: Adversary = Adversary()
    """the objective, penalties and augmentations"""
    condition: str = ""
    """what of a batch both networks are given besides: label; empty: nothing"""

    players: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator",)}
    averaged: ClassVar = ("generator",)

    def __call__(self, batch: Batch) -> Any:
        return self.adversary(self.discriminator, self.fake(batch), condition=self.condition_of(batch))

    def condition_of(self, batch: Batch) -> Tree:
        """The batch's condition, [B, ...]; None where there is none."""
        return select_condition(batch, self.condition)

    def sample_latents(self, batch: Batch) -> Array:
        """Latents, one for each of the batch, [B, L]."""
        return self.latents.draw(self.make_rng(PLAY), count_examples(batch))

    def generate(self, latents: Array, condition: Tree = None) -> Array:
        """Examples of latents, [B, L] -> [B, ...]."""
        examples: Array = call_network(self.generator, latents, condition)
        return examples

    def fake(self, batch: Batch) -> Array:
        """As many examples as the batch has, of fresh latents and of its condition."""
        return self.generate(self.sample_latents(batch), self.condition_of(batch))

    def sample(self, batch: Batch, **options: Any) -> Array:
        """Examples, one for each of the batch."""
        return self.fake(batch)

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        real, fake, condition = batch["image"], self.fake(batch), self.condition_of(batch)
        # Without the outputs, which are for games that have more to say of them (AC-GAN, InfoGAN).
        return self.adversary.discriminator_loss(self.discriminator, real, fake, step, condition)[:2]

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        real, fake, condition = batch["image"], self.fake(batch), self.condition_of(batch)
        return self.adversary.generator_loss(self.discriminator, real, fake, step, condition)[:2]

    def judge(self, batch: Batch) -> dict[str, Array]:
        """The discriminator's verdict; none of a batch without the condition."""
        # Points of a picture's background come without labels: about these there is nothing to say.
        if self.condition and self.condition not in batch:
            return {}
        return self.adversary.judge(self.discriminator, batch["image"], self.condition_of(batch))
