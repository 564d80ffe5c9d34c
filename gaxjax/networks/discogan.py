"""Networks of DiscoGAN: 4 x 4 convolutions down and up again. Kim et al. 2017, section 3.1, and its code.

Any height and width: sizes are halved and rounded up on the way down, and come back on the way up.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
from jax import Array

from gaxjax.layers.dtypes import Precision, to_compute_dtype, to_float32
from gaxjax.layers.norms import Norm, normalize
from gaxjax.layers.recomputation import apply_block
from gaxjax.layers.standard import Activation, Conv, ConvTranspose, Dense, activate, flatten


def down_layer(width: int, stride: int, norm: Norm, deviation: float) -> Callable[[nn.Module, Array], Array]:
    """A layer on the way down, [B, H, W, C] -> [B, H / stride, W / stride, width]."""

    def body(_: nn.Module, x: Array) -> Array:
        # No bias, norm or not, as in the code.
        x = Conv(width, 4, stride, bias=False, deviation=deviation)(x)
        return activate(normalize(x, norm), "leaky_relu")

    return body


class Generator(nn.Module):
    """Images [B, H, W, C] -> images [B, H, W, channels]: halved to a code, and doubled again; no skips."""

    channels: int = 3
    """of the images it makes"""
    features: int = 64
    """channels after the first layer; doubled at each further halving"""
    depth: int = 4
    """number of times the size halves"""
    code: int = 0
    """channels between the two ways, at a quarter of the smallest size (the code: 100, for rotations); 0: no
    such layer"""
    norm: Norm = "batch"
    """after every layer but the first and the last"""
    output: Activation = "sigmoid"
    """after the last layer, onto the range of images"""
    deviation: float = 0.02
    """standard deviation of the initial kernels"""
    recompute: bool = False
    """whether layers are computed again in the backward pass instead of kept: less memory, more time"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        def up_layer(width: int, stride: int, size: tuple[int, int]) -> Callable[[nn.Module, Array], Array]:
            def body(_: nn.Module, x: Array) -> Array:
                x = ConvTranspose(width, 4, stride, bias=False, deviation=self.deviation)(x, size)
                return activate(normalize(x, self.norm), "relu")

            return body

        widths = [self.features * 2**level for level in range(self.depth)]
        down = [(width, 2) for width in widths] + [(self.code, 4)] * bool(self.code)
        # What a layer on the way up gives is what its partner on the way down was given; the last is apart.
        up, sizes = [self.channels, *widths][: len(down)], []
        x = to_compute_dtype(x, self.precision)
        for level, (width, stride) in enumerate(down):
            sizes.append((x.shape[1], x.shape[2]))
            layer = down_layer(width, stride, self.norm if level else "none", self.deviation)
            x = apply_block(self, self.recompute, layer, x)
        # Each to the size that its partner began from: doubling a rounded half would be one too many.
        for level in reversed(range(1, len(down))):
            x = apply_block(self, self.recompute, up_layer(up[level], down[level][1], sizes[level]), x)
        x = ConvTranspose(self.channels, 4, bias=False, deviation=self.deviation)(x, sizes[0])
        return activate(to_float32(x), self.output)


class Discriminator(nn.Module):
    """Images [B, H, W, C] -> {"logits": [B], "features": those of each layer but the first}."""

    features: int = 64
    """channels after the first layer; doubled at each further halving"""
    depth: int = 4
    """number of times the size halves"""
    norm: Norm = "batch"
    """after every layer but the first and the last"""
    deviation: float = 0.02
    """standard deviation of the initial kernels"""
    recompute: bool = False
    """whether layers are computed again in the backward pass instead of kept: less memory, more time"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Any]:
        x = to_compute_dtype(x, self.precision)
        features = []
        for level in range(self.depth):
            norm: Norm = self.norm if level else "none"
            layer = down_layer(self.features * 2**level, 2, norm, self.deviation)
            x = apply_block(self, self.recompute, layer, x)
            features.append(to_float32(x))
        # A convolution as large as what is left, as one product: any size of images.
        logits = Dense(1, bias=False, deviation=self.deviation)(flatten(features[-1]))[:, 0]
        return {"logits": logits, "features": tuple(features[1:])}
