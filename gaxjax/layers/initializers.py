"""Distributions that parameters begin with, as functions of (key, shape, dtype)."""

import math
from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array


def kernel_init(deviation: float, fan_in_axis: int = -2, strides: int = 1) -> nn.initializers.Initializer:
    """N(0, deviation^2), or He et al. 2015 for leaky ReLU's and ReLU's fan-in where deviation is 0.

    The fan-in of a transposed convolution is what one output pixel sums over: 1 / strides of the kernel, with
    the product of the strides of its axes.
    """

    def init(key: Array, shape: Sequence[int], dtype: jnp.dtype = jnp.float32) -> Array:
        # A dense kernel is [C, features]; of a convolution the window before them counts too.
        fan_in = math.prod(shape[:-2]) * shape[fan_in_axis] / strides
        return jax.random.normal(key, shape, dtype) * (deviation or math.sqrt(2 / fan_in))

    return init


def uniform_init(bound: float) -> nn.initializers.Initializer:
    """Uniform on [-bound, bound]."""

    def init(key: Array, shape: Sequence[int], dtype: jnp.dtype = jnp.float32) -> Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


def around_one_init(deviation: float) -> nn.initializers.Initializer:
    """N(1, deviation^2)."""

    def init(key: Array, shape: Sequence[int], dtype: jnp.dtype = jnp.float32) -> Array:
        return 1 + deviation * jax.random.normal(key, shape, dtype)

    return init
