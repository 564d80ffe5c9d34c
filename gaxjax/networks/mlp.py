"""Fully connected networks, of images (flattened) and of points alike."""

import math

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gaxjax.layers.dtypes import Precision, to_compute_dtype, to_float32
from gaxjax.layers.minibatch import MinibatchDiscrimination
from gaxjax.layers.standard import Activation, Dense, Dropout, Maxout, activate, flatten


class Generator(nn.Module):
    """Latents [B, L] -> [B, *shape] through hidden layers."""

    shape: tuple[int, ...]
    """of one example: (H, W, C), or (2,) for points"""
    features: tuple[int, ...] = (1200, 1200)
    """width of each hidden layer"""
    activation: Activation = "relu"
    """after each hidden layer"""
    output: Activation = "tanh"
    """after the last layer; none for points, sigmoid (onto [-1, 1]) or tanh for images"""
    bound: float = 0.0
    """if positive, initial kernels are uniform on [-bound, bound], otherwise He"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, latents: Array) -> Array:
        x = to_compute_dtype(latents, self.precision)
        for width in self.features:
            x = activate(Dense(width, bound=self.bound)(x), self.activation)
        # Widened before the output's tanh: just below 1, bfloat16 has steps of 1/256.
        x = to_float32(Dense(math.prod(self.shape), bound=self.bound)(x))
        return activate(x, self.output).reshape(-1, *self.shape)


class Discriminator(nn.Module):
    """[B, ...] -> {"logits": [B], "features": [B, F]} through hidden layers."""

    features: tuple[int, ...] = (512, 512)
    """width of each hidden layer"""
    activation: Activation = "leaky_relu"
    """after each hidden layer"""
    minibatch_kernels: int = 0
    """of minibatch discrimination before the last layer; 0 for none"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        x = to_compute_dtype(flatten(x), self.precision)
        for width in self.features:
            x = activate(Dense(width)(x), self.activation)
        features = x = to_float32(x)
        if self.minibatch_kernels:
            x = MinibatchDiscrimination(self.minibatch_kernels)(x)
        return {"logits": Dense(1)(x)[:, 0], "features": features}


class GaussianEncoder(nn.Module):
    """[B, ...] -> {"mean": [B, size], "log_variance": [B, size]}. Kingma and Welling 2014, appendix C.2."""

    size: int
    """number of latent variables"""
    features: tuple[int, ...] = (500,)
    """width of each hidden layer"""
    activation: Activation = "tanh"
    """after each hidden layer"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        x = to_compute_dtype(flatten(x), self.precision)
        for width in self.features:
            x = activate(Dense(width)(x), self.activation)
        x = to_float32(x)
        # Two linear layers of the same hidden one, named by what they give.
        return {name: Dense(self.size, name=name)(x) for name in ("mean", "log_variance")}


class MaxoutDiscriminator(nn.Module):
    """Images [B, H, W, C] -> {"logits": [B], "features": [B, F]}. Goodfellow et al. 2014, section 5."""

    features: tuple[int, ...] = (240, 240)
    """units of each maxout layer"""
    pieces: int = 5
    """linear pieces per unit"""
    bound: float = 0.005
    """initial kernels are uniform on [-bound, bound]"""
    input_dropout: float = 0.2
    """share of the pixels that is dropped"""
    dropout: float = 0.5
    """share of the hidden units that is dropped"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        # The authors' pixels are in [0, 1]; it matters here because a dropped pixel is 0: black.
        x = Dropout(self.input_dropout)((to_compute_dtype(flatten(x), self.precision) + 1) / 2)
        for width in self.features:
            # Maxout's pieces replace an activation.
            x = Dropout(self.dropout)(Maxout(width, self.pieces, self.bound)(x))
        x = to_float32(x)
        return {"logits": jnp.squeeze(Dense(1, bound=self.bound)(x), axis=-1), "features": x}


class Autoencoder(nn.Module):
    """[B, *shape] -> {"reconstruction": [B, *shape], "features": its code [B, F]}. Zhao et al. 2017, 4.1."""

    shape: tuple[int, ...]
    """of one example: (H, W, C), or (2,) for points"""
    features: tuple[int, ...] = (256,)
    """width of each layer of the encoder; the last one's output is the code"""
    activation: Activation = "leaky_relu"
    """after each layer of the encoder"""
    output: Activation = "tanh"
    """after the decoder, which is one layer; none for points"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        x = to_compute_dtype(flatten(x), self.precision)
        for width in self.features:
            x = activate(Dense(width)(x), self.activation)
        code = to_float32(x)
        # Decoded from the code in the network's type; only what is given out is widened.
        x = activate(to_float32(Dense(math.prod(self.shape))(x)), self.output)
        return {"reconstruction": x.reshape(-1, *self.shape), "features": code}
