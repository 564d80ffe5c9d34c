"""Motion, frame by frame, and a discriminator of images or of clips. Tulyakov et al. 2018, arXiv 1707.04993.

The frames themselves are made by any generator of images (`networks.dcgan.Generator`).
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
from jax import Array

from gaxjax.errors import InputError
from gaxjax.layers.dtypes import Precision, to_compute_dtype, to_float32
from gaxjax.layers.norms import Norm, normalize
from gaxjax.layers.recomputation import apply_block
from gaxjax.layers.standard import Conv, Dense, activate, flatten
from gaxjax.layers.weight_norm import GaussianNoise

WINDOW = 4
"""Frames that each layer of a discriminator of clips sees, and pixels that each layer sees at a side."""


class Motion(nn.Module):
    """Noise [B, 1 + T, N] -> codes [B, T, N] of T frames: the states of a GRU (section 3.1).

    The first row of the noise is the state that it begins in. A frame's code is of the noise up to its frame
    alone, so that clips go on for as long as there is noise.
    """

    precision: Precision = "float32"
    """of states and products; parameters and what is given out are float32"""

    @nn.compact
    def __call__(self, noise: Array) -> Array:
        x = to_compute_dtype(noise, self.precision)
        # As many states as numbers of noise, in which the paper has ten of both.
        cell = nn.GRUCell(x.shape[-1], dtype=x.dtype)
        codes: Any = nn.RNN(cell)(x[:, 1:], initial_carry=x[:, 0])
        return to_float32(codes)


class Discriminator(nn.Module):
    """Images [B, H, W, C] or clips [B, T, H, W, C] -> {"logits": [B], "features": [B, F]}; widths double.

    Of patches: logits alone, [B, h, w] or [B, t, h, w]. Each layer halves height and width; of clips each
    sees four frames and pads none, so that T frames become T - 3.
    """

    features: int = 64
    """channels after the first layer"""
    depth: int = 4
    """number of times the size halves"""
    patch: bool = False
    """whether the last of these layers gives a logit for each place, instead of one layer more for all"""
    noise: float = 0.0
    """deviation of the noise that is added to what each layer but the last one sees"""
    norm: Norm = "batch"
    """after every layer but the first and the last"""
    deviation: float = 0.02
    """standard deviation of the initial kernels; 0: He"""
    recompute: bool = False
    """whether layers are computed again in the backward pass instead of kept: less memory, more time"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> Any:
        clips = x.ndim == 5
        if clips:
            check_frames(x.shape[1], self.depth)
        # Time is never padded and never skipped: a frame of zeros would be one that no clip has.
        stride, padding = ((1, 2, 2), ((0, 0), (1, 1), (1, 1))) if clips else ((2, 2), ((1, 1), (1, 1)))

        # Goes by the axes of x: one class is both discriminators, which differ by time alone.
        def convolve(x: Array, channels: int) -> Array:
            return Conv(channels, WINDOW, stride, padding, bias=False, deviation=self.deviation)(x)

        def layer(level: int) -> Callable[[nn.Module, Array], Array]:
            def body(_: nn.Module, x: Array) -> Array:
                # Instance noise: what is told apart by so little as it covers is not told apart.
                x = convolve(GaussianNoise(self.noise)(x), self.features * 2**level)
                return activate(normalize(x, self.norm if level else "none"), "leaky_relu")

            return body

        x = to_compute_dtype(x, self.precision)
        for level in range(self.depth - 1 if self.patch else self.depth):
            x = apply_block(self, self.recompute, layer(level), x)
        x = to_float32(x)
        if self.patch:
            return convolve(x, 1)[..., 0]
        # The authors' last kernel is as large as what is left of 16 frames of 64 x 64: a linear layer of all.
        features = flatten(x)
        return {"logits": Dense(1, deviation=self.deviation)(features)[:, 0], "features": features}


def check_frames(frames: int, depth: int) -> None:
    """InputError for clips of which nothing is left after so many layers."""
    least = depth * (WINDOW - 1) + 1
    if frames < least:
        raise InputError(
            f"Discriminator(depth={depth}) needs clips of {least} frames or more; got {frames}: "
            f"set a depth of {(frames - 1) // (WINDOW - 1)} or less, or longer clips"
        )
