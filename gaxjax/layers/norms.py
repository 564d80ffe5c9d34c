"""Norms, by the names that networks' fields `norm` have. Statistics are float32, whatever is normalized."""

from typing import ClassVar, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError
from gaxjax.layers.dtypes import check_floating, to_float32
from gaxjax.layers.initializers import around_one_init
from gaxjax.layers.mode import warn_of_evaluation
from gaxjax.layers.modules import Mixing
from gaxjax.layers.standard import broadcast_channels

Norm = Literal["batch", "instance", "scaled_instance", "layer", "none"]


class BatchNorm(nn.Module):
    """Batch normalization over all axes but the last, of points, images or clips. Ioffe and Szegedy 2015.

    While a player moves: the (global) batch's statistics; the running ones follow. Else: the running ones.
    """

    momentum: float = 0.9
    """share of the old running statistics that a batch leaves"""
    epsilon: float = 1e-5
    """added to the variance"""
    deviation: float = 0.02
    """standard deviation of the initial scale around 1 (DCGAN's code: 0.02)"""

    mixes_examples: ClassVar = Mixing("batch norm", 'norm="layer", "instance" or "none"')

    @nn.compact
    def __call__(self, x: Array) -> Array:
        check_floating(x)
        # The switch: statistics may be written while a player moves, and never where a game samples.
        training = self.is_mutable_collection("batch_stats")
        channels = x.shape[-1:]
        mean = self.variable("batch_stats", "mean", jnp.zeros, channels)
        variance = self.variable("batch_stats", "var", jnp.ones, channels)
        if training:
            axes, wide = tuple(range(x.ndim - 1)), to_float32(x)
            # Of the whole batch, on however many devices: XLA adds up their parts.
            batch_mean = jnp.mean(wide, axes)
            # E x^2 - (E x)^2 reads x once, where deviations from the mean would read it twice; rounding may
            # end below 0.
            batch_variance = jnp.mean(jnp.square(wide), axes) - jnp.square(batch_mean)
            batch_variance = jnp.maximum(batch_variance, 0.0)
            if not self.is_initializing():
                mean.value = self.momentum * mean.value + (1 - self.momentum) * batch_mean
                # The biased variance, as in flax; PyTorch keeps n / (n - 1) times as much.
                variance.value = self.momentum * variance.value + (1 - self.momentum) * batch_variance
        else:
            what = "is batch norm, and normalizes by its running statistics"
            warn_of_evaluation(self, what, 'mutable=["batch_stats"] and keep what it gives back')
            batch_mean, batch_variance = mean.value, variance.value
        scale = self.param("scale", around_one_init(self.deviation), channels)
        # One product and one sum for each pixel; both numbers are float32, whatever x is.
        factor = scale * jax.lax.rsqrt(batch_variance + self.epsilon)
        shift = self.param("bias", nn.initializers.zeros, channels) - batch_mean * factor
        return (x * broadcast_channels(factor, x) + broadcast_channels(shift, x)).astype(x.dtype)


class InstanceNorm(nn.Module):
    """`instance_norm` with a scale and a bias: batch norm of a minibatch of one, whatever the minibatch.

    At test time too. Parameters as `nn.InstanceNorm`'s.
    """

    deviation: float = 0.02
    """standard deviation of the initial scale around 1 (DCGAN's code: 0.02)"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        channels = x.shape[-1:]
        scale = self.param("scale", around_one_init(self.deviation), channels)
        bias = self.param("bias", nn.initializers.zeros, channels)
        return instance_norm(x, broadcast_channels(scale, x), broadcast_channels(bias, x))


def normalize(x: Array, norm: Norm) -> Array:
    """The layer of that name, inside a compact method."""
    check_floating(x)
    match norm:
        case "batch":
            return BatchNorm()(x)
        case "instance":
            return instance_norm(x)
        case "scaled_instance":
            return InstanceNorm()(x)
        case "layer":
            # Over channels and pixels of an example: no other example comes in, and per-example penalties
            # hold.
            return nn.LayerNorm(reduction_axes=tuple(range(1, x.ndim)))(x).astype(x.dtype)
        case "none":
            return x
    raise InputError(f"unknown norm {norm!r}; known: batch, instance, scaled_instance, layer, none")


def instance_norm(x: Array, scale: Array | float = 1.0, bias: Array | float = 0.0) -> Array:
    """Each channel of each example to a mean and a deviation, numbers or [1, ..., C]. Ulyanov et al. 2016."""
    axes, wide = tuple(range(1, x.ndim - 1)), to_float32(x)
    mean = jnp.mean(wide, axes, keepdims=True)
    variance = jnp.maximum(jnp.mean(jnp.square(wide), axes, keepdims=True) - jnp.square(mean), 0.0)
    # One product and one sum for each pixel. Not (x - mean) factor, of whose gradient deviations from the
    # mean are written down to be summed up. Nor scale times what is normalized, whose gradient sends the
    # TPU's compiler (libtpu 0.0.42) down without an end in some networks.
    factor = scale * jax.lax.rsqrt(variance + 1e-5)
    return (wide * factor + (bias - mean * factor)).astype(x.dtype)
