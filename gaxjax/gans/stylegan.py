"""ProGAN, StyleGAN and StyleGAN2: networks of levels that may grow. Karras et al. 2018, 2019 and 2020."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax import transforms
from gaxjax.adversary import Adversary
from gaxjax.game import GAN, PLAY, Batch, Logs, Tree, pure, read_condition, size
from gaxjax.latents import Latents
from gaxjax.layers.resampling import average_pool, repeat_pixels, upsample
from gaxjax.networks.style import mixed
from gaxjax.networks.synthesis import Noise, Styles
from gaxjax.penalties import where_due


@dataclass(frozen=True)
class PathLength:
    """weight * E (|J^T y| - a)^2, a the running mean of |J^T y|: J of styles to images, y normal.

    Karras et al. 2020 (StyleGAN2), section 3.2. The length is the root mean square over layers.
    """

    weight: float = 0.0
    """gamma_pl (the authors' code: 2); 0: not evaluated"""
    every: int = 4
    """steps between evaluations, each so many times as strong"""
    decay: float = 0.01
    """share of the new mean in the running one"""
    shrink: int = 2
    """how many times smaller its minibatch is"""


class StyleGAN(GAN):
    """Both networks of levels (`gaxjax.networks.progressive`, `.style`), whose newest may be fading in.

    What the players move are equalized parameters. Gradient penalties are of the sum of logits although the
    standard deviation of the minibatch lets examples see each other, as in the authors' code.
    """

    generator: nn.Module
    """latents [B, L] (, labels [B]) -> images"""
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
        return jnp.clip((step - begin) / (end - begin), 0.0, 1.0) if end > begin else 1.0

    def weights(self, params: Tree, step: Array) -> Tree:
        """Equalized, and the newest level faded in."""
        alpha = self.alpha(step)
        effective = {name: getattr(self, name).effective_params(params[name], alpha) for name in self.players}
        return {**params, **effective}

    def real(self, batch: Batch, step: Array) -> Array:
        """Images, blended with what they are at half of the resolution as the generator's are."""
        images = batch["image"]
        if self.fade[1] <= self.fade[0]:
            return images
        alpha = self.alpha(step)
        return alpha * images + (1 - alpha) * upsample(average_pool(images))

    def condition_of(self, batch: Batch) -> Array | None:
        """The batch's labels, where the generator has classes."""
        return read_condition(batch, "label") if self.generator.classes else None

    def sample_latents(self, batch: Batch) -> Array:
        """Latents, one for each of the batch, [B, L]."""
        return self.latents.draw(self.make_rng(PLAY), size(batch))

    def __call__(self, batch: Batch) -> Any:
        return self.adversary(self.discriminator, self.fake(batch), condition=self.condition_of(batch))

    def generate(self, latents: Array, condition: Array | None = None) -> Array:
        """Images of latents, [B, L] (, labels [B]) -> [B, H, W, C]."""
        return self.generator(latents, condition)

    def fake(self, batch: Batch) -> Array:
        """Images of fresh latents; `mixing` of them of two, each from a random layer on."""
        latents, label = self.sample_latents(batch), self.condition_of(batch)
        if not self.mixing:
            return self.generator(latents, label)
        styles = self.mix(self.generator.map(latents, label), label, batch)
        return self.generator.synthesize(styles, latents, label)

    def mix(self, w: Array, label: Array | None, batch: Batch) -> Styles:
        """Styles of w, and for a share of them, from a random layer on, of other latents."""
        layers, styles = self.generator.layers, self.generator.styles(w)
        # As a pure function, which leaves the average of w to the first latents.
        others = self.generator.styles(pure(self.generator, "map")(self.sample_latents(batch), label))
        crossover = jax.random.randint(self.make_rng(PLAY), (len(w), 1), 1, layers)
        is_mixed = jax.random.uniform(self.make_rng(PLAY), (len(w), 1)) < self.mixing
        return mixed(styles, others, jnp.where(is_mixed, crossover, layers))

    def map_latents(self, latents: Array, condition: Array | None = None) -> Array:
        """w of latents, [B, L] (, labels [B]) -> [B, S]."""
        return self.generator.map(latents, condition)

    def broadcast_styles(self, w: Array) -> Styles:
        """The same w for every synthesis layer: {"layer_0": w, ...}."""
        return self.generator.styles(w)

    def synthesize(
        self,
        styles: Styles,
        latents: Array | None = None,
        condition: Array | None = None,
        noise: Noise = None,
    ) -> Array:
        """Images of styles, [B, H, W, C]; noise is drawn unless it is given.

        latents, condition: for a synthesis that starts from them, [B, L] and [B].
        """
        return self.generator.synthesize(styles, latents, condition, noise)

    def average_style(self) -> Array:
        """The moving average of w, [S]."""
        return self.generator.average()

    def sample(
        self,
        batch: Batch,
        psi: float | Sequence[float] = 1.0,
        cutoff: int | None = None,
        mix: int = 1,
        **options: Any,
    ) -> Array:
        """Images, one for each of the batch, truncated by psi in the first `cutoff` layers.

        mix: latents that an image has its styles of, from random layers on (Karras et al. 2019, table 2). As
        large as the batch's images, where it has any: a pixel of networks that have not grown is a square.
        """
        latents, label = self.sample_latents(batch), self.condition_of(batch)
        if psi == 1.0 and mix == 1:
            images = self.generator(latents, label)
        else:
            styles = self.generator.styles(self.generator.map(latents, label))
            points = jax.random.randint(self.make_rng(PLAY), (size(batch), mix - 1), 1, self.generator.layers)
            for crossover in jnp.sort(points, axis=1).T:
                others = self.generator.styles(self.generator.map(self.sample_latents(batch), label))
                styles = mixed(styles, others, crossover[:, None])
            styles = transforms.truncate(psi, self.generator.average(), cutoff)(styles)
            images = self.generator.synthesize(styles, latents, label)
        wanted = batch["image"].shape[1] if "image" in batch else images.shape[1]
        return repeat_pixels(images, wanted // images.shape[1])

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        real, fake, label = self.real(batch, step), self.fake(batch), self.condition_of(batch)
        return self.adversary.discriminator_loss(self.discriminator, real, fake, step, label)[:2]

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        real, fake, label = self.real(batch, step), self.fake(batch), self.condition_of(batch)
        loss, logs, _ = self.adversary.generator_loss(self.discriminator, real, fake, step, label)
        if self.path_length.weight:
            penalty = self.stretching(batch, step)
            loss, logs = loss + penalty, {**logs, "path_length": penalty}
        return loss, logs

    def stretching(self, batch: Batch, step: Array) -> Array:
        """The path length's penalty, every so many steps; its running mean is a variable."""
        rule, before = self.path_length, self.lengths.value
        part: Batch = {"n": max(1, size(batch) // rule.shrink)}
        label = self.condition_of(batch)
        label = label if label is None else label[: part["n"]]
        latents = self.sample_latents(part)
        w = pure(self.generator, "map")(latents, label)
        styles = self.mix(w, label, part) if self.mixing else self.generator.styles(w)
        synthesize, key = pure(self.generator, "synthesize"), self.make_rng(PLAY)

        def evaluate() -> tuple[Array, Array]:
            images, pullback = jax.vjp(lambda styles: synthesize(styles, latents, label), styles)
            noise = jax.random.normal(key, images.shape) / (images.shape[1] * images.shape[2]) ** 0.5
            (slopes,) = pullback(noise)
            squares = jnp.stack([jnp.sum(slope**2, axis=-1) for slope in slopes.values()])
            lengths = jnp.sqrt(jnp.mean(squares, axis=0) + 1e-12)
            mean = before + rule.decay * (jnp.mean(lengths) - before)
            penalty = rule.weight * rule.every * jnp.mean((lengths - mean) ** 2)
            return penalty, mean

        penalty, self.lengths.value = where_due(step % rule.every == 0, evaluate, before)
        return penalty
