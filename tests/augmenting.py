"""Images for tests of augmentations, and every augmentation."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gaxjax.augmentations import ADAPTIVE, DIFFERENTIABLE, Augment, Noise

KEY = jax.random.key(0)
MEMBERS = [*DIFFERENTIABLE, Noise(), *dict.fromkeys(ADAPTIVE)]
BGC = Augment(ADAPTIVE, 0.0, target=0.6)


def images(*shape: int) -> Array:
    return jax.random.uniform(jax.random.key(1), shape, minval=-1.0)


def ramps(size: int) -> Array:
    """Channels that hold each pixel's y and x: they show where a pixel was read."""
    y, x = jnp.meshgrid(jnp.arange(size), jnp.arange(size), indexing="ij")
    return jnp.stack([y, x], axis=-1) - (size - 1) / 2


def slopes(changed: np.ndarray) -> np.ndarray:
    """How what was read changes along y and along x at the center: [B, axis, channel]."""
    c = changed.shape[1] // 2
    along_y, along_x = (changed[:, c + 1, c] - changed[:, c, c], changed[:, c, c + 1] - changed[:, c, c])
    return np.stack([along_y, along_x], axis=1)
