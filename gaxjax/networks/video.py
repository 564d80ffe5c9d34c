"""Networks of VGAN: clips made whole, by convolutions over space and time. Vondrick et al. 2016, 1609.02612.

A generator of one stream is `networks.dcgan.Generator` of a clip's shape, and the discriminator of clips is
that file's too. Its one logit is the difference of the two that the authors' code has: a softmax of two is
the sigmoid of that.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.layers.dtypes import Precision, to_compute_dtype, to_float32
from gaxjax.layers.norms import Norm, normalize
from gaxjax.layers.recomputation import apply_block
from gaxjax.layers.standard import Conv, ConvTranspose, activate, halved_sizes
from gaxjax.networks import dcgan


def compose(mask: Array, foreground: Array, background: Array) -> Array:
    """m * f + (1 - m) * b of masks [B, T, H, W, 1], clips, and images that stand still."""
    # One image for all frames: nothing that moves can be of the background.
    return mask * foreground + (1 - mask) * background[:, None]


class TwoStreams(nn.Module):
    """Codes -> {"background": images, "foreground": clips, "mask": [B, T, H, W, 1], "video": clips}.

    Codes are [B, L], or maps [B, h, w, F] of the smallest size, such as an encoder's. Masks are in [0, 1].
    """

    shape: tuple[int, int, int, int]
    """(T, H, W, C) of the clips"""
    features: int = 64
    """channels before either stream's last layer; doubled towards the codes"""
    depth: int = 4
    """number of times the size doubles, of frames too"""
    norm: Norm = "batch"
    """after every layer but the last"""
    deviation: float = 0.01
    """standard deviation of the initial kernels; 0: He"""
    recompute: bool = False
    """whether layers are computed again in the backward pass instead of kept: less memory, more time"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, codes: Array) -> dict[str, Array]:
        *size, channels = self.shape
        shared = {name: getattr(self, name) for name in ("norm", "deviation", "recompute", "precision")}
        still = dcgan.Generator(self.shape[1:], self.features, self.depth, name="background", **shared)
        # Clip and mask come of one trunk by a layer each: side by side, one layer with a channel more.
        moving = dcgan.Generator(
            (*size, channels + 1), self.features, self.depth, output="none", name="foreground", **shared
        )
        background = still(codes)
        x = moving(codes if codes.ndim == 2 else self.spread_maps(codes))
        foreground, mask = jnp.tanh(x[..., :channels]), jax.nn.sigmoid(x[..., channels:])
        video = compose(mask, foreground, background)
        return {"background": background, "foreground": foreground, "mask": mask, "video": video}

    def spread_maps(self, maps: Array) -> Array:
        """Maps [B, h, w, F] over the frames of the smallest size, [B, t, h, w, F]."""
        frames = halved_sizes(self.shape, self.depth)[-1][0]
        x = to_compute_dtype(maps, self.precision)[:, None]
        # A kernel of its own for each frame, and of one pixel: 2 x 1 x 1 in the authors' code.
        bias = self.norm == "none"
        layer = ConvTranspose(
            x.shape[-1],
            (frames, 1, 1),
            1,
            padding="valid",
            bias=bias,
            deviation=self.deviation,
            name="spread",
        )
        return activate(normalize(layer(x), self.norm), "relu")


class Encoder(nn.Module):
    """Frames [B, H, W, C] -> maps [B, h, w, F], from which `TwoStreams` of such features and depth starts."""

    features: int = 128
    """channels after the first layer; doubled at each further halving"""
    depth: int = 4
    """number of times the size halves"""
    norm: Norm = "batch"
    """after every layer but the first"""
    deviation: float = 0.01
    """standard deviation of the initial kernels; 0: He"""
    recompute: bool = False
    """whether layers are computed again in the backward pass instead of kept: less memory, more time"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        def layer(level: int) -> Callable[[nn.Module, Array], Array]:
            def body(_: nn.Module, x: Array) -> Array:
                # None at the pixels, as in the discriminator.
                norm: Norm = self.norm if level else "none"
                width, bias = self.features * 2**level, norm == "none"
                x = Conv(width, 4, 2, bias=bias, deviation=self.deviation)(x)
                return activate(normalize(x, norm), "relu")

            return body

        x = to_compute_dtype(x, self.precision)
        for level in range(self.depth):
            x = apply_block(self, self.recompute, layer(level), x)
        return to_float32(x)
