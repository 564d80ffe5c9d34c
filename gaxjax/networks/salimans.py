"""Fully connected networks of few labels on MNIST. Salimans et al. 2016 (arXiv 1606.03498), section 4.

As in the authors' code. The discriminator sees pixels in [0, 1]; outside images are in [-1, 1].
"""

import math

import flax.linen as nn
import jax
from jax import Array

from gaxjax.layers.dtypes import Precision, to_compute_dtype, to_float32
from gaxjax.layers.norms import BatchNorm
from gaxjax.layers.standard import Dense, activate, flatten
from gaxjax.layers.weight_norm import GaussianNoise, WeightNormDense

PIXELS = 0.067
"""Mean variance of a pixel of MNIST, in [0, 1]."""
RECTIFIED = 1 / 2 - 1 / (2 * math.pi)
"""Variance of a rectified N(0, 1)."""


class Generator(nn.Module):
    """Latents [B, L] -> images [B, *shape]."""

    shape: tuple[int, int, int]
    """(H, W, C) of the images"""
    features: tuple[int, ...] = (500, 500)
    """width of each hidden layer"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, latents: Array) -> Array:
        x = to_compute_dtype(latents, self.precision)
        # No bias before batch norm, which takes the mean away again.
        for width in self.features:
            x = activate(BatchNorm()(Dense(width, bias=False)(x)), "softplus")
        x = to_float32(WeightNormDense(math.prod(self.shape))(x))
        return activate(x, "sigmoid").reshape(-1, *self.shape)


class Discriminator(nn.Module):
    """Images [B, H, W, C] -> {"logits": [B], "classes": [B, K], "features": [B, F]}.

    Of K + 1 categories the last one, fake, has the logit 0, which takes nothing from what the others can say
    (section 5): log p(real) - log p(fake) is the logsumexp of the K.
    """

    classes: int = 10
    """K, of real examples"""
    features: tuple[int, ...] = (1000, 500, 250, 250, 250)
    """width of each hidden layer"""
    input_noise: float = 0.3
    """standard deviation of the noise on pixels"""
    noise: float = 0.5
    """standard deviation of the noise before every other layer"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        x = (to_compute_dtype(flatten(x), self.precision) + 1) / 2
        variance, noise = PIXELS, self.input_noise
        for width in self.features:
            # To outputs of variance 1, which the authors' first minibatch does. The length then stays: one
            # that could grow would leave the noise behind.
            length = (variance + noise**2) ** -0.5
            x = WeightNormDense(width, length, train_length=False)(GaussianNoise(noise)(x))
            x = activate(x, "relu")
            variance, noise = RECTIFIED, self.noise
        # Matched before the noise, which is none of the features.
        features = to_float32(x)
        length = (variance + noise**2) ** -0.5
        classes = to_float32(WeightNormDense(self.classes, length)(GaussianNoise(noise)(x)))
        # Odds of the sum of K exponentials against e^0, the fake one.
        return {"logits": jax.nn.logsumexp(classes, axis=-1), "classes": classes, "features": features}
