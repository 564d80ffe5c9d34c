"""The U-Net of pix2pix, and the same without skips. Isola et al. 2017, section 3.2.1 and appendix 6.1."""

from collections.abc import Callable
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError
from gaxjax.layers.conditioning import concatenate
from gaxjax.layers.dtypes import Precision, to_compute_dtype, to_float32
from gaxjax.layers.norms import Norm, normalize
from gaxjax.layers.recomputation import apply_block
from gaxjax.layers.standard import Conv, ConvTranspose, Dropout, activate
from gaxjax.networks.translation import count_channels


class UNet(nn.Module):
    """Images [B, H, W, C], and latents [B, L] if it is given any -> images [B, H, W, channels].

    Down by halves to a bottleneck, and up again beside what was on the way. Its noise is dropout, which it
    also has where a game samples. InputError for sides that are no multiple of `size_multiple`.
    """

    channels: int = 3
    """of the images it makes"""
    features: int = 64
    """channels after the first halving; doubled at each of the next three"""
    depth: int = 8
    """number of times the size halves (256 px: 8, down to a single pixel)"""
    skips: bool = True
    """whether each decoder layer also sees the encoder's output of its size; if not, an encoder-decoder"""
    norm: Norm = "scaled_instance"
    """after every convolution but the first, the bottleneck's and the last"""
    dropout: float = 0.5
    """share that is dropped after each of the first decoder layers"""
    dropout_layers: int = 3
    """how many layers these are, from the bottleneck on"""
    latents: Literal["input", "all"] = "input"
    """what latents are concatenated to: the image, or every encoder layer's input (Zhu et al. 2017b)"""
    deviation: float = 0.02
    """standard deviation of the initial kernels"""
    recompute: bool = False
    """whether layers are computed again in the backward pass instead of kept: less memory, more time"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @property
    def size_multiple(self) -> int:
        """What both sides of an image have to be a multiple of."""
        return 2**self.depth

    @nn.compact
    def __call__(self, x: Array, latents: Array | None = None) -> Array:
        if x.shape[1] % self.size_multiple or x.shape[2] % self.size_multiple:
            raise InputError(
                f"UNet(depth={self.depth}) takes images whose sides are multiples of {self.size_multiple}; "
                f"these are {x.shape[1]} x {x.shape[2]}: set its depth, or the data's shape"
            )
        x = to_compute_dtype(x, self.precision)
        outputs: list[Array] = []
        for level in range(self.depth):
            # As planes, of one number each: deeper layers see them again where all do.
            if latents is not None and (level == 0 or self.latents == "all"):
                x = concatenate(x, latents)
            x = apply_block(self, self.recompute, self._down(level), x)
            outputs.append(x)
        for level in reversed(range(1, self.depth)):
            x = apply_block(self, self.recompute, self._up(level), x)
            if self.skips:
                # Before its activation, where the authors' has a leaky ReLU: ReLU makes the same of both.
                x = jnp.concatenate([x, outputs[level - 1]], axis=-1)
        # The only bias where there are norms: these take every channel's mean away again.
        x = ConvTranspose(self.channels, deviation=self.deviation)(jax.nn.relu(x))
        return activate(to_float32(x), "tanh")

    def _down(self, level: int) -> Callable[[nn.Module, Array], Array]:
        # Of a single pixel the norm would leave nothing: the paper's own later correction.
        plain = level in (0, self.depth - 1)

        def body(_: nn.Module, x: Array) -> Array:
            x = activate(x, "leaky_relu") if level else x
            width = count_channels(self.features, level)
            x = Conv(width, 4, 2, bias=self.norm == "none", deviation=self.deviation)(x)
            return normalize(x, "none" if plain else self.norm)

        return body

    def _up(self, level: int) -> Callable[[nn.Module, Array], Array]:
        drops = level >= self.depth - self.dropout_layers

        def body(_: nn.Module, x: Array) -> Array:
            width, bias = count_channels(self.features, level - 1), self.norm == "none"
            x = ConvTranspose(width, bias=bias, deviation=self.deviation)(jax.nn.relu(x))
            return Dropout(self.dropout if drops else 0.0, noise=True)(normalize(x, self.norm))

        return body
