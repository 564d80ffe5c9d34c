"""What games of two domains without pairs have in common: who plays, and who is asked what of whom."""

from typing import Any, ClassVar

import flax.linen as nn
from jax import Array

from gaxjax.adversary import Adversary, add_prefix
from gaxjax.game import GAN, Batch, Logs
from gaxjax.gans.checking import check_images
from gaxjax.gans.image_pool import ImagePool


class TwoDomains(GAN):
    """Four networks, two players: both discriminators move together, and both generators.

    Abstract: says nothing of the generators' loss.
    """

    generator_ab: nn.Module
    """images of domain a -> images of domain b"""
    generator_ba: nn.Module
    """images of domain b -> images of domain a"""
    discriminator_a: nn.Module
    """images of domain a -> logits [B] or, one for each patch, [B, h, w]; or outputs by name"""
    discriminator_b: nn.Module
    """images of domain b -> the same"""
    adversary: Adversary = Adversary()
    """of both domains"""
    pool: int = 0
    """fake images that each discriminator remembers; 0 for none"""

    players: ClassVar = {
        "discriminator": ("discriminator_a", "discriminator_b"),
        "generator": ("generator_ab", "generator_ba"),
    }
    averaged: ClassVar = ("generator_ab", "generator_ba")
    directions: ClassVar[dict[str, str]] = {"a": "b", "b": "a"}
    """What is translated -> into what."""

    # Not `nn.compact`, as several methods call the same networks and pools.
    def setup(self) -> None:
        self.pool_a, self.pool_b = ImagePool(self.pool), ImagePool(self.pool)

    def __call__(self, batch: Batch) -> Any:
        check_images(self, batch, "use a folder of pictures with layout halves or domains")
        fake_a, fake_b = self.translate(batch, "b"), self.translate(batch, "a")
        of_a = self.adversary(self.discriminator_a, self.pool_a(fake_a))
        return of_a, self.adversary(self.discriminator_b, self.pool_b(fake_b))

    def translate(self, batch: Batch, source: str = "a") -> Array:
        """Images of the other domain, [B, H, W, C], of the batch's in the domain `source`."""
        images: Array = (self.generator_ab if source == "a" else self.generator_ba)(batch[source])
        return images

    def sample(self, batch: Batch, **options: Any) -> dict[str, Array]:
        """Each source, its translation, and back, in both directions; each [B, H, W, C].

        The names are in alphabetical order, which is the order that a compiled function returns them in.
        """
        ab, ba = self.translate(batch, "a"), self.translate(batch, "b")
        # By name, so that pictures of samples have a row for each.
        return {
            "a": batch["a"],
            "a to b": ab,
            "a to b to a": self.translate({"b": ab}, "b"),
            "b": batch["b"],
            "b to a": ba,
            "b to a to b": self.translate({"a": ba}, "a"),
        }

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        """The sum of both domains'."""
        # No stop_gradient: the solver differentiates in the discriminators' parameters alone.
        fake_a, fake_b = self.translate(batch, "b"), self.translate(batch, "a")
        loss_of = self.adversary.discriminator_loss
        of_a, logs_a, _ = loss_of(self.discriminator_a, batch["a"], self.pool_a(fake_a), step)
        of_b, logs_b, _ = loss_of(self.discriminator_b, batch["b"], self.pool_b(fake_b), step)
        logs = add_prefix("a", logs_a) | add_prefix("b", logs_b)
        return of_a + of_b, {"a": of_a, "b": of_b, **logs}

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        """What both generators minimize."""
        raise NotImplementedError(f"{type(self).__name__} must define generator_loss(batch, step)")
