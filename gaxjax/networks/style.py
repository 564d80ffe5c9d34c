"""Generators of levels: ProGAN's, StyleGAN's and StyleGAN2's, which differ by fields.

A style generator is a mapping, latents -> w, and a synthesis, styles -> images. Styles are a tree keyed by
synthesis layer, {"layer_0": [B, S], ...}, so that mixing is `transforms.graft` on it, truncation
`transforms.truncate` and interpolation `jax.tree.map`. See `gaxjax.networks.progressive` for levels,
equalized kernels and the fade-in.
"""

import dataclasses
import math
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError, check_labels
from gaxjax.layers.dtypes import Precision
from gaxjax.layers.mode import warn_of_kept_weights
from gaxjax.layers.standard import Dense
from gaxjax.networks.progressive import count_levels, equalize_kernels, make_activation, pixel_norm
from gaxjax.networks.synthesis import Modulation, Noise, Styles, Synthesis
from gaxjax.transforms import Path, Tree, chain, equalize, fade, graft, layer_index

MEANS = "styles"
"""The collection of the moving average of w."""
MAPPING_RATE = 0.01
"""Multiplier of the mapping's learning rate. Karras et al. 2019, appendix C."""


class Generator(nn.Module):
    """Latents [B, L] -> images [B, *shape].

    ProGAN: no mapping, modulation none, starts from latents. StyleGAN: modulation instance, which is AdaIN.
    StyleGAN2: modulation weights, output skip. Karras et al. 2018, table 2; 2019, fig. 1; 2020, fig. 2.
    """

    shape: tuple[int, int, int]
    """(H, W, C) of the images: the base, doubled some times"""
    base: tuple[int, int] = (4, 4)
    """height and width of level 0"""
    features: int = 8192
    """channels at a level are features / 2^(level + 1), and no more than max_features"""
    max_features: int = 512
    """channels that a level has at most"""
    modulation: Modulation = "instance"
    """how styles act: none; instance: AdaIN after each layer; weights: (de)modulated kernels"""
    mapping_layers: int = 8
    """of the mapping from latents to w"""
    style_size: int = 512
    """S: the size of w"""
    start: Literal["constant", "latents"] = "constant"
    """what level 0 begins with: learned, or a linear layer of the normalized latents"""
    noise: bool = True
    """whether each layer adds noise, one number for each pixel, by a learned scale"""
    taps: tuple[float, ...] = (1, 2, 1)
    """of the filter when upsampling: none, (1, 2, 1), (1, 3, 3, 1)"""
    output: Literal["last", "skip", "every"] = "last"
    """last: the newest level's colors alone; skip: the sum of those of every level; every: each level's
    are an image by themselves (MSG-GAN), of which the newest counts"""
    fading: bool = False
    """whether the level below the newest also gives its colors, which are being faded out"""
    classes: int = 0
    """label classes that the mapping, or the start where there is none, is told; 0 for none"""
    scaled: bool = False
    """StyleGAN2's way of keeping variances: the factor sqrt(2) after leaky ReLU instead of on kernels"""
    mean_decay: float = 0.995
    """of the moving average of w, for truncation"""
    precision: Precision = "float32"
    """of the convolutions; parameters, statistics, demodulation and colors are float32"""
    recompute: bool = False
    """whether levels are computed again in the backward pass instead of kept: less memory, more time"""

    def setup(self) -> None:
        if self.modulation != "none":
            self.mapping = Mapping(self.mapping_layers, self.style_size, self.scaled)
            # No parameter: it follows w, and no optimizer moves it.
            self.mean = self.variable(MEANS, "mean", jnp.zeros, (self.style_size,))
        # Every field of Synthesis is a field of this module by the same name.
        names = [
            field.name for field in dataclasses.fields(Synthesis) if field.name not in ("parent", "name")
        ]
        self.synthesis = Synthesis(**{name: getattr(self, name) for name in names})

    @property
    def layers(self) -> int:
        """How many synthesis layers there are: two for each level."""
        return 2 * (count_levels(self.shape, self.base) + 1)

    def __call__(
        self, latents: Array, label: Array | None = None, scales: bool = False
    ) -> Array | dict[int, Array]:
        """Images; scales: of each level that gives colors, {level: [B, H, W, C]}, 0 the smallest."""
        if self.modulation == "none":
            return self.synthesis({}, with_labels(latents, label, self.classes), None, scales)
        return self.synthesize(self.styles(self.map(latents, label)), latents, label, scales=scales)

    def map(self, latents: Array, label: Array | None = None) -> Array:
        """w of latents, [B, L] -> [B, S]; while a player moves, the average of w follows."""
        if self.modulation == "none":
            raise InputError("this generator has no styles: its modulation is none")
        w: Array = self.mapping(with_labels(latents, label, self.classes))
        # While a player moves, and not while sampling.
        if self.is_mutable_collection(MEANS) and not self.is_initializing():
            # Without a gradient: the mean is kept beyond the step that made it.
            now = jax.lax.stop_gradient(jnp.mean(w, axis=0))
            self.mean.value = self.mean_decay * self.mean.value + (1 - self.mean_decay) * now
        return w

    def styles(self, w: Array) -> dict[str, Array]:
        """The same w for every layer."""
        # The same array under many names costs nothing; once mixed, they differ.
        return {f"layer_{i}": w for i in range(self.layers)}

    def synthesize(
        self,
        styles: Styles,
        latents: Array | None = None,
        label: Array | None = None,
        noise: Noise = None,
        scales: bool = False,
    ) -> Array | dict[int, Array]:
        """Images of styles, and of latents where synthesis starts from them; noise is drawn unless given."""
        starting = None
        if self.start == "latents":
            if latents is None:
                raise InputError("this generator's synthesis starts from latents, so styles alone do not do")
            starting = with_labels(latents, label, self.classes)
        images: Array | dict[int, Array] = self.synthesis(styles, starting, noise, scales)
        return images

    def average(self) -> Array:
        """The moving average of w, [S]."""
        return self.mean.value

    @nn.nowrap
    def weights(self, params: Tree, step: Array | int) -> Tree:
        """What a game gives the network to compute with: `effective_params`, the newest level whole."""
        return self.effective_params(params)

    @nn.nowrap
    def effective_params(self, params: Tree, alpha: Array | float = 1.0) -> Tree:
        """Parameters as this network sees them, the newest level faded in by alpha."""
        top = count_levels(self.shape, self.base)
        faded = [fade(alpha, f"to_rgb_{top}", f"to_rgb_{top - 1}")] if self.fading else []

        def is_mapping(path: Path) -> bool:
            return path[0] == "mapping"

        gain = 1.0 if self.scaled else math.sqrt(2)
        # Its kernels are kept 100 times as large and scaled down here: an optimizer's steps are 1 / 100 of
        # theirs.
        mapping = equalize(MAPPING_RATE, gain, where=is_mapping)
        rest = chain(*equalize_kernels(self.scaled, ("to_rgb", "style")))
        return chain(*faded, mapping, lambda tree: {**tree, "synthesis": rest(tree["synthesis"])})(params)


def with_labels(latents: Array, label: Array | None, classes: int) -> Array:
    """Latents, and which class as one-hot, [B, L] -> [B, L + classes]."""
    if not classes:
        return latents
    if label is None:
        raise InputError(f"the generator has classes={classes} and needs labels; it was given none")
    check_labels(label, classes)
    return jnp.concatenate([latents, jax.nn.one_hot(label, classes, dtype=latents.dtype)], axis=-1)


def mix_styles(first: Styles, second: Styles, crossover: Array | int) -> dict[str, Array]:
    """The first's styles before layer `crossover`, the second's from it on. Karras et al. 2019, section 3.1.

    crossover: a number, or [B, 1], one for each example; may be traced.
    """
    # One where for each layer: the crossover may be traced, and differ between examples.
    return dict(graft(dict(first), dict(second), lambda path: layer_index(path[-1]) >= crossover))


class Mapping(nn.Module):
    """Latents [B, L] -> w [B, S] through layers with a small learning rate."""

    layers: int
    size: int
    scaled: bool

    @nn.compact
    def __call__(self, latents: Array) -> Array:
        warn_of_kept_weights(self)
        # Only the direction of latents counts, as in the authors' code.
        x, act = pixel_norm(latents), make_activation(self.scaled, latents.dtype)
        for i in range(self.layers):
            # N(0, 1) / MAPPING_RATE, which effective_params multiplies by it again.
            x = act(Dense(self.size, deviation=1 / MAPPING_RATE, name=f"dense_{i}")(x))
        if not self.layers and x.shape[-1] != self.size:
            raise InputError(
                f"without mapping layers w is the latents: style_size {x.shape[-1]}, not {self.size}"
            )
        return x
