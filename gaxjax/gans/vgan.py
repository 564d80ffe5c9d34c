"""VGAN: clips of a still background and a moving foreground. Vondrick et al. 2016, arXiv 1609.02612."""

from typing import Any, ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gaxjax.adversary import Adversary
from gaxjax.errors import InputError
from gaxjax.game import GAN, PLAY, Batch, Logs, count_examples, output_of
from gaxjax.gans.checking import check_clips
from gaxjax.latents import Joint, Latents
from gaxjax.losses import absolute
from gaxjax.networks.video import Encoder


class ClipGame(GAN):
    """A generator of whole clips against a discriminator of whole clips; of two streams, masks are sparse.

    Abstract: what the clips are made of, codes, a game says itself.
    """

    generator: nn.Module
    """codes [B, L] -> clips [B, T, H, W, C], or parts by name: `networks.video.TwoStreams`"""
    discriminator: nn.Module
    """clips -> logits [B]"""
    latents: Latents | Joint = Latents(100)
    """the codes' distribution"""
    adversary: Adversary = Adversary()
    """of clips"""
    sparsity: float = 0.1
    """weight of the mean of the mask, so that what can stand still is left to the background"""

    def __call__(self, batch: Batch) -> Any:
        check_clips(self, batch)
        return self.adversary(self.discriminator, output_of(self.fake(batch), "video"))

    def compute_codes(self, batch: Batch) -> Array:
        """What clips are made of, one for each of the batch."""
        raise NotImplementedError(f"{type(self).__name__} must define compute_codes(batch)")

    def fake(self, batch: Batch) -> Any:
        """Clips, [B, T, H, W, C], or parts by name, of which "video" is what they make together."""
        return self.generator(self.compute_codes(batch))

    def sample(self, batch: Batch, frames: int | None = None, **options: Any) -> Any:
        """Clips; of two streams by name, with masks in [-1, 1] as pictures are.

        frames: of each clip, as many as in training; InputError for another number.
        """
        parts = self.fake(batch)
        # The smallest size and each doubling are of training's frames: there is no longer clip to be had.
        length = output_of(parts, "video").shape[1]
        if frames not in (None, length):
            raise InputError(
                f"{type(self).__name__} makes clips of the length that it was trained on, {length} frames, "
                f"and none of {frames}"
            )
        return {**parts, "mask": 2 * parts["mask"] - 1} if isinstance(parts, dict) else parts

    def penalize(self, batch: Batch, parts: Any) -> tuple[Array | float, Logs]:
        """What the generator pays besides being found out, and what to log of it."""
        if not isinstance(parts, dict):
            return 0.0, {}
        # In [0, 1]: the mean is that of absolute values, the authors' L1 penalty.
        mask = jnp.mean(parts["mask"])
        return self.sparsity * mask, {"mask": mask}

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        real, fake = batch["video"], output_of(self.fake(batch), "video")
        return self.adversary.discriminator_loss(self.discriminator, real, fake, step)[:2]

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        # Once: all terms are to be of the same clips.
        parts = self.fake(batch)
        real, fake = batch["video"], output_of(parts, "video")
        loss, logs, _ = self.adversary.generator_loss(self.discriminator, real, fake, step)
        penalty, others = self.penalize(batch, parts)
        return loss + penalty, {**logs, "fooling": loss, **others}


class VGAN(ClipGame):
    """Clips of codes that are drawn."""

    players: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator",)}
    averaged: ClassVar = ("generator",)

    def compute_codes(self, batch: Batch) -> Array:
        """What clips are made of, one for each of the batch: drawn, [B, L]."""
        return self.latents.draw(self.make_rng(PLAY), count_examples(batch))


class ConditionalVGAN(ClipGame):
    """Clips that go on from a frame: their codes are what an encoder makes of it."""

    encoder: nn.Module = Encoder()
    """first frames [B, H, W, C] -> codes, as the generator takes them"""
    fidelity: float = 10.0
    """weight of the mean absolute difference between the first frame and the one that was given"""

    players: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator", "encoder")}
    averaged: ClassVar = ("generator", "encoder")

    def compute_codes(self, batch: Batch) -> Array:
        """What the encoder makes of the first frame of each of the batch's clips; nothing is drawn."""
        check_clips(self, batch)
        codes: Array = self.encoder(batch["video"][:, 0])
        return codes

    def sample(self, batch: Batch, frames: int | None = None, **options: Any) -> Any:
        """As without a condition, by name, with the frames that they go on from as "start"."""
        samples = super().sample(batch, frames, **options)
        parts = samples if isinstance(samples, dict) else {"video": samples}
        return dict(sorted({**parts, "start": batch["video"][:, 0]}.items()))

    def penalize(self, batch: Batch, parts: Any) -> tuple[Array | float, Logs]:
        penalty, logs = super().penalize(batch, parts)
        first = absolute(output_of(parts, "video")[:, 0], batch["video"][:, 0])
        return penalty + self.fidelity * first, {**logs, "first_frame": first}
