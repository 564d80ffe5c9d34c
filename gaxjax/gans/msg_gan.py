"""MSG-GAN: the discriminator sees images of every size. Karnewar & Wang 2020, arXiv 1903.06048."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import flax.linen as nn
from jax import Array

from gaxjax.adversary import Adversary
from gaxjax.errors import InputError
from gaxjax.game import PLAY, Batch, Logs, count_examples
from gaxjax.gans.style_game import StyleGame
from gaxjax.latents import Latents
from gaxjax.layers.resampling import average_pool
from gaxjax.networks.progressive import count_levels

Pyramid = dict[int, Array]
"""Images by level, {level: [B, H, W, C]}: 0 the smallest, each twice as large as the one below it."""


class MSGGAN(StyleGame):
    """Examples are pyramids, so that each level of the generator has a gradient of its own; nothing grows.

    Real ones are made of images by means of 2 x 2 pixels. Penalties are averaged over the sizes, and of
    points between pyramids, at one share of the way in all sizes of an example.
    """

    generator: nn.Module
    """latents [B, L] (, labels [B]) -> images, or with scales=True images by level"""
    discriminator: nn.Module
    """images by level (, labels [B]) -> logits [B], or outputs by name"""
    latents: Latents = Latents(512)
    """what the generator starts from"""
    adversary: Adversary = Adversary()
    """the objective, penalties and augmentations"""
    connections: Literal["all", "coarse", "middle", "fine", "none"] = "all"
    """sizes besides the largest that the discriminator sees; coarse: 4 and 8 px, middle: 16 and 32, fine: all
    others; of networks of fewer than 6 sizes below the largest a third each,
    and of fewer than 3 no fine ones"""

    players: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator",)}
    averaged: ClassVar = ("generator",)

    def sample_latents(self, batch: Batch) -> Array:
        """Latents, one for each of the batch, [B, L]."""
        return self.latents.draw(self.make_rng(PLAY), count_examples(batch))

    def __call__(self, batch: Batch) -> Any:
        return self.adversary(self.discriminator, self.fake(batch), condition=self.condition_of(batch))

    def fake(self, batch: Batch) -> Pyramid:
        """Pyramids of fresh latents."""
        return self.connect(self.generator(self.sample_latents(batch), self.condition_of(batch), scales=True))

    def real(self, batch: Batch) -> Pyramid:
        """The batch's images as pyramids."""
        images: Array = batch["image"]
        shape, top = tuple(self.generator.shape), count_levels(self.generator.shape, self.generator.base)
        if images.shape[1:] != shape:
            raise InputError(
                f"generator makes images of shape {shape}, but the data's are {images.shape[1:]}: set the "
                f"networks' shape or the data's to the other"
            )
        pyramid = {top: images}
        for level in range(top, 0, -1):
            pyramid[level - 1] = average_pool(pyramid[level])
        return self.connect(pyramid)

    def connect(self, images: Pyramid) -> Pyramid:
        """Those that the discriminator sees: the newest, and those of `connections`."""
        *below, top = range(count_levels(self.generator.shape, self.generator.base) + 1)
        size = max(1, min(2, len(below) // 3))
        parts = {"all": below, "coarse": below[:size], "middle": below[size : 2 * size]}
        parts |= {"fine": below[2 * size :], "none": []}
        levels = [*parts[self.connections], top]
        if not {*levels} <= {*images}:
            raise InputError(
                f"connections {self.connections!r} are of levels {levels}, and the generator makes images of "
                f"{sorted(images)} alone: use a generator of output='every', or connections 'none'"
            )
        return {level: images[level] for level in levels}

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        real, fake, label = self.real(batch), self.fake(batch), self.condition_of(batch)
        return self.adversary.discriminator_loss(self.discriminator, real, fake, step, label)[:2]

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        real, fake, label = self.real(batch), self.fake(batch), self.condition_of(batch)
        return self.adversary.generator_loss(self.discriminator, real, fake, step, label)[:2]

    def sample(
        self,
        batch: Batch,
        psi: float | Sequence[float] = 1.0,
        cutoff: int | None = None,
        mix: int = 1,
        scales: bool = False,
        **options: Any,
    ) -> Any:
        """Images as a StyleGAN's; scales: of every size that the generator makes, by name: 0008 px."""
        if not scales:
            return super().sample(batch, psi, cutoff, mix)
        images = self.draw_images(batch, psi, cutoff, mix, scales=True)
        # In the order of names, as a dict has it: so sizes are of four digits.
        return {f"{x.shape[1]:04} px": x for x in images.values()}
