"""BicycleGAN: one picture of several that are right. Zhu et al. 2017, arXiv 1711.11586."""

from typing import Any, ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gaxjax.adversary import Adversary, add_prefix
from gaxjax.game import GAN, PLAY, Batch, Logs, count_examples, frozen
from gaxjax.gans.checking import check_images
from gaxjax.latents import Latents, kl, reparametrized
from gaxjax.losses import absolute
from gaxjax.objectives import LeastSquares


class BicycleGAN(GAN):
    """Two cycles of one generator (section 3.4): target to code to target, code to image to code.

    The first (cVAE-GAN) makes each target one that some code gives; the second (cLR-GAN) keeps any code that
    is drawn from being ignored.
    """

    generator: nn.Module
    """images a [B, H, W, C], latents [B, L] -> images b"""
    encoder: nn.Module
    """images b -> {"mean": [B, L], "log_variance": [B, L]}, of the code"""
    discriminator: nn.Module
    """images b -> logits; of images whose code was read off the target"""
    latent_discriminator: nn.Module
    """images b -> logits; of images whose code was drawn"""
    latents: Latents = Latents(8)
    """the code's prior, N(0, 1)"""
    adversary: Adversary = Adversary(LeastSquares())
    """of both discriminators"""
    reconstruction: float = 10.0
    """weight of |G(a, E(b)) - b|"""
    recovery: float = 0.5
    """weight of |E(G(a, z)) - z|, which moves the generator alone"""
    divergence: float = 0.01
    """weight of the KL divergence of E(b) from the prior"""

    players: ClassVar = {
        "discriminator": ("discriminator", "latent_discriminator"),
        "generator": ("generator", "encoder"),
    }
    averaged: ClassVar = ("generator", "encoder")
    directions: ClassVar = {"a": "b"}
    """What is translated -> into what."""
    of_pairs: ClassVar = True
    """Whether b[i] has to belong to a[i]."""

    def __call__(self, batch: Batch) -> Any:
        check_images(self, batch, "use a folder of pictures with layout halves or domains")
        self.adversary(self.discriminator, self.reconstruct(batch))
        return self.adversary(self.latent_discriminator, self.translate(batch))

    def translate(self, batch: Batch, source: str = "a") -> Array:
        """Images of the batch's sources, [B, H, W, C], each with a code of its own that is drawn."""
        latents = self.latents.draw(self.make_rng(PLAY), count_examples(batch))
        images: Array = self.generator(batch[source], latents)
        return images

    def reconstruct(self, batch: Batch) -> Array:
        """Images of the batch's sources with the codes that the encoder reads off their targets."""
        images: Array = self.generator(batch["a"], self.encoder(batch["b"])["mean"])
        return images

    def sample(self, batch: Batch, **options: Any) -> dict[str, Array]:
        """Each source, its translation, its target, and that by way of its code; each [B, H, W, C]."""
        return {
            "a": batch["a"],
            "a to b": self.translate(batch),
            "b": batch["b"],
            "b to code to b": self.reconstruct(batch),
        }

    def branches(self, batch: Batch) -> tuple[dict[str, Array], Array, Array, Array]:
        """What E reads off targets, images of codes drawn from that; codes of the prior, and their images."""
        posterior = self.encoder(batch["b"])
        # Drawn anew at each call: both players' losses are of codes of their own.
        reconstructions = self.generator(batch["a"], reparametrized(self.make_rng(PLAY), **posterior))
        latents = self.latents.draw(self.make_rng(PLAY), count_examples(batch))
        return posterior, reconstructions, latents, self.generator(batch["a"], latents)

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        _, reconstructions, _, samples = self.branches(batch)
        loss_of = self.adversary.discriminator_loss
        # Each branch has a discriminator of its own, as in the authors' code.
        first, logs, _ = loss_of(self.discriminator, batch["b"], reconstructions, step)
        second, others, _ = loss_of(self.latent_discriminator, batch["b"], samples, step)
        return first + second, add_prefix("encoded", logs) | add_prefix("drawn", others)

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        posterior, reconstructions, latents, samples = self.branches(batch)
        loss_of = self.adversary.generator_loss
        fooling, *_ = loss_of(self.discriminator, batch["b"], reconstructions, step)
        fooling = fooling + loss_of(self.latent_discriminator, batch["b"], samples, step)[0]
        # Frozen: the encoder would else learn to hide the code from itself in what it reads (section 3.4).
        recovery = absolute(frozen(self.encoder)(samples)["mean"], latents)
        # A sum over the code's numbers and a mean over examples, as the authors' is of a minibatch of one.
        divergence = jnp.mean(kl(**posterior))
        logs = {"fooling": fooling, "recovery": recovery, "divergence": divergence}
        logs["reconstruction"] = absolute(reconstructions, batch["b"])
        loss = fooling + self.reconstruction * logs["reconstruction"] + self.recovery * recovery
        return loss + self.divergence * divergence, logs
