"""The layers that every network shares.

No layer takes a `train` argument. Batch norm uses the batch's statistics where its running statistics may be
written, and dropout drops where there is a stream of random numbers for it: `gaxjax.game` grants both while a
player moves and neither when sampling, so that the switch cannot be forgotten at a call. In a loop of one's
own, where it can, they warn (`gaxjax.game.evaluation_mode`).

Layers compute in the type of what they are given, and give it out; parameters and statistics are float32.
"""

import math
from collections.abc import Sequence
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError
from gaxjax.layers.convolution import Padding, conv, conv_transpose, numbers_per_axis, pads_of
from gaxjax.layers.convolution_cpu import Borders, PerAxis, size_of
from gaxjax.layers.dtypes import match_dtype
from gaxjax.layers.initializers import kernel_init, uniform_init
from gaxjax.layers.mode import DROPOUT, PLAY, warn_of_evaluation

Activation = Literal["relu", "leaky_relu", "elu", "softplus", "tanh", "sigmoid", "none"]


class Conv(nn.Module):
    """A convolution of images [B, H, W, C] or clips [B, T, H, W, C] -> [B, H', W', features] or with T'.

    Parameters as `nn.Conv`'s. A number is the same for all axes.
    """

    features: int
    """output channels"""
    kernel: int | PerAxis = 3
    """sides of the kernel: of squares, cubes, or (t, h, w)"""
    stride: int | PerAxis = 1
    """steps between outputs"""
    padding: Padding | Borders = "same"
    """zeros so that H' = ceil(H / stride); none; as many pixels as `same`, mirrored; or pairs of numbers of
    zeros, before and after, for each axis"""
    bias: bool = True
    """whether to add one number per channel"""
    deviation: float = 0.0
    """standard deviation of the initial kernel, normal; 0: He, for the fan-in"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        window, size = numbers_per_axis("kernel", self.kernel, x.ndim - 2), size_of(x)
        shape = (*window, x.shape[-1], self.features)
        kernel = self.param("kernel", kernel_init(self.deviation), shape)
        pads = pads_of(self.padding, size, window, self.stride)
        if self.padding == "reflect":
            # Mirrored beforehand: `conv` knows zeros alone.
            x, pads = jnp.pad(x, ((0, 0), *pads, (0, 0)), mode="reflect"), ((0, 0),) * len(size)
        return add_bias(self, conv(x, match_dtype(kernel, x), self.stride, pads), self.bias)


class ConvTranspose(nn.Module):
    """A transposed convolution of images or clips, [B, H, W, C] -> [B, H * stride, W * stride, features].

    The input gradient of `Conv` with the same kernel, stride and padding; `size` picks another output size of
    as many inputs, such as 7 for 4 at stride 2. Kernel [k, k, features, C], or [k, k, k, features, C].
    """

    features: int
    """output channels"""
    kernel: int | PerAxis = 4
    """sides of the kernel: of squares, cubes, or (t, h, w)"""
    stride: int | PerAxis = 2
    """steps between outputs per input"""
    padding: Literal["same", "valid"] | Borders = "same"
    """what `Conv`'s is: `same` makes H * stride of H, the others (H - 1) * stride + kernel without the pairs'
    pixels"""
    bias: bool = True
    """whether to add one number per channel"""
    deviation: float = 0.0
    """standard deviation of the initial kernel, normal; 0: He, for the fan-in"""

    @nn.compact
    def __call__(self, x: Array, size: PerAxis | None = None) -> Array:
        window = numbers_per_axis("kernel", self.kernel, x.ndim - 2)
        strides = numbers_per_axis("stride", self.stride, x.ndim - 2)
        # Kernels as of the convolution that this is the transpose of: what it sums over is the last axis.
        init = kernel_init(self.deviation, fan_in_axis=-1, strides=math.prod(strides))
        kernel = self.param("kernel", init, (*window, self.features, x.shape[-1]))
        if self.padding == "reflect":
            raise InputError(
                "ConvTranspose(padding='reflect'): what is mirrored has no transpose here; 'same'"
            )
        if self.padding == "same":
            size = size or tuple(n * s for n, s in zip(size_of(x), strides, strict=True))
        pads = pads_of(self.padding, size or size_of(x), window, strides)
        return add_bias(self, conv_transpose(x, match_dtype(kernel, x), strides, pads, size), self.bias)


class Dense(nn.Module):
    """A linear layer, [..., C] -> [..., features]; parameters as `nn.Dense`'s."""

    features: int
    """outputs"""
    bias: bool = True
    """whether to add one number per output"""
    deviation: float = 0.0
    """standard deviation of the initial kernel, normal; 0: He, for the fan-in"""
    bound: float = 0.0
    """if positive, the initial kernel is uniform on [-bound, bound] instead"""
    start: float = 0.0
    """what the bias begins with"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        init = uniform_init(self.bound) if self.bound > 0 else kernel_init(self.deviation)
        x = x @ match_dtype(self.param("kernel", init, (x.shape[-1], self.features)), x)
        return add_bias(self, x, self.bias, self.start)


class Maxout(nn.Module):
    """The largest of several linear pieces, [B, C] -> [B, features]. Goodfellow et al. 2013, eq. 2."""

    features: int
    """outputs"""
    pieces: int = 5
    """linear pieces per output"""
    bound: float = 0.005
    """the initial kernel is uniform on [-bound, bound]"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        # All pieces of all units in one product: [B, features * pieces].
        pieces = Dense(self.features * self.pieces, bound=self.bound)(x)
        return jnp.max(pieces.reshape(*x.shape[:-1], self.features, self.pieces), axis=-1)


class PReLU(nn.Module):
    """max(x, 0) + slope min(x, 0), with one learned slope for all channels. He et al. 2015, eq. 1."""

    start: float = 0.25
    """what the slope begins with"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        slope = self.param("slope", nn.initializers.constant(self.start), ())
        return jnp.where(x >= 0, x, match_dtype(slope, x) * x)


class Dropout(nn.Module):
    """Zeroes a share of its input and scales up the rest, where there are random numbers for it."""

    rate: float
    """share that is dropped"""
    noise: bool = False
    """whether it also drops where a game samples, as what a generator draws (Isola et al. 2017, 3.2)"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        if self.rate == 0:
            return x
        # As noise it is drawn where latents are: that stream is there whether a player moves or not.
        stream = PLAY if self.noise else DROPOUT
        if not (self.noise or self.has_rng(DROPOUT)):
            warn_of_evaluation(self, "is dropout, and drops nothing", f'rngs={{"{DROPOUT}": key}}')
            return x
        # Scaled up while training, so that evaluation takes the input as it is.
        keep = jax.random.bernoulli(self.make_rng(stream), 1 - self.rate, x.shape)
        return jnp.where(keep, x / (1 - self.rate), 0)


def activate(x: Array, activation: Activation) -> Array:
    """The activation of that name; leaky ReLU has slope 0.2, as in DCGAN."""
    match activation:
        case "relu":
            return jax.nn.relu(x)
        case "leaky_relu":
            return jax.nn.leaky_relu(x, 0.2)
        case "elu":
            return jax.nn.elu(x)
        case "softplus":
            return jax.nn.softplus(x)
        case "tanh":
            return jnp.tanh(x)
        case "sigmoid":  # onto the range of images
            return 2 * jax.nn.sigmoid(x) - 1
        case "none":
            return x
    known = "relu, leaky_relu, elu, softplus, tanh, sigmoid, none"
    raise InputError(f"unknown activation {activation!r}; known: {known}")


def flatten(x: Array) -> Array:
    """[B, ...] -> [B, features]."""
    return x.reshape(x.shape[0], -1)


def halved_sizes(shape: Sequence[int], times: int) -> list[tuple[int, ...]]:
    """The size of an image or a clip, and after each of so many halvings, rounded up: any size has them.

    shape: (H, W, C) or (T, H, W, C), of which all but the channels are halved.

    >>> halved_sizes((28, 20, 1), 2)
    [(28, 20), (14, 10), (7, 5)]
    """
    return [tuple(math.ceil(n / 2**i) for n in shape[:-1]) for i in range(times + 1)]


def add_bias(layer: nn.Module, x: Array, bias: bool, start: float = 0.0) -> Array:
    """Adds the layer's parameter `bias`, one number per channel, if it is to have one."""
    if not bias:
        return x
    constant = layer.param("bias", nn.initializers.constant(start), x.shape[-1:])
    return (x + broadcast_channels(constant, x)).astype(x.dtype)


def broadcast_channels(channels: Array, x: Array) -> Array:
    """[C] with as many axes as x, for adding and multiplying without rank promotion."""
    return channels.reshape((1,) * (x.ndim - 1) + channels.shape)
