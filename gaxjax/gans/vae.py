"""A variational autoencoder, as a game of one player. Kingma and Welling 2014, arXiv 1312.6114."""

from typing import Any, ClassVar, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError
from gaxjax.game import GAN, PLAY, Batch, Logs, count_examples
from gaxjax.latents import Latents, kl, reparametrized


class VAE(GAN):
    """Minus the evidence lower bound, in nats (section 3, eq. 10), with one draw of the latents."""

    encoder: nn.Module
    """images -> {"mean": [B, L], "log_variance": [B, L]}"""
    decoder: nn.Module
    """latents [B, L] -> logits of pixels (bernoulli), or images (normal)"""
    latents: Latents = Latents(20)
    """the prior, N(0, 1)"""
    likelihood: Literal["bernoulli", "normal"] = "bernoulli"
    """of a pixel: a share of white, as if it were the probability of it; or N(image, deviation^2)"""
    deviation: float = 1.0
    """of the normal likelihood"""

    players: ClassVar = {"autoencoder": ("encoder", "decoder")}
    averaged: ClassVar = ("encoder", "decoder")

    def __call__(self, batch: Batch) -> Any:
        # The mean, without a draw: initialization is to touch both networks, no more.
        mean = self.encoder(batch["image"])["mean"]
        if (size := mean.shape[-1]) != self.latents.size:
            raise InputError(
                f"the encoder gives {size} latents and gan.latents.size is {self.latents.size}: give both "
                "the same size (that of GaussianEncoder is gan.encoder.size)"
            )
        return self.decoder(mean)

    def sample_latents(self, batch: Batch) -> Array:
        """Latents of the prior, one for each of the batch, [B, L]."""
        return self.latents.draw(self.make_rng(PLAY), count_examples(batch))

    def generate(self, latents: Array, condition: None = None) -> Array:
        """The mean image of latents, [B, L] -> [B, H, W, C]; there is no condition."""
        decoded: Array = self.decoder(latents)
        return 2 * jax.nn.sigmoid(decoded) - 1 if self.likelihood == "bernoulli" else decoded

    def sample(self, batch: Batch, **options: Any) -> Array:
        """Images of fresh latents, one for each of the batch."""
        return self.generate(self.sample_latents(batch))

    def bound_terms(self, batch: Batch) -> dict[str, Array]:
        """Minus the lower bound of each image's log-likelihood, in nats, as two terms to be added, [B] each.

        "error": minus the log-likelihood given one draw of the posterior; "kl": the posterior's divergence.
        """
        posterior = self.encoder(batch["image"])
        mean, log_variance = posterior["mean"], posterior["log_variance"]
        # One draw will do where minibatches are large, such as 100 (section 2.3).
        decoded = self.decoder(reparametrized(self.make_rng(PLAY), mean, log_variance))
        # A sum over pixels: with a mean, the divergence would weigh as much more as there are pixels.
        error = jnp.sum(self.pixel_errors(decoded, batch["image"]), axis=(1, 2, 3))
        return {"error": error, "kl": kl(mean, log_variance)}

    def autoencoder_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        terms = {name: jnp.mean(term) for name, term in self.bound_terms(batch).items()}
        return terms["error"] + terms["kl"], terms

    def pixel_errors(self, decoded: Array, images: Array) -> Array:
        """Minus the log-likelihood of each pixel, in nats, [B, H, W, C]."""
        if self.likelihood == "bernoulli":
            # Cross-entropy from logits; images of [-1, 1] as shares of white.
            share = (images + 1) / 2
            return jax.nn.softplus(decoded) - share * decoded
        squares = ((decoded - images) / self.deviation) ** 2
        return (squares + jnp.log(2 * jnp.pi * self.deviation**2)) / 2
