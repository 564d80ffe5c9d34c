"""Networks of levels, each of twice the size: ProGAN's discriminator, StyleGAN's and StyleGAN2's.

A level doubles height and width, from `base` at level 0 up to `shape`; widths halve with it. What a network
computes with is `effective_params(params, alpha)`: kernels are kept as N(0, 1) and scaled on their way
(`transforms.equalize`), and the newest level is faded in (`transforms.fade`).
"""

import math
from collections.abc import Callable
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError, check_labels
from gaxjax.layers.convolution import conv
from gaxjax.layers.dtypes import Precision, check_floating, match_dtype, to_compute_dtype, to_float32
from gaxjax.layers.initializers import kernel_init
from gaxjax.layers.mode import warn_of_kept_weights
from gaxjax.layers.recomputation import apply_block
from gaxjax.layers.resampling import Taps, average_pool, down_conv, downsample, up_conv
from gaxjax.layers.standard import Dense, add_bias, flatten
from gaxjax.transforms import Path, Transform, Tree, chain, equalize, fade

LIMIT = 256.0
"""Activations in float16 are clamped to it, against overflow. Karras et al. 2020 (ADA), appendix D."""


class Discriminator(nn.Module):
    """Images [B, *shape] (, labels [B]) -> {"logits": [B], "features": [B, F]}.

    Karras et al. 2018, table 2; 2019; 2020, figure 7.
    """

    shape: tuple[int, int, int]
    """(H, W, C) of the images: the base, doubled some times"""
    base: tuple[int, int] = (4, 4)
    """height and width of the last level"""
    features: int = 8192
    """channels at a level are features / 2^(level + 1), and no more than max_features"""
    max_features: int = 512
    """channels that a level has at most"""
    taps: tuple[float, ...] = ()
    """of the filter when downsampling: none, (1, 2, 1), (1, 3, 3, 1)"""
    design: Literal["plain", "skip", "residual"] = "plain"
    """plain: the image enters at the top; skip: at every level; residual: levels have linear ways around"""
    group: int = 4
    """examples that the standard deviation of the minibatch is of; 1: none"""
    classes: int = 0
    """logits, one for each class, of which the label says which counts; 0: one"""
    fading: bool = False
    """whether the image also enters at the level below the newest, which is being faded in"""
    scaled: bool = False
    """StyleGAN2's way of keeping variances: the factor sqrt(2) after leaky ReLU instead of on kernels"""
    precision: Precision = "float32"
    """of the convolutions; parameters, statistics and the last layers are float32"""
    recompute: bool = False
    """whether levels are computed again in the backward pass instead of kept: less memory, more time"""

    def examples_together(self, batch: int) -> int:
        """How many examples of a minibatch a standard deviation is of."""
        return group_size(batch, self.group)

    @nn.compact
    def __call__(self, images: Array, label: Array | None = None) -> dict[str, Array]:
        if images.shape[1:] != tuple(self.shape):
            came = f"for images of shape {tuple(self.shape)}; got {images.shape[1:]}"
            raise InputError(f"discriminator is {came}: set its shape or the data's")
        warn_of_kept_weights(self)
        # Level 0 is the smallest. A discriminator counts down to it, a generator up from it.
        top, width = count_levels(self.shape, self.base), level_channels(self.features, self.max_features)
        x = images = to_compute_dtype(images, self.precision)
        act = make_activation(self.scaled, x.dtype)

        def from_rgb(images: Array, level: int) -> Array:
            # Named by level from the bottom, so that a network of one level more finds its old parameters
            # (graft).
            return act(Convolution(width(level), 1, name=f"from_rgb_{level}")(images))

        def down_block(level: int) -> Callable[[nn.Module, Array, Array], tuple[Array, Array]]:
            def body(_: nn.Module, x: Array, images: Array) -> tuple[Array, Array]:
                # What enters at the top is the first level's part, which then keeps the image alone.
                around = x = from_rgb(images, level) if level == top else x
                x = act(Convolution(width(level), name=f"level_{level}_0")(x))
                down = Convolution(width(level - 1), resize="down", taps=self.taps, name=f"level_{level}_1")
                # Filtered and halved within the second convolution of a level.
                x = act(down(x))
                if self.design == "residual":
                    way = Convolution(
                        width(level - 1), 1, "down", self.taps, bias=False, name=f"level_{level}_skip"
                    )
                    # The sum of two has twice the variance (Karras et al. 2020, appendix B).
                    x = (x + way(around)) * math.sqrt(0.5)
                # While fading, the small image enters one level below too, and alpha weighs the two (2018,
                # figure 2).
                entering = self.fading and level == top
                if self.design == "skip" or entering:
                    # Fading: by plain averages, as real images are blended (StyleGAN.real_images). A skip: by
                    # its filter.
                    images = average_pool(images) if entering else downsample(images, self.taps)
                    x = x + from_rgb(images, level - 1)
                return x, images

            return body

        for level in range(top, 0, -1):
            x, images = apply_block(self, self.recompute, down_block(level), x, images)
        # Of one level only, the image enters here.
        x = to_float32(x if top else from_rgb(images, 0))
        if self.group > 1:
            x = append_deviation(x, self.group)
        return last_level(x, width(0), self.classes, label, self.scaled)

    @nn.nowrap
    def weights(self, params: Tree, step: Array | int) -> Tree:
        """What a game gives the network to compute with: `effective_params`, the newest level whole."""
        return self.effective_params(params)

    @nn.nowrap
    def effective_params(self, params: Tree, alpha: Array | float = 1.0) -> Tree:
        """Parameters as this network sees them, the newest level faded in by alpha."""
        top = count_levels(self.shape, self.base)
        # Both end in a leaky ReLU, which passes factors of 0 and above: scaled parameters are scaled outputs.
        new, old = f"level_{top}_1", f"from_rgb_{top - 1}"
        faded = [fade(alpha, new, old)] if self.fading else []
        return chain(*faded, *equalize_kernels(self.scaled, ("last", "_skip")))(params)


def last_level(x: Array, channels: int, classes: int, label: Array | None, scaled: bool) -> dict[str, Array]:
    """Level 0 of a discriminator, inside of its compact method: [B, h, w, C] -> its outputs by name."""
    act = make_activation(scaled, x.dtype)
    x = act(Convolution(channels, name="convolution")(x))
    # The features that are given out: the last layer before the logits.
    x = act(Dense(channels, deviation=1.0, name="dense")(flatten(x)))
    logits = Dense(max(classes, 1), deviation=1.0, name="last")(x)
    if not classes:
        return {"logits": logits[:, 0], "features": x}
    if label is None:
        raise InputError(f"discriminator has classes={classes} and needs labels; the data have none")
    check_labels(label, classes)
    # A logit for each class and the label's one counts, as in Mescheder et al. 2018.
    return {"logits": jnp.take_along_axis(logits, label[:, None], axis=1)[:, 0], "features": x}


class Convolution(nn.Module):
    """A convolution with a bias, [B, H, W, C] -> [B, H', W', features]; kernel [k, k, C, features]."""

    features: int
    """output channels"""
    kernel: int = 3
    """side of the kernel"""
    resize: Literal["none", "up", "down"] = "none"
    """to twice or half of the size, by `taps`"""
    taps: tuple[float, ...] = ()
    """of the filter"""
    bias: bool = True
    """whether to add one number per channel"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.kernel, self.kernel, x.shape[-1], self.features)
        # N(0, 1); what scales it is `effective_params`, outside.
        kernel = self.param("kernel", kernel_init(1.0), shape)
        y = resized_conv(self.resize)(x, match_dtype(kernel, x), self.taps)
        return add_bias(self, y, self.bias).astype(x.dtype)


def resized_conv(resize: str) -> Callable[[Array, Array, Taps], Array]:
    """(x, kernel, taps) -> a convolution at the same, twice or half of the size."""
    if resize == "none":
        return lambda x, kernel, taps: conv(x, kernel, 1, kernel.shape[0] // 2)
    return up_conv if resize == "up" else down_conv


def make_activation(scaled: bool, dtype: jnp.dtype) -> Callable[[Array], Array]:
    """Leaky ReLU with slope 0.2; times sqrt(2) if scaled; clamped in float16."""

    gain = math.sqrt(2) if scaled else 1.0

    def act(x: Array) -> Array:
        # The gain within the slopes: one product for each number, forward and back.
        slope = jnp.where(x >= 0, jnp.asarray(gain, x.dtype), jnp.asarray(0.2 * gain, x.dtype))
        return clamp_to_dtype(x * slope, dtype)

    return act


def clamp_to_dtype(x: Array, dtype: jnp.dtype) -> Array:
    """In that type; clamped if it is float16, whose largest number sums of activations would pass."""
    return (jnp.clip(x, -LIMIT, LIMIT) if dtype == jnp.float16 else x).astype(dtype)


def pixel_norm(x: Array) -> Array:
    """Each pixel's channels to mean square 1, widened on the way. Karras et al. 2018, section 4.2."""
    check_floating(x)  # whole numbers would come out as zeros and ones
    wide = to_float32(x)
    scale = jax.lax.rsqrt(jnp.mean(wide**2, axis=-1, keepdims=True) + 1e-8)
    return (wide * scale).astype(x.dtype)


def append_deviation(x: Array, group: int) -> Array:
    """One more channel: the mean over pixels and channels of the standard deviation over a group.

    Karras et al. 2018, section 3. [B, H, W, C] -> [B, H, W, C + 1]. A group's examples are B / group apart;
    where B is not a multiple of the group, its size is the largest number below that B is a multiple of.
    """
    batch = x.shape[0]
    size = group_size(batch, group)
    # [size, B / size, H, W, C]: a group is a column, so that parts of a batch keep it (solvers.accumulation).
    apart = x.reshape(size, batch // size, *x.shape[1:])
    variance = jnp.mean(jnp.square(apart - jnp.mean(apart, axis=0, keepdims=True)), axis=0)
    # [B / size]; the small number is for the root's gradient where all examples are alike.
    deviation = jnp.mean(jnp.sqrt(variance + 1e-8), axis=(1, 2, 3))
    # A group's one number, at every pixel of each of its examples.
    whole = jnp.broadcast_to(deviation.reshape(1, -1, 1, 1, 1), (*apart.shape[:-1], 1))
    return jnp.concatenate([x, whole.reshape(*x.shape[:-1], 1)], axis=-1)


def group_size(batch: int, group: int) -> int:
    """The largest number of examples, no more than the group's, that the batch is a multiple of."""
    # All of one size: in a shorter group the deviation would be of another scale.
    return next(n for n in range(min(group, batch), 0, -1) if batch % n == 0)


def equalize_kernels(scaled: bool, linear: tuple[str, ...]) -> list[Transform]:
    """Equalized learning rate of a network: gain sqrt(2) before leaky ReLU, 1 where a module is linear.

    linear: words in the names of modules that no activation follows. Scaled: 1 everywhere.
    """
    # The factor of leaky ReLU is in the activation then.
    if scaled:
        return [equalize(gain=1.0)]

    def is_linear(path: Path) -> bool:
        return any(word in name for name in path for word in linear)

    return [equalize(gain=1.0, where=is_linear), equalize(where=lambda path: not is_linear(path))]


def count_levels(shape: tuple[int, ...], base: tuple[int, int]) -> int:
    """How often the base is doubled to be of that shape: the number of the top level.

    >>> count_levels((1024, 1024, 3), (4, 4)), count_levels((384, 512, 3), (3, 4))
    (8, 7)
    """
    # By doubling, not by a logarithm: sizes are whole numbers, and base may be any.
    for count in range(32):
        if (base[0] << count, base[1] << count) == tuple(shape[:2]):
            return count
    raise InputError(
        f"images of {shape[0]} x {shape[1]} pixels are not {base[0]} x {base[1]}, doubled: use another "
        f"shape, or a base such as 4 x 6 for 256 x 384"
    )


def level_channels(features: int, most: int) -> Callable[[int], int]:
    """Level -> channels. Karras et al. 2018, appendix A: 8192 / 2^stage and no more than 512.

    >>> [level_channels(8192, 512)(level) for level in range(9)]
    [512, 512, 512, 512, 256, 128, 64, 32, 16]
    """
    return lambda level: max(1, min(features >> (level + 1), most))
