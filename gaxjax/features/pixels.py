"""The pixels themselves, for distances and densities on images as they are."""

import jax.numpy as jnp
from jax import Array

from gaxjax.features.features import Features
from gaxjax.transforms import Tree


def pixels() -> Features:
    """Images flattened, on the scale [0, 1] of the evaluation of Goodfellow et al. 2014, section 5."""
    return Features("pixels", {"pixels": 0}, "pixels", "none", "", {}, apply)


def apply(params: Tree, images: Array, levels: tuple[str, ...]) -> dict[str, Array]:
    """Images [N, H, W, C] in [-1, 1] -> {"pixels": [N, H * W * C] in [0, 1]}."""
    # [0, 1], not [-1, 1]: widths of Parzen windows, and so log-likelihoods, are on that scale.
    flat = (images.reshape(images.shape[0], -1).astype(jnp.float32) + 1) / 2
    return dict.fromkeys(levels, flat)
