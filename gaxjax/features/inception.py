"""Inception-v3 of 2015-12-05, the network of FID and the Inception Score. Szegedy et al. 2016.

Not the one that torchvision has: average pools leave out the padding, the last block has a max pool in its
place, and there are 1008 logits. Heusel et al. 2017 (FID), Salimans et al. 2016 (Inception Score).
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from gaxjax.errors import InputError
from gaxjax.features.features import Features, pixels_of
from gaxjax.networks.convolution import conv, same_padding
from gaxjax.transforms import Tree

SIDE = 299
"""Height and width of the network's input."""
LEVELS = {"64": 64, "192": 192, "768": 768, "2048": 2048, "logits": 1008}
LOGITS = "logits"
BLOCKS = ("mixed", *(f"mixed_{number}" for number in range(1, 11)))
HALVING = ("mixed_3", "mixed_8")
"""The blocks that halve height and width."""
ENDS = {"mixed_7": "768", "mixed_10": "2048"}
"""The blocks whose outputs, averaged over pixels, are levels."""


def inception(weights: Path | None = None) -> Features:
    """The network with the weights in a file, with as many levels as that has; without one, the published
    file: the one that GAXJAX_INCEPTION names, or the one in ~/.cache/gaxjax, downloaded the first time.

    "logits" are the vector of 2048 times the last layer's kernel, without its bias, as in the authors' code of
    the Inception Score. Raises InputError if there is no file, or it is damaged or another one.
    """
    from gaxjax.features.inception_weights import find, load

    params, weights_digest = load(weights or find())
    sizes = jax.eval_shape(lambda x: apply(params, x, available(params)), jax.ShapeDtypeStruct((1, 8, 8, 3), "f4"))
    levels = {level: size for level, size in LEVELS.items() if level in sizes}
    deepest = [level for level in levels if level != LOGITS][-1]
    resize = f"uint8, bilinear to {SIDE} x {SIDE} without antialiasing, as TensorFlow 1 has it"
    return Features("inception-2015-12-05", levels, deepest, resize, weights_digest, params, apply)


def apply(params: Tree, images: Array, levels: tuple[str, ...]) -> dict[str, Array]:
    """Images [N, H, W, 1 or 3] in [-1, 1] -> {level: [N, D]}; nothing deeper than needed is computed.

    float32 throughout, on accelerators too, whose default is coarser.
    """
    with jax.default_matmul_precision("highest"):
        found: dict[str, Array] = {}
        x = enlarge(images)
        for step in (stem_64, stem_192, *BLOCKS, LOGITS):
            ...
"""
