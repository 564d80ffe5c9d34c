"""Six images with labels, what a player draws from, and a critic that is smooth."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gaxjax.layers.standard import Dense, flatten

KEY = jax.random.key(5)
RNGS = {"play": jax.random.split(jax.random.key(2))[0]}
"""What a player of `games.play` draws from."""
SHAPE = (4, 4, 1)
IMAGES = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (6, *SHAPE)), jnp.float32)
LABELS = jnp.array([0, 1, 2, 2, 1, 0])
BATCH = {"image": IMAGES, "label": LABELS}


class SmoothCritic(nn.Module):
    """Images -> logits and features, smooth."""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        features = jnp.tanh(Dense(5)(flatten(x)))
        return {"logits": Dense(1)(features)[:, 0], "features": features}
