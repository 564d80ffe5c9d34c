"""Inception-v3 of 2015-12-05: the network of FID and of the Inception Score. Szegedy et al. 2016.

Not the one that torchvision has: here average pools leave out the padding, the last block has a max pool in
the place of one, and there are 1008 logits. Salimans et al. 2016 (IS), Heusel et al. 2017 (FID).
"""

from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gaxjax.data.loader import pixels_of
from gaxjax.errors import InputError
from gaxjax.features.features import Features
from gaxjax.layers.convolution import conv, same_padding
from gaxjax.transforms import Tree

SIDE = 299
"""Height and width of the network's input."""
# By the number of features, as torch-fidelity names them.
LEVELS = {"64": 64, "192": 192, "768": 768, "2048": 2048, "logits": 1008}
BLOCKS = ("mixed", *(f"mixed_{number}" for number in range(1, 11)))
HALVING = ("mixed_3", "mixed_8")
"""The blocks that halve height and width."""
LAST = {"mixed_7": "768", "mixed_10": "2048"}
"""The blocks after which there is a level."""


def inception(weights: Path | None = None) -> Features:
    """The network with the weights in a file, and as many levels as that has weights for.

    Without a file: the published one, at GAXJAX_INCEPTION or in ~/.cache/gaxjax, downloaded the first time.
    "logits" are the 2048 features times the last layer's kernel without its bias, which is what the authors'
    code of the Inception Score takes. InputError where no file can be had, or it is damaged or another one.
    """
    from gaxjax.features.inception_weights import find_weights, load_weights

    params, levels, digest = load_weights(weights or find_weights())
    # The deepest that the file reaches: FID by another level than 2048 says so in its name (`Result.name`).
    level = [level for level in levels if level != "logits"][-1]
    resize = f"to uint8, then bilinear to {SIDE} x {SIDE} without antialiasing, as in TensorFlow 1"
    return Features("inception-2015-12-05", levels, level, resize, digest, params, apply)


def apply(params: Tree, images: Array, levels: tuple[str, ...]) -> dict[str, Array]:
    """Images [N, H, W, 1 or 3] in [-1, 1] -> {level: [N, D]}; computes nothing deeper than it must.

    In full float32 everywhere: what accelerators do by default would move a distance.
    """
    found = {}
    with jax.default_matmul_precision("highest"):
        # A generator: nothing beyond the last level that is asked for is traced.
        for level, vectors in compute_levels(params, images):
            found[level] = vectors
            if found.keys() >= set(levels):
                break
    return {level: found[level] for level in levels}


def compute_levels(params: Tree, images: Array) -> Iterator[tuple[str, Array]]:
    """Level after level with its vectors [N, D], each computed when it is asked for."""
    for level, maps in compute_maps(params, resize_input(images)):
        vectors = jnp.mean(maps, (1, 2))
        yield level, vectors
    # Without the bias, which the authors of the Inception Score leave out as well.
    yield "logits", vectors @ params["logits"]["kernel"]


def compute_maps(params: Tree, pixels: Array) -> Iterator[tuple[str, Array]]:
    """Level after level with its maps [N, h, w, D], of pixels [N, H, W, 3] in 0..255 of any size."""
    # Not 127.5: as the graph of 2015 has it.
    x = (pixels - 128) / 128
    x = apply_layer(params["conv"], x, stride=2, padding="valid")
    x = apply_layer(params["conv_1"], x, padding="valid")
    x = apply_layer(params["conv_2"], x)
    x = max_pool(x, stride=2)
    yield "64", x
    x = apply_layer(params["conv_3"], x)
    x = apply_layer(params["conv_4"], x, padding="valid")
    x = max_pool(x, stride=2)
    yield "192", x
    for name in BLOCKS:
        x = apply_block(params, name, x)
        if name in LAST:
            yield LAST[name], x


def resize_input(images: Array) -> Array:
    """Images [N, H, W, 1 or 3] in [-1, 1] -> [N, 299, 299, 3] in 0..255, by way of whole numbers."""
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise InputError(f"inception takes images [N, H, W, C] with 1 or 3 channels, not {images.shape}")
    # Through whole numbers, as images of files are: FID of images that were saved and of those that were not
    # is one.
    rows, columns = interpolation(images.shape[1]), interpolation(images.shape[2])
    # Bilinear resizing is linear along each axis: two products by matrices, the same on every machine. JAX's
    # own resizing aligns pixel centers.
    x = jnp.einsum("ih,nhwc->niwc", rows, pixels_of(images))
    x = jnp.einsum("jw,niwc->nijc", columns, x)
    # Gray becomes three equal channels, after resizing the one.
    return jnp.broadcast_to(x, (*x.shape[:-1], 3))


def interpolation(size: int) -> np.ndarray:
    """TensorFlow 1's bilinear resizing of one axis as a matrix: [299, size] float32.

    Output i is at i * size / 299 of the input: corners and pixel centers are not aligned.
    """
    # In float32, as TensorFlow computes them: in float64 some may fall on the other side of a whole number.
    places = np.arange(SIDE, dtype=np.float32) * np.float32(size / SIDE)
    below = np.floor(places).astype(int)
    share = places - below
    matrix = np.zeros((SIDE, size), np.float32)
    matrix[np.arange(SIDE), below] = 1 - share
    # Added, not set: at the last pixel both neighbors are the same one, whose weights are 1 together.
    matrix[np.arange(SIDE), np.minimum(below + 1, size - 1)] += share
    return matrix


def apply_block(params: Tree, name: str, x: Array) -> Array:
    """Towers of convolutions and a pool side by side, their channels one after the other."""
    stride = 2 if name in HALVING else 1
    prefixes = (name, f"{name}_tower", f"{name}_tower_1")
    branches = [apply_tower(params, prefix, x, stride) for prefix in prefixes if f"{prefix}_conv" in params]
    # Blocks that halve have no convolution behind their pool.
    if stride == 2:
        pooled = max_pool(x, stride)
    else:
        # FID's own network: torchvision, and the paper, have an average pool in the last block as well.
        pooled = max_pool(x, padding="same") if name == "mixed_10" else average_pool(x)
        pooled = apply_tower(params, f"{name}_tower_2", pooled)
    return jnp.concatenate([*branches, pooled], axis=-1)


def apply_tower(params: Tree, prefix: str, x: Array, stride: int = 1) -> Array:
    """Convolutions in turn, the last one with the stride; in the last two blocks it ends in two at once."""
    names = [f"{prefix}_conv", *(f"{prefix}_conv_{number}" for number in range(1, 5))]
    *first, last = (params[name] for name in names if name in params)
    for weights in first:
        x = apply_layer(weights, x)
    x = apply_layer(last, x, stride, "same" if stride == 1 else "valid")
    # A row of 1 x 3 and a column of 3 x 1 side by side, Szegedy et al. 2016, figure 7.
    ends = [params[name] for name in (f"{prefix}_mixed_conv", f"{prefix}_mixed_conv_1") if name in params]
    return jnp.concatenate([apply_layer(weights, x) for weights in ends], axis=-1) if ends else x


def apply_layer(weights: Tree, x: Array, stride: int = 1, padding: str = "same") -> Array:
    """relu(conv + bias), with batch norm's scale and shift in the two already."""
    kernel, bias = weights["kernel"], weights["bias"]
    size, window = (x.shape[1], x.shape[2]), (kernel.shape[0], kernel.shape[1])
    pads = same_padding(size, window, stride) if padding == "same" else 0
    return jax.nn.relu(conv(x, kernel, stride, pads) + bias[None, None, None])


def max_pool(x: Array, stride: int = 1, padding: str = "valid") -> Array:
    """The largest of each 3 x 3 pixels, [N, H, W, C] -> [N, H', W', C]."""
    window, strides = (1, 3, 3, 1), (1, stride, stride, 1)
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, strides, padding)


def average_pool(x: Array) -> Array:
    """The mean of the pixels that there are among each 3 x 3, [N, H, W, C] -> [N, H, W, C].

    Written as sums of shifted images, which fuse, along one axis and then the other.
    """
    # [N, H + 2, W + 2, C]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    total = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]
    # How many of three neighbors there are: 2 at either end (1 if the side is one pixel), else 3.
    down, across = (3.0 - (np.arange(n) == 0) - (np.arange(n) == n - 1) for n in x.shape[1:3])
    count = np.outer(down, across).astype(np.float32)
    return total / count[None, :, :, None]
