"""Image-to-image networks of CycleGAN and pix2pix. Zhu et al. 2017, appendix 7.2; Isola et al. 2017."""

from collections.abc import Callable

import flax.linen as nn
import jax
from jax import Array

from gaxjax.errors import InputError
from gaxjax.layers.convolution import Padding
from gaxjax.layers.dtypes import Precision, to_compute_dtype, to_float32
from gaxjax.layers.norms import Norm, normalize
from gaxjax.layers.recomputation import apply_block
from gaxjax.layers.standard import Conv, ConvTranspose, activate


class ResidualGenerator(nn.Module):
    """Images [B, H, W, C] -> images [B, H, W, channels]: down twice, residual blocks, up twice."""

    channels: int = 3
    """of the images it makes"""
    features: int = 64
    """channels at full size; doubled at each of two halvings"""
    blocks: int = 6
    """residual blocks (the paper: 6 at 128 px, 9 from 256 px)"""
    kernel: int = 3
    """side of the kernels that halve and double the size (StarGAN: 4)"""
    padding: Padding = "reflect"
    """of the other convolutions; same: zeros, which label maps need (StarGAN)"""
    norm: Norm = "instance"
    """after every convolution but the last"""
    bias: bool = True
    """whether convolutions before a norm have one, which takes it away again; the authors' have"""
    deviation: float = 0.02
    """standard deviation of the initial kernels"""
    recompute: bool = False
    """whether blocks are computed again in the backward pass instead of kept: less memory, more time"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        bias = self.bias or self.norm == "none"

        def layer(x: Array, width: int, kernel: int, stride: int = 1) -> Array:
            # A stride's border is zeros in the authors' code; everywhere else it is mirrored. Of a label map
            # that is mirrored a convolution makes one number all over, which instance norm takes away again:
            # with zeros the border tells the labels.
            padding: Padding = "same" if stride > 1 else self.padding
            x = Conv(width, kernel, stride, padding, bias, self.deviation)(x)
            return normalize(x, self.norm)

        def conv_layer(width: int, kernel: int, stride: int = 1) -> Callable[[nn.Module, Array], Array]:
            return lambda _, x: jax.nn.relu(layer(x, width, kernel, stride))

        def residual(width: int) -> Callable[[nn.Module, Array], Array]:
            # No ReLU after the sum, as in Johnson et al.
            return lambda _, x: x + layer(jax.nn.relu(layer(x, width, 3)), width, 3)

        def up_layer(width: int, size: tuple[int, int]) -> Callable[[nn.Module, Array], Array]:
            def body(_: nn.Module, x: Array) -> Array:
                x = ConvTranspose(width, self.kernel, bias=bias, deviation=self.deviation)(x, size)
                return jax.nn.relu(normalize(x, self.norm))

            return body

        sizes = []
        width, x = self.features, to_compute_dtype(x, self.precision)
        x = apply_block(self, self.recompute, conv_layer(width, 7), x)
        for _ in range(2):
            # Remembered: of an odd size, doubling its half would be one too many.
            sizes.append((x.shape[1], x.shape[2]))
            width *= 2
            x = apply_block(self, self.recompute, conv_layer(width, self.kernel, 2), x)
        for _ in range(self.blocks):
            x = apply_block(self, self.recompute, residual(width), x)
        for size in reversed(sizes):
            width //= 2
            x = apply_block(self, self.recompute, up_layer(width, size), x)
        x = Conv(self.channels, 7, padding=self.padding, deviation=self.deviation)(x)
        return activate(to_float32(x), "tanh")


class PatchDiscriminator(nn.Module):
    """Images [B, H, W, C] -> logits [B, h, w], one for each overlapping patch. Isola et al. 2017, 3.2.2."""

    features: int = 64
    """channels after the first layer"""
    patch: int = 70
    """side of the patches in pixels: 16, 34, 70, 142, 286 and on, by a halving more for each; or 1"""
    norm: Norm = "instance"
    """after every convolution but the first and the last"""
    deviation: float = 0.02
    """standard deviation of the initial kernels"""
    recompute: bool = False
    """whether layers are computed again in the backward pass instead of kept: less memory, more time"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        halvings = count_halvings(self.patch)
        # Of single pixels: as many layers as patches of 16 have, and no neighbors.
        kernel, depth = (4, halvings) if halvings else (1, 1)

        def layer(level: int) -> Callable[[nn.Module, Array], Array]:
            def body(_: nn.Module, x: Array) -> Array:
                # The last two convolutions move by one pixel: patches overlap, a logit for each.
                stride = 2 if level < halvings else 1
                norm: Norm = self.norm if level else "none"
                width = count_channels(self.features, level)
                x = Conv(width, kernel, stride, bias=norm == "none", deviation=self.deviation)(x)
                return activate(normalize(x, norm), "leaky_relu")

            return body

        x = to_compute_dtype(x, self.precision)
        for level in range(depth + 1):
            x = apply_block(self, self.recompute, layer(level), x)
        # [B, h, w, 1] -> [B, h, w]; without a norm, as a logit's mean is its message.
        return Conv(1, kernel, deviation=self.deviation)(to_float32(x))[..., 0]


def count_channels(features: int, level: int) -> int:
    """Channels after so many halvings: doubled by each, to eight times the first, as in pix2pix's code."""
    return features * 2 ** min(level, 3)


def count_halvings(patch: int) -> int:
    """How often the size halves where each logit sees a patch of that side; InputError if none would.

    >>> [count_halvings(patch) for patch in (1, 16, 70)]
    [0, 1, 3]
    """
    if patch == 1:
        return 0
    # Two convolutions of 4 at the smallest size see 7 of its pixels, and one more halving 2 n + 2.
    side, halvings = 16, 1
    while side < patch:
        side, halvings = 2 * side + 2, halvings + 1
    if side != patch:
        raise InputError(f"PatchDiscriminator(patch={patch}): patches are of 1, 16, 34, 70, 142, 286, ...")
    return halvings
