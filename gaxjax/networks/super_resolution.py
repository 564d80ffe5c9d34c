"""SRResNet, and the discriminator of SRGAN. Ledig et al. 2017, figure 4."""

from collections.abc import Callable

import flax.linen as nn
from jax import Array

from gaxjax.errors import InputError
from gaxjax.layers.dtypes import Precision, to_compute_dtype, to_float32
from gaxjax.layers.norms import Norm, normalize
from gaxjax.layers.recomputation import apply_block
from gaxjax.layers.resampling import pixel_shuffle
from gaxjax.layers.standard import Conv, Dense, PReLU, activate, flatten


class Generator(nn.Module):
    """Images [B, H, W, C] of any size -> images [B, scale H, scale W, channels]: SRResNet."""

    channels: int = 3
    """of the images it makes"""
    scale: int = 4
    """how many times larger these are: 2, 4, 8 or 16 by doubling, or 3"""
    features: int = 64
    """channels of all layers but the last"""
    blocks: int = 16
    """residual blocks, all at the size of the input"""
    norm: Norm = "batch"
    """in the blocks, and after them"""
    recompute: bool = False
    """whether blocks are computed again in the backward pass instead of kept: less memory, more time"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        def layer(x: Array) -> Array:
            # With a bias under the norm too, as the count of parameters has it (1,549,462 for scale 4).
            return normalize(Conv(self.features)(x), self.norm)

        def residual(_: nn.Module, x: Array) -> Array:
            # Nothing after the sum: the skips from block to block are the identity.
            return x + layer(PReLU()(layer(x)))

        def enlarge(factor: int) -> Callable[[nn.Module, Array], Array]:
            return lambda _, x: PReLU()(pixel_shuffle(Conv(self.features * factor**2)(x), factor))

        x = to_compute_dtype(x, self.precision)
        x = first = PReLU()(Conv(self.features, 9)(x))
        for _ in range(self.blocks):
            x = apply_block(self, self.recompute, residual, x)
        x = first + layer(x)
        # Only now larger: all that is before costs scale^2 times less.
        for factor in factors_of(self.scale):
            x = apply_block(self, self.recompute, enlarge(factor), x)
        return to_float32(Conv(self.channels, 9)(x))


def factors_of(scale: int) -> tuple[int, ...]:
    """How an image is enlarged step by step; InputError for a scale that no steps make.

    >>> factors_of(4), factors_of(3)
    ((2, 2), (3,))
    """
    if scale == 3:
        return (3,)
    if scale not in (2, 4, 8, 16):
        raise InputError(f"scale is 2, 3, 4, 8 or 16; got {scale}")
    return (2,) * (scale.bit_length() - 1)


class Discriminator(nn.Module):
    """Images [B, H, W, C] -> logits [B]; each width is used twice, the second time with stride 2."""

    features: int = 64
    """channels of the first two layers; doubled at each further halving"""
    depth: int = 4
    """number of times the size halves"""
    hidden: int = 1024
    """width of the fully connected layer"""
    norm: Norm = "batch"
    """after every convolution but the first"""
    recompute: bool = False
    """whether layers are computed again in the backward pass instead of kept: less memory, more time"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        def layer(level: int, stride: int) -> Callable[[nn.Module, Array], Array]:
            norm: Norm = self.norm if level or stride > 1 else "none"

            def body(_: nn.Module, x: Array) -> Array:
                x = Conv(self.features * 2**level, 3, stride, bias=norm == "none")(x)
                return activate(normalize(x, norm), "leaky_relu")

            return body

        x = to_compute_dtype(x, self.precision)
        for level in range(self.depth):
            for stride in (1, 2):
                x = apply_block(self, self.recompute, layer(level, stride), x)
        # No global pooling: as the paper's, it is for images of one size.
        x = activate(Dense(self.hidden)(flatten(x)), "leaky_relu")
        return Dense(1)(to_float32(x))[:, 0]
