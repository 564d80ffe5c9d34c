"""What images are compared by in training: their pixels, or maps of a frozen network, at any size.

Networks here lie in the collection `game.PRETRAINED`: read from a file once, neither trained nor averaged nor
checkpointed. Their features, unlike a metric's, have a slope: nothing is rounded, and no image is resized.
"""

import functools
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError
from gaxjax.features import inception, inception_weights
from gaxjax.features.features import file_digest
from gaxjax.features.lpips import SCALE, SHIFT, take_array
from gaxjax.features.torch_file import read_tensors
from gaxjax.game import PRETRAINED
from gaxjax.layers.convolution import conv
from gaxjax.layers.mode import shapes_are_enough
from gaxjax.parallel.cache import cache_path
from gaxjax.transforms import Tree

Shapes = dict[str, tuple[int, int, int]]
"""Layer -> side of the kernel, inputs and outputs."""
VGG_BLOCKS = (
    (64, (0, 2)),
    (128, (5, 7)),
    (256, (10, 12, 14, 16)),
    (512, (19, 21, 23, 25)),
    (512, (28, 30, 32, 34)),
)
"""Channels of the convolutions between max pools, with their places in torchvision's `features`."""
VGG_FILE, VGG_VARIABLE = "vgg19-dcbb9e9d.pth", "GAXJAX_VGG19"
STEM: Shapes = {"conv": (3, 3, 32), "conv_1": (3, 32, 32), "conv_2": (3, 32, 64)}
INCEPTION_LAYERS = {"64": STEM, "192": {**STEM, "conv_3": (1, 64, 80), "conv_4": (3, 80, 192)}}
"""Level -> the layers that it needs."""


class Pixels(nn.Module):
    """Images as they are."""

    def __call__(self, images: Array) -> Array:
        return images


class VGG19(nn.Module):
    """Maps of VGG19 [B, h, w, C], images [B, H, W, 1 or 3] in [-1, 1]; Simonyan and Zisserman 2015.

    The file is torchvision's of ImageNet. InputError where it cannot be had, or has other arrays in it.
    """

    layer: Literal["54", "22"] = "54"
    """after the ReLU of which layer: fourth before the fifth max pool, or second before the second"""
    scale: float = 1 / 12.75
    """of the maps, which makes their squared differences about as large as those of pixels (section 2.2.1)"""
    file: str = ""
    """path of vgg19-dcbb9e9d.pth; empty: GAXJAX_VGG19, or the file in ~/.cache/gaxjax"""

    @nn.compact
    def __call__(self, images: Array) -> Array:
        blocks = VGG_BLOCKS[: int(self.layer[0])]
        shapes, inputs = Shapes(), 3
        for channels, numbers in blocks:
            for number in numbers:
                shapes[f"layer_{number}"] = (3, inputs, channels)
                inputs = channels
        read = functools.partial(read_vgg19, self.file, tuple(shapes.items()))
        layers = self.variable(PRETRAINED, "layers", lambda: read_or_shape(read, shapes)).value
        # One channel is shown to all three, as gray photographs are.
        x = jnp.broadcast_to(images, (*images.shape[:-1], 3))
        # torchvision's normalization, which is of images in [0, 1], as LPIPS writes it for [-1, 1].
        x = (x - jnp.array(SHIFT, x.dtype)[None, None, None]) / jnp.array(SCALE, x.dtype)[None, None, None]
        for place, (_, numbers) in enumerate(blocks):
            if place:
                x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "valid")
            for number in numbers:
                weights = jax.tree.map(lambda leaf, x=x: leaf.astype(x.dtype), layers[f"layer_{number}"])
                x = jax.nn.relu(conv(x, weights["kernel"], 1, 1) + weights["bias"][None, None, None])
        return self.scale * check_maps(x, images)


class InceptionMaps(nn.Module):
    """Maps of the first layers of Inception-v3 [B, h, w, D], images [B, H, W, 1 or 3] in [-1, 1].

    At the images' own size, where the metrics enlarge them to 299 px. InputError where there are no weights.
    """

    level: Literal["64", "192"] = "192"
    """after the first max pool, a quarter of the size, or after the second, an eighth"""
    scale: float = 1 / 6
    """of the maps, which makes their squared differences about as large as those of pixels"""
    file: str = ""
    """of the weights; empty: GAXJAX_INCEPTION, the file downloaded before, or a download"""

    @nn.compact
    def __call__(self, images: Array) -> Array:
        shapes = INCEPTION_LAYERS[self.level]
        read = functools.partial(read_inception, self.file, tuple(shapes))
        layers = self.variable(PRETRAINED, "layers", lambda: read_or_shape(read, shapes)).value
        layers = jax.tree.map(lambda leaf: leaf.astype(images.dtype), layers)
        # In 0..255 as the metrics have it, but not rounded to whole numbers, which have no slope.
        pixels = 127.5 * (jnp.broadcast_to(images, (*images.shape[:-1], 3)) + 1)
        levels = inception.compute_maps(layers, pixels)
        maps = next(maps for level, maps in levels if level == self.level)  # deeper layers were not read
        return self.scale * check_maps(maps, images)


def read_or_shape(read: Callable[[], Tree], shapes: Shapes) -> Any:
    """Kernels and biases of layers: those of the file, or where only shapes are asked for, zeros."""
    if not shapes_are_enough():
        return jax.tree.map(jnp.asarray, read())
    return {
        name: {"kernel": jnp.zeros((side, side, inputs, outputs)), "bias": jnp.zeros(outputs)}
        for name, (side, inputs, outputs) in shapes.items()
    }


def check_maps(maps: Array, images: Array) -> Array:
    """The maps; InputError for images of which no pixel is left."""
    if 0 in maps.shape:
        size = f"{images.shape[1]} x {images.shape[2]}"
        raise InputError(f"images of {size} pixels are too small for these features: use a shallower layer")
    return maps


# Read once, though every stage and every start of a program asks for it: 80 MB of a file of 575 MB.
@functools.lru_cache(maxsize=2)
def read_vgg19(file: str, shapes: tuple[tuple[str, tuple[int, int, int]], ...]) -> Tree:
    """{"layer_<number>": {"kernel": [3, 3, I, O], "bias": [O]}} of torchvision's file.

    InputError for a file that is not there, is damaged, or has other arrays.
    """
    path = find_vgg19(file)
    promised = re.search(r"-([0-9a-f]{8,64})\.pth$", path.name)
    # The file's name ends in the beginning of its SHA-256: a download that was cut off is noticed by it.
    if promised and not (sha256 := file_digest(path)).startswith(promised[1]):
        raise InputError(f"{path} is damaged: its SHA-256 is {sha256}, not as its name says; fetch it again")
    state, layers = read_tensors(path), dict[str, Any]()
    for name, (side, inputs, outputs) in shapes:
        place = name.replace("layer_", "features.")
        kernel = take_array(state, f"{place}.weight", (outputs, inputs, side, side), path)
        bias = take_array(state, f"{place}.bias", (outputs,), path)
        # PyTorch's [O, I, h, w] -> [h, w, I, O].
        layers[name] = {"kernel": kernel.transpose(2, 3, 1, 0), "bias": bias}
    return layers


def find_vgg19(file: str) -> Path:
    """The file of VGG19's weights; InputError, with where it is to be had, where it is not there."""
    named = file or os.environ.get(VGG_VARIABLE, "")
    path = Path(named).expanduser() if named else cache_path(VGG_FILE)
    if not path.is_file():
        raise InputError(
            f"VGG19 needs torchvision's weights of ImageNet, and {path} is not there: fetch {VGG_FILE}, "
            f"whose address is torchvision.models.VGG19_Weights.IMAGENET1K_V1.url, and put it there, or give "
            f"its path as the content's file or in {VGG_VARIABLE}; or compare by InceptionMaps() or Pixels()"
        )
    return path


@functools.lru_cache(maxsize=2)
def read_inception(file: str, names: tuple[str, ...]) -> Tree:
    """The first layers of Inception's tree of weights."""
    path = Path(file).expanduser() if file else inception_weights.find_weights()
    # Numbers, and not values of the trace of whoever asks first, which are of no use to the next.
    with jax.ensure_compile_time_eval():
        params, _, _ = inception_weights.load_weights(path)
    return jax.device_get({name: params[name] for name in names})
