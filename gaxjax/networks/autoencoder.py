"""Discriminators that reconstruct: BEGAN's convolutional autoencoder, and energies for EBGAN.

Berthelot et al. 2017, section 3.5: ELU, 3 x 3 convolutions, two to a size; widths grow linearly on the way
down and are constant on the way up. The decoder is BEGAN's generator too.
"""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from gaxjax.game import output_of
from gaxjax.layers.dtypes import Precision, to_compute_dtype, to_float32
from gaxjax.layers.resampling import upsample
from gaxjax.layers.standard import Conv, Dense, activate, flatten, halved_sizes


class Decoder(nn.Module):
    """Codes [B, L] -> images [B, *shape], linear at the end."""

    shape: tuple[int, int, int]
    """(H, W, C) of the images"""
    features: int = 64
    """channels of every layer"""
    depth: int = 2
    """number of times the size doubles"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, codes: Array) -> Array:
        sizes = halved_sizes(self.shape, self.depth)
        height, width = sizes[-1]
        x = Dense(height * width * self.features)(to_compute_dtype(codes, self.precision))
        x = x.reshape(-1, height, width, self.features)
        for level, (height, width) in reversed(list(enumerate(sizes))):
            x = x[:, :height, :width]  # where a size was rounded up on the way down
            for _ in range(2):
                x = activate(Conv(self.features)(x), "elu")
            x = upsample(x) if level else x
        return to_float32(Conv(self.shape[-1])(x))


class Autoencoder(nn.Module):
    """Images [B, *shape] -> {"reconstruction": [B, *shape], "features": its code [B, F]}."""

    shape: tuple[int, int, int]
    """(H, W, C) of the images"""
    features: int = 64
    """channels at full size; one more times as many at every halving"""
    depth: int = 2
    """number of times the size halves"""
    code: int = 64
    """size of the code"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        x = activate(Conv(self.features)(to_compute_dtype(x, self.precision)), "elu")
        for level in range(self.depth + 1):
            width = self.features * (level + 1)
            for _ in range(2):
                x = activate(Conv(width)(x), "elu")
            if level < self.depth:
                # Widths n, 2 n, 3 n: linear in the level (figure 1), where other networks double them.
                x = activate(Conv(self.features * (level + 2), stride=2)(x), "elu")
        # Given out, and the pulling-away term is of it: float32, whatever the layers compute in.
        codes = to_float32(Dense(self.code)(flatten(x)))
        decode = Decoder(self.shape, self.features, self.depth, self.precision)
        return {"reconstruction": decode(codes), "features": codes}


class EnergyDiscriminator(nn.Module):
    """Examples -> minus the distance to their reconstruction as {"logits": [B]}. Zhao et al. 2017, 2.3."""

    autoencoder: nn.Module
    """examples -> their reconstructions, or {"reconstruction": them, "features": [B, F]}"""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        outputs = self.autoencoder(x)
        apart = flatten(output_of(outputs, "reconstruction") - x)
        # The square root has no gradient at zero.
        logits = -jnp.sqrt(jnp.sum(apart**2, axis=-1) + 1e-12)
        return {**(outputs if isinstance(outputs, dict) else {}), "logits": logits}
