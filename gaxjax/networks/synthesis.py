"""The synthesis of images, level by level, from styles or from latents; see `gaxjax.networks.style`."""

import math
from collections.abc import Callable, Mapping
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.game import PLAY
from gaxjax.layers.dtypes import Precision, match_dtype, to_compute_dtype, to_float32
from gaxjax.layers.initializers import kernel_init
from gaxjax.layers.mode import warn_of_kept_weights
from gaxjax.layers.recomputation import apply_block
from gaxjax.layers.resampling import upsample
from gaxjax.layers.standard import Dense, add_bias
from gaxjax.networks.progressive import (
    Convolution,
    clamp_to_dtype,
    count_levels,
    level_channels,
    make_activation,
    pixel_norm,
    resized_conv,
)

Modulation = Literal["none", "instance", "weights"]
Styles = Mapping[str, Array]
"""By synthesis layer: {"layer_0": [B, S], ...}."""
Noise = Mapping[str, Array] | None
"""By synthesis layer: [B or 1, H, W, 1]; None: drawn."""


class Synthesis(nn.Module):
    """Styles by layer, or latents, -> images [B, *shape]. Fields as the generator's."""

    shape: tuple[int, int, int]
    base: tuple[int, int]
    features: int
    max_features: int
    modulation: Modulation
    start: Literal["constant", "latents"]
    noise: bool
    taps: tuple[float, ...]
    output: Literal["last", "skip", "every"]
    fading: bool
    scaled: bool
    precision: Precision
    recompute: bool

    @nn.compact
    def __call__(
        self, styles: Styles, latents: Array | None, noise: Noise, scales: bool = False
    ) -> Array | dict[int, Array]:
        """Images; scales: by level, of those that give some, 0 the smallest."""
        warn_of_kept_weights(self)
        top, width = count_levels(self.shape, self.base), level_channels(self.features, self.max_features)
        x = to_compute_dtype(self.initial_features(styles, latents, width(0)), self.precision)
        images: dict[int, Array] = {}
        for level in range(top + 1):
            # Colors come beside features and are added up out here, so that no block keeps those of the
            # others.
            x, rgb = apply_block(self, self.recompute, self.synthesis_block(level), x, styles, noise)
            if rgb is not None:
                # Old colors that are fading out are enlarged as they were before: by nearest neighbors.
                taps = self.taps if self.output == "skip" else ()
                # Of "every" none is: each is an image by itself.
                adds = self.output != "every" and level - 1 in images
                images[level] = upsample(images[level - 1], taps) + rgb if adds else rgb
        return images if scales else images[top]

    def synthesis_block(self, level: int) -> Callable[..., tuple[Array, Array | None]]:
        """One level: (module, x, styles, noise) -> what goes on to the next, and colors if it gives some."""
        top, width = count_levels(self.shape, self.base), level_channels(self.features, self.max_features)
        colored = self.output != "last" or level == top or (self.fading and level == top - 1)

        def body(module: "Synthesis", x: Array, styles: Styles, noise: Noise) -> tuple[Array, Array | None]:
            for number, name in enumerate(layer_names(self.modulation, top)[level]):
                layer = Layer(
                    width(level),
                    # ProGAN's first layer is a dense one and StyleGAN's a constant, both in place of a
                    # convolution; StyleGAN2 convolves its constant.
                    convolve=name != "layer_0" or self.modulation == "weights",
                    # The first of a level's two layers doubles the size.
                    up=level > 0 and number == 0,
                    modulation=self.modulation,
                    noise=self.noise,
                    taps=self.taps,
                    scaled=self.scaled,
                    name=name,
                )
                x = layer(x, styles.get(name), None if noise is None else noise[name])
            return x, module.to_rgb(x, styles, level) if colored else None

        return body

    def initial_features(self, styles: Styles, latents: Array | None, features: int) -> Array:
        """What level 0 begins with, [B, h, w, features]."""
        shape = (*self.base, features)
        if self.start == "latents":
            assert latents is not None
            # Of the gain sqrt(2) a quarter: Karras et al. 2018's code has sqrt(2) / 4 for this layer.
            x = Dense(math.prod(shape), bias=False, deviation=1.0, name="beginning")(pixel_norm(latents)) / 4
            return x.reshape(-1, *shape)
        # As in the authors' code: StyleGAN begins with ones, StyleGAN2 with N(0, 1).
        init = nn.initializers.normal(1.0) if self.modulation == "weights" else nn.initializers.ones
        constant = self.param("constant", init, (1, *shape))
        batch = styles["layer_0"].shape[0]
        return jnp.broadcast_to(constant, (batch, *shape))

    def to_rgb(self, x: Array, styles: Styles, level: int) -> Array:
        """Colors of a level, float32 or more; with modulated kernels their style is also the next layer's."""
        name, features = f"to_rgb_{level}", self.shape[-1]
        # Float16 has no room for sums of 512 channels; bfloat16 has, and half of float32's size.
        x = to_float32(x) if x.dtype == jnp.float16 else x
        if self.modulation == "weights":
            # Of the next layer: the last level's colors have the last style to themselves.
            style = styles[f"layer_{2 * level + 1}"]
            colors = Modulated(features, 1, demodulate=False, name=name)(x, style)
        else:
            colors = Convolution(features, 1, name=name)(x)
        return to_float32(colors)


def layer_names(modulation: Modulation, top: int) -> list[list[str]]:
    """The layers of levels 0..top; with modulated kernels level 0 has one: the last style is the colors'."""
    if modulation == "weights":
        return [["layer_0"], *([f"layer_{2 * i - 1}", f"layer_{2 * i}"] for i in range(1, top + 1))]
    return [[f"layer_{2 * i}", f"layer_{2 * i + 1}"] for i in range(top + 1)]


class Layer(nn.Module):
    """Convolution, noise, bias, leaky ReLU, and a norm: pixel norm, AdaIN, or demodulation in its place."""

    features: int
    convolve: bool
    up: bool
    modulation: Modulation
    noise: bool
    taps: tuple[float, ...]
    scaled: bool

    @nn.compact
    def __call__(self, x: Array, style: Array | None, noise: Array | None) -> Array:
        resize: Literal["up", "none"] = "up" if self.up else "none"
        if self.modulation == "weights":
            x = Modulated(self.features, resize=resize, taps=self.taps, bias=False, name="convolution")(
                x, style
            )
        elif self.convolve:
            convolution = Convolution(
                self.features, resize=resize, taps=self.taps, bias=False, name="convolution"
            )
            x = convolution(x)
        # Noise, bias, activation, norm: the order of the authors' epilogue.
        if self.noise:
            if noise is None:
                noise = jax.random.normal(self.make_rng(PLAY), (*x.shape[:3], 1), x.dtype)
            # One scale for each channel in StyleGAN, a single one in StyleGAN2.
            shape = () if self.modulation == "weights" else (self.features,)
            # Zeros: noise comes in as far as it is learned to.
            scale = self.param("noise", nn.initializers.zeros, shape)
            x = x + noise.astype(x.dtype) * scale.reshape((1, 1, 1, -1)).astype(x.dtype)
        x = make_activation(self.scaled, x.dtype)(add_bias(self, x, True).astype(x.dtype))
        if self.modulation == "none":
            return pixel_norm(x)
        if self.modulation == "instance":
            assert style is not None
            return adain(x, Dense(2 * self.features, deviation=1.0, name="style")(style))
        return x


class Modulated(nn.Module):
    """A convolution whose kernel is scaled for each example by its style. Karras et al. 2020, eq. 1 and 3.

    The kernel is the same for all: inputs are scaled before it, and outputs after it.
    """

    features: int
    kernel: int = 3
    resize: Literal["none", "up"] = "none"
    taps: tuple[float, ...] = ()
    demodulate: bool = True
    bias: bool = True

    @nn.compact
    def __call__(self, x: Array, style: Array | None) -> Array:
        assert style is not None
        scale = Dense(x.shape[-1], deviation=1.0, start=1.0, name="style")(style)
        shape = (self.kernel, self.kernel, x.shape[-1], self.features)
        kernel = self.param("kernel", kernel_init(1.0), shape)
        if x.dtype == jnp.float16 and self.demodulate:
            # Demodulation undoes any factor; without these two, sums overflow (ADA's code).
            kernel = kernel / jnp.max(jnp.abs(kernel))
            scale = scale / jnp.max(jnp.abs(scale), axis=-1, keepdims=True)
        # Convolution is linear, so scaled inputs do for scaled kernels: one kernel for the batch instead of
        # one for each example, which would be a grouped convolution.
        x = x * scale[:, None, None, :].astype(x.dtype)
        x = resized_conv(self.resize)(x, match_dtype(kernel, x), self.taps)
        if self.demodulate:
            x = x * demodulation(kernel, scale)[:, None, None, :].astype(x.dtype)
        return add_bias(self, x, self.bias).astype(x.dtype)


def demodulation(kernel: Array, scale: Array) -> Array:
    """1 / the norm of each output's scaled kernel, [k, k, I, O] and [B, I] -> [B, O]; ibid., eq. 3."""
    # The norm of scale * kernel over window and inputs, for all examples in one product: [B, I] @ [I, O].
    return jax.lax.rsqrt(scale**2 @ jnp.sum(kernel**2, axis=(0, 1)) + 1e-8)


def adain(x: Array, style: Array) -> Array:
    """Each channel of each example to mean 0 and variance 1, then (1 + scale) x + shift; style [B, 2 C].

    Karras et al. 2019, eq. 1, with the code's 1 + scale. Statistics are widened, and the variance is that of
    differences: `layers.instance_norm`'s, a difference of squares, is too rough for so small an epsilon.
    """
    wide = to_float32(x)
    mean = jnp.mean(wide, axis=(1, 2), keepdims=True)
    variance = jnp.mean(jnp.square(wide - mean), axis=(1, 2), keepdims=True)
    scale, shift = jnp.split(style[:, None, None, :], 2, axis=-1)
    return clamp_to_dtype((wide - mean) * jax.lax.rsqrt(variance + 1e-8) * (1 + scale) + shift, x.dtype)
