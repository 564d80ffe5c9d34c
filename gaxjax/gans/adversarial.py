"""A generator against a discriminator: the game of Goodfellow et al. 2014, any objective and penalties."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax import losses, transforms
from gaxjax.game import Batch, Logs, Tree
from gaxjax.gans.duel import PLAYERS, Duel


class Adversarial(Duel):
    """Two players, two networks: DCGAN, LSGAN, WGAN, EBGAN, R3GAN and everything that differs by a loss."""

    discriminator_weights: str = "none"
    """transform of the discriminator's parameters on their way to the network: spectral(iterations)"""
    discriminator_bounds: str = "none"
    """transform of the discriminator's parameters after each of its moves: clip(bound)"""
    zero_sum: bool = False
    """the generator minimizes the discriminator's loss negated, its real term too, in place of its own: for
    solvers that look through the discriminator's answer (Metz et al. 2017, section 2.2)"""
    classes: int = 0
    """label classes that both networks are told, one-hot; 0 for none. Mirza and Osindero 2014, section 3.2"""

    players: ClassVar = PLAYERS

    def weights(self, params: Tree, step: Array) -> Tree:
        """The discriminator's as its network sees them."""
        seen = transforms.named(self.discriminator_weights)(params["discriminator"])
        return {**params, "discriminator": seen}

    def project(self, params: Tree) -> Tree:
        """The discriminator's within their bounds."""
        kept = transforms.named(self.discriminator_bounds)(params["discriminator"])
        return {**params, "discriminator": kept}

    def sample(self, batch: Batch, **options: Any) -> Array:
        """Examples, one for each of the batch, from latents of their own."""
        return self.generate(batch)

    def generated(self, latents: Array, batch: Batch) -> Array:
        """What the generator makes of latents [B, L], and of the batch's labels."""
        return self.generator(self.told(latents, batch))

    def told(self, x: Array, batch: Batch) -> Array:
        """What a network is given, [..., C]; with classes, more channels say which, all over the image."""
        told = self.label(batch, self.classes)
        if told is None:
            return x
        label = jax.nn.one_hot(told, self.classes, dtype=x.dtype)
        label = label.reshape(label.shape[0], *(1,) * (x.ndim - 2), self.classes)
        return jnp.concatenate([x, jnp.broadcast_to(label, (*x.shape[:-1], self.classes))], axis=-1)

    def judge(self, batch: Batch) -> dict[str, Array]:
        """The discriminator's verdict, as the probability "D" if that is what the objective makes of a logit.

        Otherwise the logit itself, as "critic". Nothing if there are classes and the batch has no labels.
        """
        if self.classes and "label" not in batch:
            return {}
        logits = self.logits(batch["image"], batch)
        if losses.named(self.objective).of_probabilities:
            return {"D": jax.nn.sigmoid(logits)}
        return {"critic": logits}

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.judging(batch, step)

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.deceiving(batch, step, self.zero_sum)
