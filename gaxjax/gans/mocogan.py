"""MoCoGAN: clips of one content, that move. Tulyakov et al. 2018, arXiv 1707.04993."""

from collections.abc import Callable
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.adversary import Adversary, add_prefix
from gaxjax.errors import InputError
from gaxjax.game import GAN, PLAY, Batch, Logs, count_examples
from gaxjax.gans.checking import check_clips
from gaxjax.latents import Joint, Latents, cross_latents


class MoCoGAN(GAN):
    """A generator of images, asked once for each frame: with one content, and with motion that goes on.

    One discriminator sees a frame of each clip, the other the whole clip, of which it also tells the category
    of motion (eq. 6 to 8).
    """

    recurrent: nn.Module
    """motion noise [B, 1 + T, N] -> codes of T frames [B, T, N] (R_M)"""
    generator: nn.Module
    """content, category and a frame's code, side by side [B, L] -> images (G_I)"""
    image_discriminator: nn.Module
    """images [B, H, W, C] -> logits (D_I)"""
    video_discriminator: nn.Module
    """clips [B, T, H, W, C] -> {"logits": ..., "code": parameters of Q [B, size of the code]} (D_V)"""
    frames: int = 16
    """of a clip"""
    content: Latents = Latents(50)
    """of a clip, the same in all of its frames"""
    code: Latents | Joint = Latents(6, "categorical", name="category")
    """of its motion, the same in all of its frames, and read off the clip"""
    motion: Latents = Latents(10)
    """noise of each frame, and what motion starts from"""
    adversary: Adversary = Adversary()
    """of both discriminators"""
    weight: float = 1.0
    """lambda: weight of the code's log-likelihood"""

    players: ClassVar = {
        "discriminator": ("image_discriminator", "video_discriminator"),
        "generator": ("recurrent", "generator"),
    }
    averaged: ClassVar = ("recurrent", "generator")

    @property
    def latents(self) -> Joint:
        """What is the same in all frames of a clip."""
        return Joint((self.content, self.code))

    def __call__(self, batch: Batch) -> Any:
        videos, images, _ = self.sides(batch)
        self.adversary(self.image_discriminator, images["fake"])
        return self.adversary(self.video_discriminator, videos["fake"])

    def sample_latents(self, batch: Batch, frames: int | None = None) -> tuple[Array, Array, Array]:
        """A content, a code and motion noise, [B, 1 + T, N], for each of the batch."""
        n, times = count_examples(batch), jnp.arange(1 + (self.frames if frames is None else frames))
        # Drawn first: whatever the length, they are the same.
        content, code = self.latents.split(self.latents.draw(self.make_rng(PLAY), n))
        # A key for each frame: a longer clip begins as a shorter one does.
        keys = jax.vmap(jax.random.fold_in, (None, 0))(self.make_rng(PLAY), times)
        return content, code, jax.vmap(lambda key: self.motion.draw(key, n), out_axes=1)(keys)

    def render(self, content: Array, code: Array, noise: Array) -> Array:
        """Clips [B, T, H, W, C]."""
        motion = self.recurrent(noise)
        b, t, _ = motion.shape
        still = jnp.broadcast_to(jnp.concatenate([content, code], -1)[:, None], (b, t, self.latents.size))
        # For the generator each frame is an example: batch norm is over all of all clips.
        images = self.generator(jnp.concatenate([still, motion], axis=-1).reshape(b * t, -1))
        clips: Array = images.reshape(b, t, *images.shape[1:])
        return clips

    def sample(self, batch: Batch, frames: int | None = None, crossed: bool = False, **options: Any) -> Array:
        """Clips, one for each of the batch, [B, T, H, W, C].

        frames: other lengths than those that it was trained on. crossed: rows of one content each, columns of
        one motion each, as many of both.
        """
        if frames is not None and frames < 1:
            raise InputError(f"frames={frames}: clips have 1 frame or more")
        latents = self.sample_latents(batch, frames)
        # Rows are of contents; the code is of motion, and goes with it.
        return self.render(*(cross_latents(*latents) if crossed else latents))

    def sides(self, batch: Batch) -> tuple[dict[str, Array], dict[str, Array], Array]:
        """Real and fake clips, one frame of each of them, and the codes of the fakes."""
        check_clips(self, batch, self.frames)
        content, code, noise = self.sample_latents(batch)
        # Of the very clips that the other discriminator sees: their gradients meet in one pass back.
        videos = {"real": batch["video"], "fake": self.render(content, code, noise)}
        times = jax.random.randint(self.make_rng(PLAY), (len(code),), 0, self.frames)
        # Through vmap: the index of each clip's frame is traced.
        images = {name: jax.vmap(lambda clip, t: clip[t])(clips, times) for name, clips in videos.items()}
        return videos, images, code

    def losses(self, loss_of: Callable[..., Any], batch: Batch, step: Array) -> tuple[Array, Logs]:
        """A player's: that of frames, that of clips, and less log Q(code | clip), which both raise."""
        videos, images, code = self.sides(batch)
        of_images, image_logs, _ = loss_of(self.image_discriminator, **images, step=step)
        of_videos, video_logs, outputs = loss_of(self.video_discriminator, **videos, step=step)
        # L_I but for the constant entropy of codes: of fakes, whose code is known, for both players.
        information = jnp.mean(self.code.log_likelihood(outputs.fake["code"], code))
        logs = add_prefix("image", {"loss": of_images, **image_logs})
        logs |= add_prefix("video", {"loss": of_videos, **video_logs})
        return of_images + of_videos - self.weight * information, {**logs, "information": information}

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.losses(self.adversary.discriminator_loss, batch, step)

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.losses(self.adversary.generator_loss, batch, step)
