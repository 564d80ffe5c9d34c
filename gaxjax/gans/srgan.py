"""SRGAN and SRResNet: super-resolution of photographs. Ledig et al. 2017, arXiv 1609.04802."""

from typing import Any, ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gaxjax.adversary import Adversary
from gaxjax.errors import InputError
from gaxjax.game import GAN, Batch, Logs
from gaxjax.gans.checking import check_images


class EnlargingGame(GAN):
    """A generator whose images are to have the content of the originals. Abstract: says nothing of losses."""

    generator: nn.Module
    """small images -> large ones"""
    content: nn.Module
    """images -> what is compared of them, [B, ...]: `features.content.Pixels`, `VGG19`, `InceptionMaps`"""

    averaged: ClassVar = ("generator",)
    directions: ClassVar = {"a": "b"}
    """What is translated -> into what."""
    of_pairs: ClassVar = True
    """Whether b[i] has to belong to a[i]."""

    def __call__(self, batch: Batch) -> Any:
        check_images(self, batch, "use a folder of photographs with scale=4 (--data.scale 4)")
        # Here, as sizes are the data's and the network's together: neither knows that it does not fit.
        fake, shape = self.translate(batch), batch["b"].shape
        if fake.shape != shape:
            raise InputError(
                f"generator makes images of shape {fake.shape[1:]} of {batch['a'].shape[1:]}, and those of "
                f"the data are {shape[1:]}: set the generator's scale or the data's to the other"
            )
        return self.content(fake)

    def translate(self, batch: Batch, source: str = "a") -> Array:
        """Large images of small ones, [B, scale H, scale W, C]."""
        images: Array = self.generator(batch[source])
        return images

    def sample(self, batch: Batch, **options: Any) -> dict[str, Array]:
        """The small images, the large ones made of them, and the originals."""
        return {"a": batch["a"], "a to b": self.translate(batch), "b": batch["b"]}

    def compare_content(self, real: Array, fake: Array) -> Array:
        """The mean squared difference of what the content network says of both (eq. 4 and 5)."""
        return jnp.mean((self.content(fake) - self.content(real)) ** 2)


class SuperResolution(EnlargingGame):
    """One player: content is all (SRResNet)."""

    players: ClassVar = {"generator": ("generator",)}

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.compare_content(batch["b"], self.translate(batch)), {}


class SRGAN(EnlargingGame):
    """Two players: content is not all, for a discriminator has to take the images for originals."""

    discriminator: nn.Module
    """large images -> logits [B]"""
    adversary: Adversary = Adversary()
    """of the discriminator and the generator"""
    weight: float = 1e-3
    """of the adversary's loss beside the content's (eq. 3)"""

    players: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator",)}

    def __call__(self, batch: Batch) -> Any:
        # Of the originals, which are as large as the fakes: initialization asks for shapes alone.
        return super().__call__(batch), self.adversary(self.discriminator, batch["b"])

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        # Content is no matter of the discriminator's.
        fake = self.translate(batch)
        return self.adversary.discriminator_loss(self.discriminator, batch["b"], fake, step)[:2]

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        # Once, as both terms are to be of one image.
        real, fake = batch["b"], self.translate(batch)
        content = self.compare_content(real, fake)
        fooling, logs, _ = self.adversary.generator_loss(self.discriminator, real, fake, step)
        return content + self.weight * fooling, {**logs, "content": content, "fooling": fooling}
