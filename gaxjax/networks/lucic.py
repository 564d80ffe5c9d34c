"""InfoGAN's networks as Lucic et al. 2018 (arXiv 1711.10337) gave them to every model.

Two convolutions each. Discriminators and encoders see pixels in [0, 1], as theirs do; images are in [-1, 1]
outside, as everywhere. Any height and width: sizes are halved and rounded up.
"""

from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.layers.dtypes import Precision, to_compute_dtype, to_float32
from gaxjax.layers.norms import BatchNorm, normalize
from gaxjax.layers.standard import Conv, ConvTranspose, Dense, activate, flatten, halved_sizes

Norm = Literal["batch", "layer", "none"]


class Generator(nn.Module):
    """Latents [B, L] -> images [B, *shape]."""

    shape: tuple[int, int, int]
    """(H, W, C) of the images"""
    features: int = 64
    """channels before the last layer; twice as many before that, and 16 times in the hidden layer"""
    norm: Norm = "batch"
    """after every layer but the last"""
    momentum: float = 0.999
    """share of the old running statistics of batch norm that a batch leaves"""
    output: Literal["sigmoid", "none"] = "sigmoid"
    """after the last layer: none gives logits of pixels, as a VAE's likelihood takes them"""
    deviation: float = 0.02
    """standard deviation of the initial kernels; 0: He"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, latents: Array) -> Array:
        x = hidden_layer(
            to_compute_dtype(latents, self.precision),
            16 * self.features,
            self.norm,
            self.deviation,
            self.momentum,
        )
        # Shared with the autoencoder, whose second half is the same.
        x = to_images(x, self.shape, self.features, self.norm, self.deviation, self.momentum)
        return activate(x, self.output)


class Discriminator(nn.Module):
    """Images [B, H, W, C] -> {"logits": [B], "features": [B, F]}."""

    features: int = 64
    """channels after the first layer; twice as many after the second, and 16 times in the hidden layer"""
    norm: Norm = "batch"
    """after every layer but the first and the last"""
    output: Literal["none", "sigmoid"] = "none"
    """after the last layer: sigmoid for least squares of probabilities, as in the study's code"""
    deviation: float = 0.02
    """standard deviation of the initial kernels; 0: He"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        x = to_float32(to_features(x, self.features, self.norm, self.deviation, self.precision))
        logits = Dense(1, deviation=self.deviation)(x)[:, 0]
        # A probability: `activate` would put it on the range of images.
        return {"logits": jax.nn.sigmoid(logits) if self.output == "sigmoid" else logits, "features": x}


class Encoder(nn.Module):
    """Images [B, H, W, C] -> {"mean": [B, size], "log_variance": [B, size]}: a discriminator's layers."""

    size: int
    """number of latent variables"""
    features: int = 64
    """channels after the first layer; twice as many after the second, and 16 times in the hidden layer"""
    norm: Norm = "batch"
    """after every layer but the first and the last"""
    deviation: float = 0.02
    """standard deviation of the initial kernels; 0: He"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        x = to_float32(to_features(x, self.features, self.norm, self.deviation, self.precision))
        mean, spread = (
            Dense(self.size, deviation=self.deviation, name=name)(x) for name in ("mean", "spread")
        )
        # The study's code has deviations of softplus(spread), and not the exponential of a log-variance.
        return {"mean": mean, "log_variance": 2 * jnp.log(1e-6 + jax.nn.softplus(spread))}


class Autoencoder(nn.Module):
    """Images [B, *shape] -> reconstructions of the same shape, through a code: the study's BEGAN."""

    shape: tuple[int, int, int]
    """(H, W, C) of the images"""
    features: int = 64
    """channels at half of the size; twice as many at a quarter"""
    code: int = 64
    """size of the code"""
    norm: Norm = "none"
    """after the code and the layers that follow it, but for the last"""
    deviation: float = 0.02
    """standard deviation of the initial kernels; 0: He"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        x = (to_compute_dtype(x, self.precision) + 1) / 2
        x = activate(Conv(self.features, 4, 2, deviation=self.deviation)(x), "leaky_relu")
        x = flatten(Conv(2 * self.features, 4, 2, deviation=self.deviation)(x))
        x = hidden_layer(x, self.code, self.norm, self.deviation)
        code = to_float32(x)
        images = to_images(x, self.shape, self.features, self.norm, self.deviation)
        return {"reconstruction": activate(images, "sigmoid"), "features": code}


def hidden_layer(x: Array, features: int, norm: Norm, deviation: float, momentum: float = 0.999) -> Array:
    """A dense layer with its norm, [B, C] -> [B, features], inside a compact method."""
    x = Dense(features, bias=norm == "none", deviation=deviation)(x)  # a norm takes the mean away again
    return activate(normalize_as_lucic(x, norm, momentum), "leaky_relu")


def to_features(x: Array, features: int, norm: Norm, deviation: float, precision: Precision) -> Array:
    """From images in [-1, 1] to a hidden layer, [B, H, W, C] -> [B, 16 * features], in a compact method."""
    x = (to_compute_dtype(x, precision) + 1) / 2
    x = activate(Conv(features, 4, 2, deviation=deviation)(x), "leaky_relu")
    x = Conv(2 * features, 4, 2, bias=norm == "none", deviation=deviation)(x)
    x = flatten(activate(normalize_as_lucic(x, norm), "leaky_relu"))
    return hidden_layer(x, 16 * features, norm, deviation)


def to_images(
    x: Array,
    shape: tuple[int, int, int],
    features: int,
    norm: Norm,
    deviation: float,
    momentum: float = 0.999,
) -> Array:
    """From a hidden layer to logits of pixels, [B, C] -> [B, *shape], inside a compact method."""
    size, half, (height, width) = halved_sizes(shape, 2)
    # Two dense layers before the first pixels, as in the study's code.
    x = hidden_layer(x, height * width * 2 * features, norm, deviation, momentum)
    x = x.reshape(-1, height, width, 2 * features)
    x = ConvTranspose(features, 4, bias=norm == "none", deviation=deviation)(x, half)
    x = activate(normalize_as_lucic(x, norm, momentum), "leaky_relu")
    # Colors are not normalized: their mean is what the bias is for.
    x = ConvTranspose(shape[-1], 4, deviation=deviation)(x, size)
    return to_float32(x)


def normalize_as_lucic(x: Array, norm: Norm, momentum: float = 0.999) -> Array:
    """The layer of that name, inside a compact method; batch norm as in the study's code."""
    return BatchNorm(momentum, epsilon=0.001, deviation=0)(x) if norm == "batch" else normalize(x, norm)
