"""ProGAN, StyleGAN and StyleGAN2: networks of levels that may grow. Karras et al. 2018, 2019 and 2020."""

from typing import Any, ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gaxjax.adversary import Adversary
from gaxjax.game import PLAY, Batch, Logs, Tree, count_examples, pure
from gaxjax.gans.path_length import PathLength
from gaxjax.gans.style_game import StyleGame
from gaxjax.latents import Latents
from gaxjax.layers.resampling import average_pool, upsample


class StyleGAN(StyleGame):
    """Both networks of levels (`gaxjax.networks.progressive`, `.style`), whose newest may be fading in.

    What the players move are equalized parameters. Gradient penalties are of the sum of logits although the
    standard deviation of the minibatch lets examples see each other, as in the authors' code.
    """

    discriminator: nn.Module
    """images (, labels [B]) -> logits [B], or outputs by name"""
    latents: Latents = Latents(512)
    """what the generator starts from"""
    adversary: Adversary = Adversary()
    """the objective, penalties and augmentations"""
    mixing: float = 0.0
    """share of the images that have styles of two latents, from a random layer on"""
    path_length: PathLength = PathLength()
    """of the generator's loss"""
    fade: tuple[int, int] = (0, 0)
    """steps from which and to which the newest level fades in, where networks have fading"""

    players: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator",)}
    averaged: ClassVar = ("generator",)

    def setup(self) -> None:
        if self.path_length.weight:
            self.lengths = self.variable("path_length", "mean", jnp.zeros, ())

    def alpha(self, step: Array | int) -> Array | float:
        """How far the newest level has come, 0 to 1."""
        begin, end = self.fade
        # A Python 1.0 where nothing fades: a program without the factor.
        return jnp.clip((step - begin) / (end - begin), 0.0, 1.0) if end > begin else 1.0

    def weights(self, params: Tree, step: Array) -> Tree:
        """Equalized, and the newest level faded in."""
        alpha = self.alpha(step)
        # By player, as each has the one network of its name.
        effective = {name: getattr(self, name).effective_params(params[name], alpha) for name in self.players}
        return {**params, **effective}

    def real_images(self, batch: Batch, step: Array) -> Array:
        """Images, blended with what they are at half of the resolution as the generator's are."""
        images = batch["image"]
        if self.fade[1] <= self.fade[0]:
            return images
        alpha = self.alpha(step)
        # As real images fade in with the fakes, detail does not tell them apart. Old colors are enlarged by
        # repeating pixels, so these are.
        return alpha * images + (1 - alpha) * upsample(average_pool(images))

    def sample_latents(self, batch: Batch) -> Array:
        """Latents, one for each of the batch, [B, L]."""
        return self.latents.draw(self.make_rng(PLAY), count_examples(batch))

    def __call__(self, batch: Batch) -> Any:
        return self.adversary(self.discriminator, self.fake(batch), condition=self.condition_of(batch))

    def fake(self, batch: Batch) -> Array:
        """Images of fresh latents; `mixing` of them of two, each from a random layer on."""
        latents, label = self.sample_latents(batch), self.condition_of(batch)
        # ProGAN comes this way too: its generator has neither a mapping nor styles.
        if not self.mixing:
            return self.generator(latents, label)
        styles = self.mix_share(self.generator.map(latents, label), label, batch, self.mixing)
        return self.generator.synthesize(styles, latents, label)

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        real, fake, label = self.real_images(batch, step), self.fake(batch), self.condition_of(batch)
        return self.adversary.discriminator_loss(self.discriminator, real, fake, step, label)[:2]

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        real, fake, label = self.real_images(batch, step), self.fake(batch), self.condition_of(batch)
        loss, logs, _ = self.adversary.generator_loss(self.discriminator, real, fake, step, label)
        if self.path_length.weight:
            penalty = self.path_length_penalty(batch, step)
            loss, logs = loss + penalty, {**logs, "path_length": penalty}
        return loss, logs

    def path_length_penalty(self, batch: Batch, step: Array) -> Array:
        """The path length's penalty, every so many steps; its running mean is a variable."""
        # A smaller minibatch, as in the authors' code: the product with J takes the most memory of a step.
        part: Batch = {"n": max(1, count_examples(batch) // self.path_length.shrink)}
        label = self.condition_of(batch)
        # The part's labels are the first of the batch: the order of a batch is drawn anyway.
        label = label if label is None else label[: part["n"]]
        latents = self.sample_latents(part)
        # Pure, so that the average of w follows the latents of the loss alone.
        w = pure(self.generator, "map")(latents, label)
        styles = self.mix_share(w, label, part, self.mixing) if self.mixing else self.generator.styles(w)
        synthesize, key = pure(self.generator, "synthesize"), self.make_rng(PLAY)
        penalty, self.lengths.value = self.path_length(
            lambda styles: synthesize(styles, latents, label), styles, self.lengths.value, key, step
        )
        return penalty
