"""Semi-supervised: K classes or fake, labels for few. Odena 2016, arXiv 1606.01583; Salimans et al. 2016."""

import math
from typing import Any, ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gaxjax.adversary import Adversary
from gaxjax.errors import InputError
from gaxjax.game import GAN, PLAY, Batch, Logs, count_examples
from gaxjax.latents import Joint, Latents
from gaxjax.losses import classification


class SGAN(GAN):
    """p(real, class) = p(real) p(class | real): real or fake as in any game, and the class where it is given.

    The likelihood of K + 1 categories, the last one fake; of an example without label, the sum over classes
    (Salimans et al. 2016, section 5).
    """

    generator: nn.Module
    """latents [B, L] -> images"""
    discriminator: nn.Module
    """images -> {"logits": log p(real) - log p(fake) [B], "classes": [B, K]}: `layers.RealOrClass`"""
    latents: Latents | Joint = Latents()
    """what the generator starts from"""
    adversary: Adversary = Adversary()
    """real or fake; the generator's FeatureMatching as Salimans et al."""
    weight: float = 1.0
    """of real or fake, beside the classes; 0 trains on labels alone"""
    unlabeled_alone: bool = False
    """whether the adversary's real examples are those without labels (Salimans et al.), or all (Odena)"""
    fakes: float = 1.0
    """fake examples for each real one of a minibatch"""

    players: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator",)}
    averaged: ClassVar = ("generator", "discriminator")

    def __post_init__(self) -> None:
        if not self.fakes > 0 or not self.weight >= 0:
            raise InputError(f"SGAN: fakes is above 0 and weight 0 or more; got {self.fakes}, {self.weight}")
        super().__post_init__()

    def __call__(self, batch: Batch) -> Any:
        return self.adversary(self.discriminator, self.sample(batch))

    def sample_latents(self, batch: Batch) -> Array:
        """Latents, one for each of the batch, [B, L]."""
        return self.latents.draw(self.make_rng(PLAY), count_examples(batch))

    def generate(self, latents: Array, condition: None = None) -> Array:
        """Images of latents, [B, L]; there is no condition."""
        images: Array = self.generator(latents)
        return images

    def sample(self, batch: Batch, **options: Any) -> Array:
        """Images, one for each of the batch, [B, H, W, C]."""
        return self.generate(self.sample_latents(batch))

    def classify(self, images: Array) -> Array:
        """Logits of the classes of real images, [B, K]."""
        # Without the last category: a test image is real.
        logits: Array = self.discriminator(images)["classes"]
        return logits

    def judge(self, batch: Batch) -> dict[str, Array]:
        return self.adversary.judge(self.discriminator, batch["image"])

    def sides(self, batch: Batch) -> dict[str, Any]:
        """Real and fake examples, and which of the real ones the adversary is to see."""
        # Of a batch half of which is labeled, as many fakes as unlabeled images are half a batch.
        n = math.ceil(self.fakes * count_examples(batch))
        mask = ~select_labeled(batch)[1] if self.unlabeled_alone else None
        return {"real": batch["image"], "fake": self.sample({"n": n}), "mask": mask}

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        labels, mask = select_labeled(batch)
        if not self.weight:
            # Without fakes altogether, whose statistics a norm would keep too.
            loss = classification(self.classify(batch["image"]), labels, mask)
            return loss, {"classes": loss}
        loss, logs, outputs = self.adversary.discriminator_loss(
            self.discriminator, step=step, **self.sides(batch)
        )
        # Of the K alone: which class, given that it is real. Beside it stands how likely that is.
        classes = classification(outputs.real["classes"], labels, mask)
        return classes + self.weight * loss, {**logs, "classes": classes}

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        # The mask counts here too, where features of real images are matched.
        return self.adversary.generator_loss(self.discriminator, step=step, **self.sides(batch))[:2]


def select_labeled(batch: Batch) -> tuple[Array, Array]:
    """Labels [B], and which of them are given, [B] bool; InputError for a batch without labels."""
    if "label" not in batch:
        raise InputError(f"SGAN learns classes, which needs data with labels; the data has {sorted(batch)}")
    labels: Array = batch["label"]
    # Data without labeled=N have all of them.
    return labels, batch.get("labeled", jnp.ones(labels.shape, bool))
