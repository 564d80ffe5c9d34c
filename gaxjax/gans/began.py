"""BEGAN: an autoencoder as discriminator, in balance. Berthelot et al. 2017, arXiv 1703.10717."""

from typing import Any, ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError
from gaxjax.game import GAN, PLAY, Batch, Logs, size
from gaxjax.latents import Latents


class BEGAN(GAN):
    """The discriminator reconstructs real images well and made ones badly, weighed by k_t (section 3.4)."""

    generator: nn.Module
    """latents [B, L] -> images"""
    discriminator: nn.Module
    """images -> reconstructions of the same shape"""
    latents: Latents = Latents(64, "uniform")
    """what the generator starts from"""
    diversity: float = 0.5
    """gamma: the ratio of reconstruction errors, made to real, that is held (eq. 4)"""
    gain: float = 0.001
    """lambda_k: how fast k_t follows"""

    players: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator",)}
    averaged: ClassVar = ("generator",)

    def setup(self) -> None:
        self.k = self.variable("balance", "k", jnp.zeros, ())

    def __call__(self, batch: Batch) -> Any:
        return self.discriminator(self.generate(batch))

    def sample(self, batch: Batch, **options: Any) -> Array:
        """Images, one for each of the batch, from latents of their own."""
        return self.generate(batch)

    def generate(self, batch: Batch) -> Array:
        """As many images as the batch has, from fresh latents."""
        return self.generator(self.latents.draw(self.make_rng(PLAY), size(batch)))

    def error(self, images: Array) -> Array:
        """The mean absolute error of the reconstruction (eq. 1 with eta = 1)."""
        reconstruction = self.discriminator(images)
        if reconstruction.shape != images.shape:
            came, expected = reconstruction.shape, images.shape
            raise InputError(f"discriminator must return reconstructions, shape {expected}; got {came}")
        return jnp.mean(jnp.abs(images - reconstruction))

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        real_images, fake_images = batch["image"], self.generate(batch)
        if real_images.shape != fake_images.shape:
            came, expected = fake_images.shape[1:], real_images.shape[1:]
            raise InputError(f"generator makes images of shape {came}, but the data's are {expected}")
        real, fake = self.error(real_images), self.error(fake_images)
        loss = real - self.k.value * fake
        # The paper's k_t follows the error on the generator's own draw; this one is as good an estimate.
        balance = self.diversity * real - fake
        self.k.value = jnp.clip(self.k.value + self.gain * balance, 0.0, 1.0)
        return loss, {
            "k": self.k.value,
            "real_error": real,
            "fake_error": fake,
            "convergence": real + jnp.abs(balance),
        }

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.error(self.generate(batch)), {}
