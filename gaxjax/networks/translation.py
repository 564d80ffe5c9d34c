"""Image-to-image networks of CycleGAN. Zhu et al. 2017, appendix 7.2, after Johnson et al., Isola et al."""

import flax.linen as nn
import jax
from jax import Array

from gaxjax.networks.layers import Conv, ConvTranspose, Norm, Padding, activate, normalize


class ResidualGenerator(nn.Module):
    """Images [B, H, W, C] -> images [B, H, W, channels]: down twice, residual blocks, up twice."""

    channels: int = 3
    """of the images it makes"""
    features: int = 64
    """channels at full size; doubled at each of two halvings"""
    blocks: int = 6
    """residual blocks (the paper: 6 at 128 px, 9 from 256 px)"""
    norm: Norm = "instance"
    """after every convolution but the last"""
    deviation: float = 0.02
    """standard deviation of the initial kernels"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        bias = self.norm == "none"  # a norm takes every channel's mean away again

        def layer(x: Array, width: int, kernel: int, stride: int = 1) -> Array:
            # A stride's border is zeros in the authors' code; everywhere else it is mirrored.
            padding: Padding = "same" if stride > 1 else "reflect"
            x = Conv(width, kernel, stride, padding, bias, self.deviation)(x)
            return normalize(x, self.norm)

        sizes = []
        width = self.features
        x = jax.nn.relu(layer(x, width, 7))
        for _ in range(2):
            sizes.append((x.shape[1], x.shape[2]))
            width *= 2
            x = jax.nn.relu(layer(x, width, 3, 2))
        for _ in range(self.blocks):
            x = x + layer(jax.nn.relu(layer(x, width, 3)), width, 3)
        for size in reversed(sizes):
            width //= 2
            x = ConvTranspose(width, 3, bias=bias, deviation=self.deviation)(x, size)
            x = jax.nn.relu(normalize(x, self.norm))
        return activate(Conv(self.channels, 7, padding="reflect", deviation=self.deviation)(x), "tanh")


class PatchDiscriminator(nn.Module):
    """Images [B, H, W, C] -> logits [B, h, w], one for each overlapping patch. Isola et al. 2017, 3.2.2."""

    features: int = 64
    """channels after the first layer"""
    depth: int = 3
    """number of times the size halves (3: patches of 70 x 70)"""
    norm: Norm = "instance"
    """after every convolution but the first and the last"""
    deviation: float = 0.02
    """standard deviation of the initial kernels"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        for level in range(self.depth + 1):
            stride = 2 if level < self.depth else 1
            width = self.features * 2 ** min(level, 3)
            norm: Norm = self.norm if level else "none"
            x = Conv(width, 4, stride, bias=norm == "none", deviation=self.deviation)(x)
            x = activate(normalize(x, norm), "leaky_relu")
        return Conv(1, 4, deviation=self.deviation)(x)[..., 0]
