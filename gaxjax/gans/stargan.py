"""StarGAN: one generator translates between all domains. Choi et al. 2018, arXiv 1711.09020."""

from typing import Any, ClassVar

import flax.linen as nn
import jax
from jax import Array

from gaxjax.adversary import Adversary
from gaxjax.game import GAN, PLAY, Batch, Logs, pure, select_condition
from gaxjax.gans import label_sets
from gaxjax.gans.label_sets import LabelSet
from gaxjax.gans.target_labels import aim_at_each, permute
from gaxjax.losses import absolute
from gaxjax.objectives import Wasserstein
from gaxjax.penalties import GradientPenalty


class StarGAN(GAN):
    """Domains are labels: the data's "attributes" [B, K], -1 where not known, or its "label" [B], one-hot."""

    generator: nn.Module
    """images, and their domain [B, K], or [B, K + S] with the mask of S sets of labels -> images"""
    discriminator: nn.Module
    """images -> {"logits": [B, h, w], one for each patch, "classes": [B, K]}"""
    sets: tuple[LabelSet, ...]
    """what the K labels are, side by side; of several sets, an image may have the labels of one alone"""
    adversary: Adversary = Adversary(Wasserstein(), penalties=(GradientPenalty(10.0),))
    """L_adv (eq. 8)"""
    weight: float = 1.0
    """lambda_cls, of the classification of real images and of fakes (eq. 2 and 3)"""
    reconstruction: float = 10.0
    """lambda_rec, of the way there and back (eq. 4)"""

    players: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator",)}
    averaged: ClassVar = ("generator",)
    directions: ClassVar = {"image": "image"}
    """What is translated -> into what: into the domain that the batch's labels say."""

    def __call__(self, batch: Batch) -> Any:
        return self.adversary(self.discriminator, self.translate(batch))

    def condition_of(self, batch: Batch) -> Any:
        """The labels as the data have them: attributes [B, K] where there are any, else label [B]."""
        return select_condition(batch, "attributes" if "attributes" in batch else "label")

    def labels_of(self, batch: Batch) -> Array:
        """The same as [B, K]."""
        return label_sets.encode_labels(self.condition_of(batch), self.sets)

    def generate(self, images: Array, labels: Array) -> Any:
        """Images translated to labels [B, K]."""
        return self.generator(images, label_sets.with_mask(labels, self.sets))

    def translate(self, batch: Batch, source: str = "image") -> Any:
        """Images translated to the batch's labels, [B, H, W, C]."""
        return self.generate(batch[source], self.labels_of(batch))

    def translate_at_random(self, batch: Batch) -> tuple[Array, Array, Array]:
        """Images translated to labels of others of the batch, as the authors' code has it; and both."""
        labels = self.labels_of(batch)
        targets = permute(self.make_rng(PLAY), labels, self.sets)
        return self.generate(batch["image"], targets), labels, targets

    def sample(self, batch: Batch, **options: Any) -> dict[str, Array]:
        """Images, translated to each domain by its number, to the batch's labels, and to others' and back."""
        image, generator = batch["image"], pure(self.generator)
        fake, labels, _ = self.translate_at_random(batch)
        aims = aim_at_each(labels, self.sets)
        # One after the other: a game of 40 attributes is compiled as fast, and takes no more memory.
        translated = jax.lax.map(lambda aim: generator(image, label_sets.with_mask(aim, self.sets)), aims)
        # Numbers of one width, so that the names are in alphabetical order.
        width = len(str(len(aims) - 1))
        by_domain = {f"image to {number:0{width}}": images for number, images in enumerate(translated)}
        own, back = self.translate(batch), self.generate(fake, labels)
        return {"image": image, **by_domain, "image to image": own, "image to image to image": back}

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        real, (fake, labels, _) = batch["image"], self.translate_at_random(batch)
        loss, logs, outputs = self.adversary.discriminator_loss(self.discriminator, real, fake, step)
        # Of real images alone: fakes are no example of what they were told to be.
        of_real = label_sets.classify(outputs.real["classes"], labels, self.sets)
        return loss + self.weight * of_real, {**logs, "real_class": of_real}

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        real, (fake, labels, targets) = batch["image"], self.translate_at_random(batch)
        loss, logs, outputs = self.adversary.generator_loss(self.discriminator, real, fake, step)
        of_fake = label_sets.classify(outputs.fake["classes"], targets, self.sets)
        # To what they are labeled as: another image with these labels would be no reconstruction.
        back = absolute(self.generate(fake, labels), real)
        logs |= {"fake_class": of_fake, "reconstruction": back}
        return loss + self.weight * of_fake + self.reconstruction * back, logs
