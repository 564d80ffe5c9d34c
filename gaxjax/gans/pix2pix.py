"""pix2pix: translation learned from pairs. Isola et al. 2017, arXiv 1611.07004."""

from typing import Any, ClassVar

import flax.linen as nn
from jax import Array

from gaxjax.adversary import Adversary
from gaxjax.game import GAN, PLAY, Batch, Logs, count_examples
from gaxjax.gans.checking import check_images
from gaxjax.latents import Latents
from gaxjax.layers.conditioning import concatenate
from gaxjax.layers.modules import call_network
from gaxjax.losses import absolute


class Pix2Pix(GAN):
    """A generator that is near the target of each pair (L1), and whose pairs a discriminator takes for real.

    Without the discriminator's share, `weight=0`, it is regression, and the generator the only player.
    """

    generator: nn.Module
    """source images (, latents [B, L]) -> images of the target's kind"""
    discriminator: nn.Module
    """pairs [B, H, W, source's + target's channels], or targets alone -> logits [B, h, w], one a patch"""
    adversary: Adversary = Adversary()
    """of pairs, or of targets alone"""
    conditional: bool = True
    """whether the discriminator sees the source too (the paper's cGAN); if not, the target alone (GAN)"""
    weight: float = 1.0
    """of fooling the discriminator"""
    l1: float = 100.0
    """lambda: weight of the mean absolute difference from the target (eq. 4)"""
    latents: int = 0
    """size of the normal latents that the generator is given besides; 0: its dropout is all its noise"""

    averaged: ClassVar = ("generator",)
    directions: ClassVar = {"a": "b"}
    """What is translated -> into what."""
    of_pairs: ClassVar = True
    """Whether b[i] has to belong to a[i]."""

    @property
    def players(self) -> dict[str, tuple[str, ...]]:  # type: ignore[override]
        """Both networks' movers; nobody moves a discriminator that moves nobody."""
        # One that learned for nobody would take half of each step's time.
        names = ("discriminator", "generator") if self.weight else ("generator",)
        return {name: (name,) for name in names}

    def __call__(self, batch: Batch) -> Any:
        check_images(self, batch, "use a folder of pictures with layout halves or domains")
        fake = self.translate(batch)
        return self.adversary(self.discriminator, self.pair(batch, fake)) if self.weight else fake

    def translate(self, batch: Batch, source: str = "a") -> Array:
        """Images of the batch's sources, [B, H, W, C], with fresh noise."""
        x, latents = batch[source], None
        if self.latents:
            latents = Latents(self.latents).draw(self.make_rng(PLAY), count_examples(batch))
        images: Array = call_network(self.generator, x, latents)
        return images

    def pair(self, batch: Batch, image: Array) -> Array:
        """What the discriminator is shown of an image: beside its source, or alone."""
        # As one example, so that what augments it, or penalizes its slope, does so to both alike.
        return concatenate(batch["a"], image) if self.conditional else image

    def sample(self, batch: Batch, **options: Any) -> dict[str, Array]:
        """Each source, its translation and its target; each [B, H, W, C]."""
        return {"a": batch["a"], "a to b": self.translate(batch), "b": batch["b"]}

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        # No stop_gradient: the solver differentiates in the discriminator's parameters alone.
        real, fake = (self.pair(batch, image) for image in (batch["b"], self.translate(batch)))
        return self.adversary.discriminator_loss(self.discriminator, real, fake, step)[:2]

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        # Once: dropout draws anew each time, and both terms are to be of one image.
        fake = self.translate(batch)
        logs = {"l1": absolute(fake, batch["b"])}
        loss = self.l1 * logs["l1"]
        if self.weight:
            real, fake = (self.pair(batch, image) for image in (batch["b"], fake))
            logs["fooling"], *_ = self.adversary.generator_loss(self.discriminator, real, fake, step)
            loss = loss + self.weight * logs["fooling"]
        return loss, logs
