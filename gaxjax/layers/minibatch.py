"""Layers that look at a whole minibatch, so that a discriminator sees when all examples are alike."""

from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.layers.dtypes import to_float32
from gaxjax.layers.modules import Mixing
from gaxjax.layers.standard import Dense


class MinibatchDiscrimination(nn.Module):
    """How near each example is to the others: [B, F] -> [B, F + kernels]. Salimans et al. 2016, section 3.2.

    With M = x T, [B, kernels, dimensions], the new features are o_b = sum over c != b of exp(-|M_b - M_c|_1).
    All of it in float32.
    """

    kernels: int = 100
    """features that are added"""
    dimensions: int = 5
    """in which distances are taken"""

    mixes_examples: ClassVar = Mixing("minibatch discrimination", "minibatch_kernels 0")

    @nn.compact
    def __call__(self, x: Array) -> Array:
        x = to_float32(x)
        projected = Dense(self.kernels * self.dimensions, bias=False)(x)
        projected = projected.reshape(-1, self.kernels, self.dimensions)
        # [B, 1, K, D] with [1, B, K, D] -> [B, B, K].
        distances = jnp.sum(jnp.abs(projected[:, None] - projected[None]), axis=-1)
        near = jnp.sum(jnp.exp(-distances), axis=1) - 1  # without the example itself
        # The authors' code adds a bias that begins at -1.
        bias = self.param("bias", nn.initializers.constant(-1.0), (self.kernels,))
        return jnp.concatenate([x, near + jax.lax.expand_dims(bias, (0,))], axis=-1)
