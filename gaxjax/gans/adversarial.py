"""A generator against a discriminator: the game of Goodfellow et al. 2014, with any objective and penalties."""

from typing import Any, ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gaxjax import losses
from gaxjax.errors import InputError
from gaxjax.game import GAN, PLAY, Batch, Logs, pure, size
from gaxjax.latents import Latents
from gaxjax.penalties import Penalty


class Adversarial(GAN):
    """Two players, two networks: GAN, DCGAN, LSGAN, WGAN-GP and everything that differs by a loss."""

    generator: nn.Module
    """latents [B, L] -> examples"""
    discriminator: nn.Module
    """examples -> logits [B]"""
    latents: Latents = Latents()
    """what the generator starts from"""
    objective: str = "nonsaturating"
    """name of a pair of functions in gaxjax.losses"""
    penalties: tuple[Penalty, ...] = ()
    """added to the discriminator's loss"""

    players: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator",)}
    averaged: ClassVar = ("generator",)

    def __call__(self, batch: Batch) -> Any:
        return self.discriminator(self.generate(batch))

    def sample(self, batch: Batch, **options: Any) -> Array:
        """Examples, one for each of the batch, from latents of their own."""
        return self.generate(batch)

    def generate(self, batch: Batch) -> Array:
        """As many examples as the batch has, from fresh latents."""
        return self.generator(self.latents.draw(self.make_rng(PLAY), size(batch)))

    def logits(self, examples: Array) -> Array:
        """The discriminator's verdict on each example, [B]."""
        logits = self.discriminator(examples)
        if logits.shape != examples.shape[:1]:
            came, expected = logits.shape, examples.shape[:1]
            raise InputError(f"discriminator must return one logit each, shape {expected}; got {came}")
        return logits

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        real, fake = batch["image"], self.generate(batch)
        if real.shape != fake.shape:
            came, expected = fake.shape[1:], real.shape[1:]
            raise InputError(
                f"generator makes examples of shape {came}, but the data's are {expected}: "
                f"set the generator's shape or the data's to the other"
            )
        real_logits, fake_logits = self.logits(real), self.logits(fake)
        loss = losses.named(self.objective)[0](real_logits, fake_logits)
        logs = {"real_logits": jnp.mean(real_logits), "fake_logits": jnp.mean(fake_logits)}
        if self.penalties:
            refuse_mixing(self.discriminator, self.penalties)
            critic = pure(self.discriminator)
        for penalty in self.penalties:
            value = penalty(critic, real, fake, self.make_rng(PLAY), step)
            logs[type(penalty).__name__.lower()] = value
            loss = loss + value
        return loss, logs

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return losses.named(self.objective)[1](self.logits(self.generate(batch))), {}


def refuse_mixing(critic: nn.Module, penalties: tuple[Penalty, ...]) -> None:
    """Refuses batch norm under a penalty: an example's gradient would depend on the others in its batch."""
    if "batch_stats" in critic.variables:
        names = ", ".join(type(penalty).__name__ for penalty in penalties)
        raise InputError(
            f"{names} is a penalty per example, but {critic.name} ({type(critic).__name__}) has batch norm, which "
            f'mixes examples: use norm="layer", "instance" or "none" in {critic.name}, or no penalty'
        )
