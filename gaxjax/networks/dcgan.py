"""Strided convolutions down, transposed convolutions up. Radford et al. 2016, section 3.

Any height and width: sizes are halved and rounded up, so 28 x 28 goes through 14 and 7 to 4.
"""

from collections.abc import Callable

import flax.linen as nn
from jax import Array

from gaxjax.networks.layers import (
    Activation,
    Conv,
    ConvTranspose,
    Dense,
    Norm,
    Precision,
    activate,
    flatten,
    halvings,
    narrowed,
    normalize,
    widened,
)
from gaxjax.networks.minibatch import MinibatchDiscrimination
from gaxjax.networks.recomputation import block


class Generator(nn.Module):
    """Latents [B, L] -> images [B, *shape]; widths double towards the latents."""

    shape: tuple[int, int, int]
    """(H, W, C) of the images"""
    features: int = 64
    """channels before the last layer"""
    depth: int = 4
    """number of times the size doubles"""
    kernel: int = 4
    """side of the kernels (the authors' code: 5)"""
    norm: Norm = "batch"
    """after every layer but the last"""
    output: Activation = "tanh"
    """after the last layer"""
    deviation: float = 0.02
    """standard deviation of the initial kernels; 0: He"""
    recompute: bool = False
    """whether layers are computed again in the backward pass instead of kept: less memory, more time"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, latents: Array) -> Array:
        *sizes, (height, width) = halvings(self.shape, self.depth)
        channels = self.features * 2 ** (self.depth - 1)
        bias = self.norm == "none"  # a norm takes every channel's mean away again
        x = narrowed(latents, self.precision)
        x = Dense(height * width * channels, bias=bias, deviation=self.deviation)(x)
        x = activate(normalize(x.reshape(-1, height, width, channels), self.norm), "relu")

        def layer(channels: int, size: tuple[int, int]) -> Callable[[nn.Module, Array], Array]:
            def body(_: nn.Module, x: Array) -> Array:
                x = ConvTranspose(channels, self.kernel, bias=bias, deviation=self.deviation)(x, size)
                return activate(normalize(x, self.norm), "relu")

            return body

        for size in reversed(sizes[1:]):
            channels //= 2
            x = block(self, self.recompute, layer(channels, size), x)
        x = ConvTranspose(self.shape[-1], self.kernel, deviation=self.deviation)(x, sizes[0])
        return activate(widened(x), self.output)


class Discriminator(nn.Module):
    """Images [B, H, W, C] -> logits [B]; widths double away from the image."""

    features: int = 64
    """channels after the first layer"""
    depth: int = 4
    """number of times the size halves"""
    kernel: int = 4
    """side of the kernels (the authors' code: 5)"""
    norm: Norm = "batch"
    """after every convolution but the first"""
    deviation: float = 0.02
    """standard deviation of the initial kernels; 0: He"""
    minibatch_kernels: int = 0
    """of minibatch discrimination before the last layer; 0 for none"""
    recompute: bool = False
    """whether layers are computed again in the backward pass instead of kept: less memory, more time"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        def layer(level: int) -> Callable[[nn.Module, Array], Array]:
            def body(_: nn.Module, x: Array) -> Array:
                norm: Norm = self.norm if level else "none"
                bias = norm == "none"
                x = Conv(self.features * 2**level, self.kernel, 2, bias=bias, deviation=self.deviation)(x)
                return activate(normalize(x, norm), "leaky_relu")

            return body

        x = narrowed(x, self.precision)
        for level in range(self.depth):
            x = block(self, self.recompute, layer(level), x)
        x = widened(flatten(x))
        self.sow("intermediates", "features", x)
        if self.minibatch_kernels:
            x = MinibatchDiscrimination(self.minibatch_kernels)(x)
        return Dense(1, deviation=self.deviation)(x)[:, 0]
