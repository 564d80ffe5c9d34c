"""LPIPS, a distance between images that was fitted to what people see. Zhang et al. 2018, version 0.1.

What it squares and adds up are differences of vectors, so that the vectors are features like any others: the
squared Euclidean distance of two images' features is their LPIPS.
"""

from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from gaxjax.errors import InputError
from gaxjax.features.features import Features, file_digest
from gaxjax.features.torch_file import read_tensors
from gaxjax.layers.convolution import conv
from gaxjax.transforms import Tree

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of the channels of images in [-1, 1]."""
EPSILON = 1e-10
"""Added to the length of a pixel's channels."""


class Layer(NamedTuple):
    """A convolution, followed by relu."""

    number: int
    """its place in torchvision's `features`"""
    channels: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1


class Block(NamedTuple):
    """Layers, after the last of which images are compared."""

    pool: int
    """side of the max pool before them, with stride 2; 0: none"""
    layers: tuple[Layer, ...]


VGG_CHANNELS = {64: (0, 2), 128: (5, 7), 256: (10, 12, 14), 512: (17, 19, 21)}
NETWORKS = {
    "vgg": (
        *(Block(2 * (c > 64), tuple(Layer(n, c) for n in numbers)) for c, numbers in VGG_CHANNELS.items()),
        Block(2, tuple(Layer(n, 512) for n in (24, 26, 28))),
    ),
    "alex": (
        Block(0, (Layer(0, 64, 11, 4, 2),)),
        Block(3, (Layer(3, 192, 5, 1, 2),)),
        Block(3, (Layer(6, 384),)),
        Block(0, (Layer(8, 256),)),
        Block(0, (Layer(10, 256),)),
    ),
}
PUBLISHED = {
    "vgg": ("397923af", "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868"),
    "alex": ("7be5be79", "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"),
}
"""How the SHA-256 of torchvision's file begins (its name says so too), and that of LPIPS's, version 0.1."""
SMALLEST = {"vgg": 16, "alex": 31}
"""Side of the smallest images of which every block has a pixel."""


def lpips(network: str, weights: Path, linear: Path) -> Features:
    """LPIPS by "vgg" (VGG16) or "alex" (AlexNet).

    weights: torchvision's state dict of that network, ImageNet's. linear: LPIPS's own, version 0.1. Both are
    PyTorch files; InputError where one is damaged, or has other arrays in it. Only the published files make
    what is called "lpips-vgg": by any others, the same but for their weights, it is "lpips-vgg-other".
    """
    if network not in NETWORKS:
        raise InputError(f"there is no lpips({network}); there are lpips({'), lpips('.join(NETWORKS)})")
    params = load_weights(network, weights, linear)

    def apply(params: Tree, images: Array, levels: tuple[str, ...]) -> dict[str, Array]:
        return dict.fromkeys(levels, lpips_vectors(network, params, images))

    files = file_digest(weights), file_digest(linear)
    # Checked by content: a renamed file of other weights must not make a number that is called LPIPS.
    known = all(map(str.startswith, files, PUBLISHED[network]))
    name, together = f"lpips-{network}{'' if known else '-other'}", "+".join(file[:12] for file in files)
    return Features(name, {"lpips": 0}, "lpips", "none", together, params, apply)


def lpips_vectors(network: str, params: Tree, images: Array) -> Array:
    """Images [N, H, W, 1 or 3] in [-1, 1] -> [N, D], D depending on H and W."""
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or min(images.shape[1:3]) < SMALLEST[network]:
        raise InputError(
            f"lpips({network}) takes images [N, H, W, C] of 1 or 3 channels and sides of at least "
            f"{SMALLEST[network]} pixels, not {images.shape}"
        )
    x = jnp.broadcast_to(images.astype(jnp.float32), (*images.shape[:-1], 3))
    # LPIPS's own normalization; its published weights are of inputs in [-1, 1] and not in [0, 1].
    x = (x - jnp.array(SHIFT)[None, None, None]) / jnp.array(SCALE)[None, None, None]
    found = []
    with jax.default_matmul_precision("highest"):
        for place, block in enumerate(NETWORKS[network]):
            if block.pool:
                window, strides = (1, block.pool, block.pool, 1), (1, 2, 2, 1)
                x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, strides, "valid")
            for layer in block.layers:
                weights = params[f"layer_{layer.number}"]
                x = conv(x, weights["kernel"], layer.stride, layer.padding)
                x = jax.nn.relu(x + weights["bias"][None, None, None])
            # Channels of a pixel to length 1. The epsilon stands outside of the root, where the authors' code
            # has it.
            unit = x / (jnp.sqrt(jnp.sum(x**2, axis=-1, keepdims=True)) + EPSILON)
            # sum_c w_c mean_hw (a - b)^2 is the squared distance of what is multiplied by sqrt(w_c / HW).
            share = jnp.sqrt(params[f"linear_{place}"] / (x.shape[1] * x.shape[2]))
            # [N, H * W * C] of this block; H and W are halved from block to block.
            found.append((unit * share[None, None, None]).reshape(len(x), -1))
    return jnp.concatenate(found, axis=1)


def load_weights(network: str, weights: Path, linear: Path) -> Tree:
    """{"layer_<number>": {"kernel": [h, w, I, O], "bias": [O]}, "linear_<block>": [C]} of the two files."""
    state, linears = read_tensors(weights), read_tensors(linear)
    params: Tree = {}
    inputs = 3
    for place, block in enumerate(NETWORKS[network]):
        # torchvision numbers all of its layers, relu and pools too: those of convolutions are in `NETWORKS`.
        for n, channels, kernel, *_ in block.layers:
            shape = (channels, inputs, kernel, kernel)
            taken = take_array(state, f"features.{n}.weight", shape, weights)
            bias = take_array(state, f"features.{n}.bias", (channels,), weights)
            params[f"layer_{n}"] = {"kernel": jnp.asarray(taken.transpose(2, 3, 1, 0)), "bias": bias}
            inputs = channels
        taken = take_array(linears, f"lin{place}.model.1.weight", (1, inputs, 1, 1), linear)
        # Their square roots are taken; version 0.1 was trained with weights clipped at 0.
        if taken.min() < 0:
            raise InputError(
                f"{linear} has weights below 0, which LPIPS has not: give its file of version 0.1"
            )
        params[f"linear_{place}"] = jnp.asarray(taken.reshape(-1))
    return params


def take_array(state: dict[str, np.ndarray], name: str, shape: tuple[int, ...], path: Path) -> np.ndarray:
    """The array of that name and shape, finite; InputError where there is no such one."""
    if name not in state:
        raise InputError(f"{path} has other weights in it: no {name} among {', '.join(list(state)[:3])}, ...")
    array = state[name].astype(np.float32)
    if array.shape != shape or not np.isfinite(array).all():
        raise InputError(f"{path} has other weights in it: {name} of shape {array.shape}; expected {shape}")
    return array
