"""CoGAN: pairs of images, learned from two sets that are not paired. Liu and Tuzel 2016, arXiv 1606.07536."""

from typing import Any, ClassVar

import flax.linen as nn
from jax import Array

from gaxjax.adversary import Adversary
from gaxjax.errors import InputError
from gaxjax.game import GAN, PLAY, Batch, Logs, count_examples, select_condition
from gaxjax.gans.checking import check_images
from gaxjax.latents import Joint, Latents
from gaxjax.losses import classification, squared_error


class CoGAN(GAN):
    """A GAN for each domain, whose networks share weights; the sum of both games (eq. 5).

    That the images of a pair belong together is asked by no term: it comes of the weights that are shared.
    """

    generator: nn.Module
    """latents [B, L] -> {"a": images, "b": images}: `networks.coupled.Generator`"""
    discriminator: nn.Module
    """{"a": images, "b": images} -> {"logits": {"a": [B], "b": [B]}, ...}: that of `networks.coupled`"""
    latents: Latents | Joint = Latents(100, "uniform")
    """what the generator starts from"""
    adversary: Adversary = Adversary()
    """of both domains; their losses are added"""
    classes: float = 0.0
    """weight of the class of images a; those of b have none that is looked at (adaptation, section 5)"""
    agreement: float = 0.0
    """weight of |f_a - f_b|^2 of the discriminator's features of a generated pair (the authors' code)"""

    players: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator",)}
    averaged: ClassVar = ("generator",)

    def __call__(self, batch: Batch) -> Any:
        return self.adversary(self.discriminator, self.sample(batch))

    def sample(self, batch: Batch, **options: Any) -> dict[str, Array]:
        """Pairs, one for each of the batch: {"a": [B, H, W, C], "b": [B, H, W, C]}."""
        latents = self.latents.draw(self.make_rng(PLAY), count_examples(batch))
        pairs: dict[str, Array] = self.generator(latents)
        return pairs

    def classify(self, images: Array) -> Array:
        """Logits of the classes of images b, [B, K], which were learned from the labels of images a."""
        # Alone, as there are no images a to classify: what is shared is there for b without them.
        outputs = self.discriminator({"b": images})
        if "classes" not in outputs:
            raise InputError(
                "CoGAN classifies images b by a head: use Discriminator(classes=K) and classes > 0"
            )
        logits: Array = outputs["classes"]["b"]
        return logits

    def sides(self, batch: Batch) -> dict[str, Any]:
        """Real and fake images of both domains."""
        check_images(self, batch, "use domain_b, such as domain_b=edges, or a folder of two domains")
        # Side by side only: a[i] and b[i] have nothing to do with one another.
        return {"real": {"a": batch["a"], "b": batch["b"]}, "fake": self.sample(batch)}

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        loss, logs, outputs = self.adversary.discriminator_loss(
            self.discriminator, **self.sides(batch), step=step
        )
        # Of images a alone: labels of b are what adaptation is to do without.
        if self.classes:
            of_real = outputs.real["classes"]["a"]
            logs["class"] = classification(of_real, select_condition(batch, "label"))
            loss = loss + self.classes * logs["class"]
        if self.agreement:
            # What is shared then reads the same off both images, so that the class of one is the other's.
            features = outputs.fake["features"]
            logs["agreement"] = squared_error(features["a"], features["b"])
            loss = loss + self.agreement * logs["agreement"]
        return loss, logs

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.adversary.generator_loss(self.discriminator, **self.sides(batch), step=step)[:2]
