"""Info- and Semi-StyleGAN: factors as codes, with few labels. Nie et al. 2020, arXiv 2003.03461."""

from collections.abc import Callable
from typing import Any, ClassVar

import flax.linen as nn
import jax
from jax import Array

from gaxjax.adversary import Adversary
from gaxjax.errors import InputError
from gaxjax.game import PLAY, Batch, Logs, count_examples
from gaxjax.gans.checking import check_factors
from gaxjax.gans.style_game import StyleGame
from gaxjax.latents import Joint, Latents
from gaxjax.losses import squared_error


class SemiStyleGAN(StyleGame):
    """A generator of noise z and code c, and an encoder E that reads c off its images and off real ones.

    Info-StyleGAN is gamma alone, without a label. Factors in [0, 1] are codes on the code's whole range.
    """

    discriminator: nn.Module
    """images -> {"logits": [B], "code": [B, size of the code]}: E is a head of it"""
    noise: Latents = Latents(512)
    """z"""
    code: Latents = Latents(7, "uniform")
    """c, uniform: one number for each factor"""
    adversary: Adversary = Adversary()
    """the objective, penalties and augmentations"""
    gamma: float = 1.0
    """weight of |E(G(z, c)) - c|^2"""
    beta: float = 0.0
    """weight of |E(x) - c|^2 of images with labels"""
    alpha: float = 0.0
    """weight of smoothness: |E(x') - c'|^2 of mixtures of labeled and generated pairs"""
    mixture: float = 0.75
    """the share of the labeled one is drawn from Beta(mixture, mixture)"""

    players: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator",)}
    averaged: ClassVar = ("generator",)

    def __post_init__(self) -> None:
        if self.code.prior != "uniform" or not self.mixture > 0:
            raise InputError(f"the code is uniform and mixture above 0; got {self.code}, {self.mixture}")
        super().__post_init__()

    @property
    def latents(self) -> Joint:
        """z and c, side by side: the mapping network is given both."""
        # One vector, as the mapping takes it; which part is read off images is known by position.
        return Joint((self.noise, self.code))

    @property
    def learns_factors(self) -> bool:
        """Whether codes are the data's factors, in their order; without labels they are of its own choice."""
        return bool(self.beta or self.alpha)

    def __call__(self, batch: Batch) -> Any:
        # The adversary and not the discriminator: its augmentation has a variable of its own.
        return self.adversary(self.discriminator, self.generate(self.sample_latents(batch)))

    def sample_latents(self, batch: Batch) -> Array:
        """Noise and codes, one for each of the batch, [B, L]."""
        return self.latents.draw(self.make_rng(PLAY), count_examples(batch))

    def encode(self, images: Array) -> Array:
        """Factors that E reads off images, [B, F]; about in [0, 1]."""
        return (self.discriminator(images)["code"] / self.code.bound + 1) / 2

    def factors_of(self, latents: Array) -> Array:
        """Factors that latents ask for, [B, F] in [0, 1]."""
        return (self.latents.split(latents)[1] / self.code.bound + 1) / 2

    def labels_of(self, batch: Batch) -> tuple[Array, Array | bool]:
        """Codes of the batch's factors [B, F], and which of them count, [B]."""
        check_factors(batch, self.code.size)
        # Labels that are withheld are zeros, which would be factors as good as others.
        return self.code.bound * (2 * batch["factors"] - 1), batch.get("labeled", True)

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        # E is a head of the discriminator, so that this player is who trains it; labels say nothing of fakes.
        return self.losses(self.adversary.discriminator_loss, batch, step, self.beta)

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.losses(self.adversary.generator_loss, batch, step)

    def losses(
        self, loss_of: Callable[..., Any], batch: Batch, step: Array, beta: float = 0.0
    ) -> tuple[Array, Logs]:
        """A player's: the adversary's, and what both lower, that codes are read off fakes and E is smooth.

        beta: weight of |E(x) - c|^2 of images with labels, in which no generator has a part.
        """
        latents = self.sample_latents(batch)
        real, fake = batch["image"], self.generate(latents)
        loss, logs, outputs = loss_of(self.discriminator, real, fake, step)
        code = self.latents.split(latents)[1]
        logs["unsupervised"] = squared_error(outputs.fake["code"], code)
        of_codes = self.gamma * logs["unsupervised"]
        if self.alpha:
            labels, labeled = self.labels_of(batch)
            # One share for an image and its code; a pair is by position, an example and the fake beside it.
            share = jax.random.beta(self.make_rng(PLAY), self.mixture, self.mixture, (len(code), 1))
            of_image = share[:, :, None, None]
            # Augmented as all images that E sees in training.
            mixed = self.adversary(self.discriminator, of_image * real + (1 - of_image) * fake, step)
            target = share * labels + (1 - share) * code
            logs["smoothness"] = squared_error(mixed["code"], target, labeled)
            of_codes += self.alpha * logs["smoothness"]
        if beta:
            logs["supervised"] = squared_error(outputs.real["code"], *self.labels_of(batch))
            of_codes += beta * logs["supervised"]
        return loss + of_codes, logs
