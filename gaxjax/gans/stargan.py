"""StarGAN: one generator translates between all domains. Choi et al. 2018, arXiv 1711.09020."""

from typing import Any, ClassVar

import flax.linen as nn
from jax import Array

from gaxjax.adversary import Adversary
from gaxjax.game import GAN, PLAY, Batch, Logs, select_condition
from gaxjax.gans.label_sets import (
    LabelSet,
    aim_labels,
    classify_sets,
    permute_labels,
    spread_labels,
    with_mask,
)
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
    directions: ClassVar[dict[str, str]] = {"image": "image"}

    def __call__(self, batch: Batch) -> Any:
        return self.adversary(self.discriminator, self.translate(batch))

    @property
    def domains(self) -> int:
        """K."""
        return sum(each.count for each in self.sets)

    def condition_of(self, batch: Batch) -> Array:
        """The labels as the data have them: attributes [B, K] where there are any, else label [B]."""
        condition: Array = select_condition(batch, "attributes" if "attributes" in batch else "label")
        return condition

    def labels_of(self, batch: Batch) -> Array:
        """The same as [B, K]."""
        return spread_labels(self.condition_of(batch), self.sets)

    def generate(self, images: Array, labels: Array) -> Any:
        """Images translated to labels [B, K]."""
        return self.generator(images, with_mask(labels, self.sets))

    def translate(self, batch: Batch, source: str = "image") -> Any:
        """Images translated to the batch's labels, [B, H, W, C]."""
        return self.generate(batch[source], self.labels_of(batch))

    def translate_anyhow(self, batch: Batch) -> tuple[Array, Array, Array]:
        """Images translated to labels of others of the batch, as in the authors' code; and both labels."""
        labels = self.labels_of(batch)
        targets = permute_labels(self.make_rng(PLAY), labels, self.sets)
        return self.generate(batch["image"], targets), labels, targets

    def sample(self, batch: Batch, **options: Any) -> dict[str, Array]:
        """Images, translated to each domain by its number, to the batch's labels, and to others' and back."""
        fake, labels, _ = self.translate_anyhow(batch)
        width = len(str(self.domains - 1))
        # Numbers of one width, so that the names are in alphabetical order.
        aims = {f"image to {k:0{width}}": aim_labels(labels, self.sets, k) for k in range(self.domains)}
        columns = {name: self.generate(batch["image"], aim) for name, aim in aims.items()}
        there = {"image": batch["image"], **columns, "image to image": self.translate(batch)}
        return {**there, "image to image to image": self.generate(fake, labels)}

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        fake, labels, _ = self.translate_anyhow(batch)
        loss, logs, outputs = self.adversary.discriminator_loss(
            self.discriminator, batch["image"], fake, step
        )
        # Of real images alone: fakes are no example of what they were told to be.
        of_real = classify_sets(outputs.real["classes"], labels, self.sets)
        return loss + self.weight * of_real, {**logs, "real_class": of_real}

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        fake, labels, targets = self.translate_anyhow(batch)
        loss, logs, outputs = self.adversary.generator_loss(self.discriminator, batch["image"], fake, step)
        of_fake = classify_sets(outputs.fake["classes"], targets, self.sets)
        back = absolute(self.generate(fake, labels), batch["image"])
        logs |= {"fake_class": of_fake, "reconstruction": back}
        return loss + self.weight * of_fake + self.reconstruction * back, logs
