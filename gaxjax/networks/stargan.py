"""StarGAN's discriminator. Choi et al. 2018, appendix 7.2, and the authors' code.

Its generator is `translation.ResidualGenerator` with label maps beside the image (`Concatenated`), kernel=4,
padding="same", norm="scaled_instance" and bias=False.
"""

import flax.linen as nn
import jax
from jax import Array

from gaxjax.layers.dtypes import Precision, to_compute_dtype, to_float32
from gaxjax.layers.standard import Conv, flatten


class Discriminator(nn.Module):
    """Images [B, H, W, C] -> {"logits": [B, h, w], one for each patch, "features": [B, F]}; no norms.

    The classes are a `Head` of the features, all of the last layer's: a convolution over the whole of it.
    """

    features: int = 64
    """channels after the first layer; twice as many after each that follows"""
    depth: int = 6
    """number of times the size halves (6: at 64 px one patch, at 128 px 2 x 2)"""
    deviation: float = 0.02
    """standard deviation of the initial kernels"""
    precision: Precision = "float32"
    """of activations and products; parameters and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        x = to_compute_dtype(x, self.precision)
        for level in range(self.depth):
            x = Conv(self.features * 2**level, 4, 2, deviation=self.deviation)(x)
            # Not `activate`'s slope of 0.2.
            x = jax.nn.leaky_relu(x, 0.01)
        x = to_float32(x)
        # A critic's logits know differences alone, so that a bias would do nothing.
        logits = Conv(1, 3, bias=False, deviation=self.deviation)(x)[..., 0]
        return {"logits": logits, "features": flatten(x)}
