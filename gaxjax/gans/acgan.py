"""AC-GAN: the discriminator also says which class. Odena et al. 2017, arXiv 1610.09585."""

from typing import Any, ClassVar

import flax.linen as nn
from jax import Array

from gaxjax.adversary import Adversary
from gaxjax.game import GAN, PLAY, Batch, Logs, count_examples, select_condition
from gaxjax.latents import Joint, Latents
from gaxjax.losses import classification


class ACGAN(GAN):
    """Both players want the class of fakes to be recognized (section 3): L_S + L_C, and L_C - L_S."""

    generator: nn.Module
    """latents [B, L], labels [B] -> images"""
    discriminator: nn.Module
    """images -> {"logits": [B], "classes": [B, K]}"""
    latents: Latents | Joint = Latents(110)
    """what the generator starts from"""
    adversary: Adversary = Adversary()
    """L_S (eq. 2), and what else is of real or fake"""
    weight: float = 1.0
    """of L_C (eq. 3)"""

    players: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator",)}
    averaged: ClassVar = ("generator",)

    def __call__(self, batch: Batch) -> Any:
        return self.adversary(self.discriminator, self.fake(batch))

    def condition_of(self, batch: Batch) -> Array:
        """The batch's labels, which fakes are made of too."""
        label: Array = select_condition(batch, "label")
        return label

    def sample_latents(self, batch: Batch) -> Array:
        """Latents, one for each of the batch, [B, L]."""
        return self.latents.draw(self.make_rng(PLAY), count_examples(batch))

    def generate(self, latents: Array, condition: Array) -> Array:
        """Images of latents [B, L] and labels [B]."""
        images: Array = self.generator(latents, condition)
        return images

    def fake(self, batch: Batch) -> Array:
        """Images of the batch's labels, from fresh latents."""
        return self.generate(self.sample_latents(batch), self.condition_of(batch))

    def sample(self, batch: Batch, **options: Any) -> Array:
        """Images of the batch's labels, [B, H, W, C]."""
        return self.fake(batch)

    def classify(self, images: Array) -> Array:
        """Logits of the classes of images, [B, K]."""
        # Of real images or fake ones alike: the head has no category for fake.
        logits: Array = self.discriminator(images)["classes"]
        return logits

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        real, fake, label = batch["image"], self.fake(batch), self.condition_of(batch)
        loss, logs, outputs = self.adversary.discriminator_loss(self.discriminator, real, fake, step)
        # Of examples as augmented, like the logits: outputs are of one forward pass.
        of_real = classification(outputs.real["classes"], label)
        of_fake = classification(outputs.fake["classes"], label)
        logs |= {"real_class": of_real, "fake_class": of_fake}
        # Of fakes too, as L_C is written: the discriminator learns classes from what it knows to be fake.
        return loss + self.weight * (of_real + of_fake), logs

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        real, fake, label = batch["image"], self.fake(batch), self.condition_of(batch)
        loss, logs, outputs = self.adversary.generator_loss(self.discriminator, real, fake, step)
        of_fake = classification(outputs.fake["classes"], label)
        # -L_S, which is minimax's, is the objective's choice here: non-saturating unless it is another.
        return loss + self.weight * of_fake, {**logs, "fake_class": of_fake}
