"""The residual encoder of BicycleGAN. Zhu et al. 2017, arXiv 1711.11586, appendix, after He et al. 2016."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gaxjax.layers.dtypes import Precision, to_compute_dtype, to_float32
from gaxjax.layers.norms import Norm, normalize
from gaxjax.layers.standard import Conv, Dense, activate


class Encoder(nn.Module):
    """Images [B, H, W, C] of any size -> {"mean": [B, size], "log_variance": [B, size]} of a code."""

    size: int = 8
    """of the code"""
    features: int = 64
    """channels of the first layer; each block has as many more, up to four times"""
    blocks: int = 4
    """residual blocks, each of which halves the size (the authors' 5 count the first layer)"""
    norm: Norm = "instance"
    """before each activation of a block"""
    deviation: float = 0.02
    """standard deviation of the initial kernels"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        x = Conv(self.features, 4, 2, deviation=self.deviation)(to_compute_dtype(x, self.precision))
        for number in range(self.blocks):
            x = self._block(x, self.features * min(4, number + 2))
        # Over all pixels, so that images may have any size.
        x = jnp.mean(to_float32(activate(x, "leaky_relu")), axis=(1, 2))
        # One head each: what is sure of a mean need not be sure of a variance.
        return {
            name: Dense(self.size, deviation=self.deviation, name=name)(x)
            for name in ("mean", "log_variance")
        }

    def _block(self, x: Array, width: int) -> Array:
        def layer(x: Array, width: int) -> Array:
            x = activate(normalize(x, self.norm), "leaky_relu")
            return Conv(width, 3, deviation=self.deviation)(x)

        # Norm and activation come first (He et al. 2016b), so that the sum itself is linear.
        inner = mean_squares(layer(layer(x, x.shape[-1]), width))
        return inner + Conv(width, 1, deviation=self.deviation)(mean_squares(x))


def mean_squares(x: Array) -> Array:
    """Means of squares of 2 x 2 pixels, [B, H, W, C] -> [B, H / 2, W / 2, C]; of a border, as it is."""
    return nn.avg_pool(x, (2, 2), (2, 2), "SAME", count_include_pad=False)
