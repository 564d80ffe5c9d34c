"""InfoGAN: latent codes that can be read off the images. Chen et al. 2016, arXiv 1606.03657."""

from typing import Any, ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gaxjax.adversary import Adversary, Outputs
from gaxjax.errors import InputError
from gaxjax.game import GAN, PLAY, Batch, Logs, count_examples
from gaxjax.latents import Joint, Latents


class InfoGAN(GAN):
    """Both players raise L_I = E log Q(c | G(z, c)), a bound on the mutual information (eq. 5 and 6)."""

    generator: nn.Module
    """noise and code [B, L] -> images"""
    discriminator: nn.Module
    """images -> {"logits": [B], "code": parameters of Q [B, size of the code]}"""
    noise: Latents = Latents(62, "uniform")
    """z"""
    code: Joint = Joint((Latents(10, "categorical"), Latents(2, "uniform")))
    """c"""
    adversary: Adversary = Adversary()
    """V(D, G)"""
    weight: float = 1.0
    """lambda: weight of L_I"""

    players: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator",)}
    averaged: ClassVar = ("generator",)

    @property
    def latents(self) -> Joint:
        """z and c, side by side."""
        # One vector for the generator; which part of it is told apart by Q is known by position.
        return Joint((self.noise, self.code))

    def __call__(self, batch: Batch) -> Any:
        return self.adversary(self.discriminator, self.sample(batch))

    def sample_latents(self, batch: Batch) -> Array:
        """Noise and codes, one for each of the batch, [B, L]."""
        return self.latents.draw(self.make_rng(PLAY), count_examples(batch))

    def generate(self, latents: Array, condition: None = None) -> Array:
        """Images of latents, [B, L]; there is no condition."""
        images: Array = self.generator(latents)
        return images

    def sample(self, batch: Batch, **options: Any) -> Array:
        """Images, one for each of the batch, [B, H, W, C]."""
        return self.generate(self.sample_latents(batch))

    def classify_code(self, images: Array) -> Array:
        """What Q takes images for: logits of the first categorical code, [B, K]."""
        # The first categorical part, as the paper reads digits; others may be of styles.
        parts = self.code.split(self.discriminator(images)["code"])
        for part, logits in zip(self.code.parts, parts, strict=True):
            if isinstance(part, Latents) and part.prior == "categorical":
                return logits
        raise InputError("the code has no categorical part, which could stand for classes")

    def information(self, outputs: Outputs, latents: Array) -> Array:
        """L_I: the mean of log Q(c | G(z, c)), but for the constant H(c)."""
        _, code = self.latents.split(latents)
        # Of the code alone: z is noise, which need not be read off the images.
        return jnp.mean(self.code.log_likelihood(outputs.fake["code"], code))

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        latents = self.sample_latents(batch)
        real, fake = batch["image"], self.generate(latents)
        loss, logs, outputs = self.adversary.discriminator_loss(self.discriminator, real, fake, step)
        # Q is a head of the discriminator (section 6), so that this player is who trains it.
        information = self.information(outputs, latents)
        return loss - self.weight * information, {**logs, "information": information}

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        latents = self.sample_latents(batch)
        real, fake = batch["image"], self.generate(latents)
        loss, logs, outputs = self.adversary.generator_loss(self.discriminator, real, fake, step)
        information = self.information(outputs, latents)
        return loss - self.weight * information, {**logs, "information": information}
