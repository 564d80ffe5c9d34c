"""Layers of Salimans et al. 2016: weights whose length is a number of its own, and noise between layers."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError
from gaxjax.layers.dtypes import match_dtype
from gaxjax.layers.mode import DROPOUT, warn_of_evaluation
from gaxjax.layers.standard import add_bias


class WeightNormDense(nn.Module):
    """A linear layer with weights v g / |v| of each output. Salimans and Kingma 2016, eq. 2.

    [B, C] -> [B, features]. The authors' first minibatch sets g so that outputs have variance 1; here g is
    given, which needs no data: for inputs of variance s^2 each, 1 / s does the same.
    """

    features: int
    """outputs"""
    length: float = 1.0
    """g, at first"""
    train_length: bool = True
    """whether each output's g is a parameter; else it stays, and the noise before a layer keeps its weight"""
    deviation: float = 0.1
    """standard deviation of the initial v, normal, of which the direction alone counts"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        # Named as in other layers, so that transforms of kernels find it.
        shape = (x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.normal(self.deviation), shape)
        # A small number under the root, as in the authors' code: a column of zeros has a direction too.
        inverse = jax.lax.rsqrt(jnp.sum(kernel**2, axis=0, keepdims=True) + 1e-6)
        # A number of the module where it stays: a parameter would be moved by weight decay all the same.
        length: Array | float = self.length
        if self.train_length:
            lengths = self.param("length", nn.initializers.constant(self.length), shape[1:])
            length = lengths[None]
        return add_bias(self, x @ match_dtype(kernel * (length * inverse), x), True)


class GaussianNoise(nn.Module):
    """Adds N(0, deviation^2) to each number, where there are random numbers for it, as dropout has them."""

    deviation: float
    """of the noise"""

    def __post_init__(self) -> None:
        if self.deviation < 0:
            raise InputError(f"GaussianNoise(deviation={self.deviation}): must be 0 or more")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        if self.deviation == 0:
            return x
        if not self.has_rng(DROPOUT):
            warn_of_evaluation(self, "is noise, and adds none", f'rngs={{"{DROPOUT}": key}}')
            return x
        # Dropout's own stream: both are noise of training, and a game hands out one key for it.
        return x + self.deviation * jax.random.normal(self.make_rng(DROPOUT), x.shape, x.dtype)
