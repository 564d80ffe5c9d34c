"""A tiny game of clips, as the text of a recipe's file, and features of clips, as that of theirs."""

GAME = '''"""Clips of four frames, or any number of them, from two images that a latent makes."""

from typing import Any, ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gaxjax.game import GAN, PLAY, Batch, Logs, count_examples
from gaxjax.latents import Latents
from gaxjax.layers.standard import Dense, flatten
from gaxjax.losses import nonsaturating_discriminator, nonsaturating_generator
from gaxjax.recipe import Data, Evaluation, Optimizer, Recipe

SHAPE = (4, 16, 16, 1)


class Mover(nn.Module):
    """Latents -> clips [B, T, H, W, C]."""

    @nn.compact
    def __call__(self, latents: Array, frames: int) -> Array:
        still, change = jnp.split(Dense(2 * 16 * 16)(latents).reshape(-1, 1, 16, 16, 2), 2, axis=-1)
        return jnp.tanh(still + 0.1 * jnp.arange(frames).reshape(1, -1, 1, 1, 1) * change)


class Critic(nn.Module):
    """Clips -> logits."""

    @nn.compact
    def __call__(self, clips: Array) -> Array:
        return Dense(1)(flatten(clips))[:, 0]


class Moving(GAN):
    """Two players; samples are an image, a mask and a clip, by name."""

    mover: nn.Module = Mover()
    critic: nn.Module = Critic()
    latents: Latents = Latents(4)

    players: ClassVar = {"critic": ("critic",), "mover": ("mover",)}
    averaged: ClassVar = ("mover",)

    def __call__(self, batch: Batch) -> Any:
        return self.critic(self.move(batch, SHAPE[0]))

    def move(self, batch: Batch, frames: int) -> Array:
        return self.mover(self.latents.draw(self.make_rng(PLAY), count_examples(batch)), frames)

    def sample(self, batch: Batch, frames: int | None = None) -> Any:
        clips = self.move(batch, frames or SHAPE[0])
        return {"background": clips[:, 0], "mask": -clips, "video": clips}

    def critic_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        fake = self.critic(self.move(batch, SHAPE[0]))
        return nonsaturating_discriminator(self.critic(batch["video"]), fake), {}

    def mover_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return nonsaturating_generator(self.critic(self.move(batch, SHAPE[0]))), {}


recipe = Recipe(
    gan=Moving(),
    optimizers={"critic": Optimizer(), "mover": Optimizer()},
    data=Data("moving_digits", shape=SHAPE),
    batch_size=8,
    kimg=0.016,
    log_kimg=0.008,
    sample_kimg=0.008,
    checkpoint_kimg=0.008,
    samples=3,
    evaluation=Evaluation(reference="video", output="video", n=20, real=24),
    evaluation_kimg=0.016,
)
'''
FEATURES = '''"""Of clips."""

import jax.numpy as jnp


def motion(clips):
    """How bright the first frame is and how that changes; as logits too."""
    bright = jnp.mean(clips, (2, 3, 4))
    vectors = jnp.stack([bright[:, 0], bright[:, -1] - bright[:, 0]], axis=1)
    return {"features": vectors, "logits": 9 * vectors}
'''
