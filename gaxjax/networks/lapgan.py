"""Networks of a pyramid's levels, as the authors' code has them for CIFAR-10. Denton et al. 2015.

The coarsest level's are fully connected: its generator is `networks.mlp.Generator` with its latents and the
class side by side.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import check_labels
from gaxjax.layers.convolution import Padding
from gaxjax.layers.dtypes import Precision, to_compute_dtype, to_float32
from gaxjax.layers.standard import Conv, Dense, Dropout, activate, flatten


class CoarseDiscriminator(nn.Module):
    """Images [B, H, W, C] (, labels [B]) -> {"logits": [B], "features": [B, F]}, by hidden layers."""

    features: tuple[int, ...] = (1600, 1600)
    """width of each hidden layer"""
    dropout: float = 0.5
    """share of the hidden units that is dropped"""
    classes: int = 10
    """of the labels, which stand one-hot beside the pixels"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array, condition: Array | None = None) -> dict[str, Array]:
        x = to_compute_dtype(flatten(x), self.precision)
        if condition is not None:
            check_labels(condition, self.classes)
            x = jnp.concatenate([x, jax.nn.one_hot(condition, self.classes, dtype=x.dtype)], axis=-1)
        for width in self.features:
            x = Dropout(self.dropout)(activate(Dense(width, bound=x.shape[-1] ** -0.5)(x), "relu"))
        x = to_float32(x)
        return {"logits": Dense(1, bound=x.shape[-1] ** -0.5)(x)[:, 0], "features": x}


class ResidualGenerator(nn.Module):
    """Enlarged images with noise, [B, H, W, C] (, labels [B]) -> residuals [B, H, W, channels]."""

    channels: int = 3
    """of the images"""
    features: int = 64
    """channels of the hidden layers"""
    kernels: tuple[int, int, int] = (7, 7, 5)
    """side of each layer's kernels"""
    classes: int = 10
    """of the labels, of which a map is made"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array, condition: Array | None = None) -> Array:
        x = append_class_map(to_compute_dtype(x, self.precision), condition, self.classes)
        # At one size throughout: what is added has a value for each pixel.
        *hidden, last = self.kernels
        for side in hidden:
            x = activate(torch_conv(x, self.features, side), "relu")
        # Of any sign and size: what is added to the enlarged image has no bounds of its own.
        return to_float32(torch_conv(x, self.channels, last))


class ResidualDiscriminator(nn.Module):
    """Images [B, H, W, C] (, labels [B]) -> {"logits": [B], "features": [B, F]}, by two convolutions."""

    features: int = 64
    """channels of both layers"""
    kernel: int = 5
    """side of the kernels"""
    dropout: float = 0.5
    """share of the last layer's inputs that is dropped"""
    classes: int = 10
    """of the labels, of which a map is made"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array, condition: Array | None = None) -> dict[str, Array]:
        x = append_class_map(to_compute_dtype(x, self.precision), condition, self.classes)
        for stride in (1, 2):
            x = activate(torch_conv(x, self.features, self.kernel, stride, valid=True), "relu")
        x = to_float32(Dropout(self.dropout)(flatten(x)))
        return {"logits": Dense(1, bound=x.shape[-1] ** -0.5)(x)[:, 0], "features": x}


def append_class_map(x: Array, labels: Array | None, classes: int) -> Array:
    """x [B, H, W, C] with a channel of what a layer makes of the labels [B]; without these, x alone."""
    if labels is None:
        return x
    check_labels(labels, classes)
    # A map and not ten flat channels: a class may matter at some places more than at others.
    height, width = x.shape[1:3]
    pixels = Dense(height * width, bound=classes**-0.5)(jax.nn.one_hot(labels, classes, dtype=x.dtype))
    return jnp.concatenate([x, activate(pixels, "relu").reshape(-1, height, width, 1)], axis=-1)


def torch_conv(x: Array, features: int, side: int, stride: int = 1, valid: bool = False) -> Array:
    """A convolution whose kernel begins as small as Torch's, of variance 1 / (3 fan-in)."""
    # Smaller than He's by sqrt(6): by that, the first residuals would hide the image that they are added to.
    deviation = (3 * side**2 * x.shape[-1]) ** -0.5
    # Images that a kernel would leave nothing of get zeros around them.
    padding: Padding = "valid" if valid and min(x.shape[1:3]) > side else "same"
    return Conv(features, side, stride, padding=padding, deviation=deviation)(x)
