"""Networks of two domains that share the layers of what both have in common. Liu and Tuzel 2016, appendix A.

A layer is one set of parameters, such as "shared_1", or one for each domain, "a_4" and "b_4": what is shared
is there once, so that whoever moves it moves it for both. Outputs of both domains are dicts, {"a", "b"}.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError
from gaxjax.layers.dtypes import Precision, to_compute_dtype, to_float32
from gaxjax.layers.norms import BatchNorm
from gaxjax.layers.standard import Conv, ConvTranspose, Dense, PReLU, activate, flatten, halved_sizes

DOMAINS = ("a", "b")
SHARED = "shared"


class Generator(nn.Module):
    """Latents [B, L] -> {"a": images [B, *shape], "b": images}: one picture, as each domain draws it."""

    shape: tuple[int, int, int]
    """(H, W, C) of the images"""
    features: int = 128
    """channels before the last layer; twice as many at each halving of the size before it"""
    depth: int = 3
    """number of times the size doubles"""
    own: int = 1
    """layers, counted from the image, that each domain has for itself; 0: one image alone, [B, *shape]"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, latents: Array) -> Any:
        # One of the latents, one for each doubling, and the one that paints.
        layers = self.depth + 2
        check_own(self.own, layers)
        sizes = halved_sizes(self.shape, self.depth)[::-1]
        paths = {SHARED: to_compute_dtype(latents, self.precision)}
        for level in range(layers):
            if level == layers - self.own:
                # Here the paths part: what comes before has decided what the picture is of.
                paths = dict.fromkeys(DOMAINS, paths[SHARED])
            for name, x in paths.items():
                if level < layers - 1:
                    layer = Up(
                        self.features * 2 ** (self.depth - level), sizes[level], name=f"{name}_{level}"
                    )
                    paths[name] = layer(x)
                else:
                    x = ConvTranspose(self.shape[-1], 6, 1, name=f"{name}_{level}")(x)
                    paths[name] = activate(to_float32(x), "sigmoid")
        return paths if self.own else paths[SHARED]


class Discriminator(nn.Module):
    """{"a": images [B, H, W, C], "b": images} -> {"logits": {"a": [B], "b": [B]}, "features": {...: [B, F]}}.

    Of one domain's images alone, {"b": images}, it says the same without the other; of an array of images,
    with all layers shared, arrays. It sees pixels in [0, 1], as the authors' does.
    """

    features: tuple[int, ...] = (20, 50)
    """channels after each convolution, which a max pool of 2 x 2 follows"""
    hidden: int = 500
    """width of the layer before the last"""
    classes: int = 0
    """of the head "classes" on the features, {"a": [B, classes], ...}; 0: there is none"""
    own: int = 1
    """layers, counted from the image, that each domain has for itself"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, images: Any) -> dict[str, Any]:
        check_own(self.own, len(self.features) + 1)
        paths = dict(images) if isinstance(images, Mapping) else {SHARED: images}
        paths = {name: (to_compute_dtype(x, self.precision) + 1) / 2 for name, x in paths.items()}
        # The last of them is the hidden layer, which is the features.
        for level, width in enumerate((*self.features, self.hidden)):
            owners = {name: name if level < self.own else SHARED for name in paths}
            convolution = level < len(self.features)
            # Made once and called for each domain: one module is one set of parameters.
            layers = {
                owner: Down(width, convolution, name=f"{owner}_{level}")
                for owner in sorted(set(owners.values()))
            }
            paths = {name: layers[owners[name]](x) for name, x in paths.items()}
        paths = {name: to_float32(x) for name, x in paths.items()}
        heads = {"logits": 1, "classes": self.classes}
        outputs: dict[str, Any] = {"features": paths}
        for output, size in heads.items():
            if size:
                head = Dense(size, name=output)
                outputs[output] = {name: head(x) for name, x in paths.items()}
        outputs["logits"] = {name: x[:, 0] for name, x in outputs["logits"].items()}
        if isinstance(images, Mapping):
            return outputs
        return {output: by_name[SHARED] for output, by_name in outputs.items()}


class Conditional(nn.Module):
    """One network for both domains, with the domain as its condition: the conditional GAN of section 4.

    Latents [B, L], or {"a": images, "b": images} -> {"a", "b"} of each output, [B, ...].
    """

    network: nn.Module
    """(x, domain [B], 0 or 1) -> an array or arrays by name: `layers.Concatenated(network, classes=2)`"""

    of_labels: ClassVar = False
    """Whether the classes that its network is told of are those of the data's labels."""

    def __call__(self, x: Any) -> Any:
        parts = x if isinstance(x, Mapping) else dict.fromkeys(DOMAINS, x)
        both = jnp.concatenate([parts[name] for name in DOMAINS])
        # In one batch: a norm's statistics are then of both domains, as they are where it samples.
        domain = jnp.repeat(jnp.arange(2), len(both) // 2)
        outputs = self.network(both, domain)
        return jax.tree.map(lambda y: dict(zip(DOMAINS, jnp.split(y, 2), strict=True)), outputs)


class Up(nn.Module):
    """A layer towards the image: latents [B, L], or [B, h, w, C], -> [B, *size, features]."""

    features: int
    """channels that it makes"""
    size: tuple[int, ...]
    """(H, W) that it makes"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        # Without a bias, which batch norm would take away again.
        if x.ndim == 2:
            height, width = self.size
            x = Dense(height * width * self.features, bias=False)(x)
            x = x.reshape(-1, height, width, self.features)
        else:
            x = ConvTranspose(self.features, 3, bias=False)(x, self.size)
        return PReLU()(BatchNorm(deviation=0)(x))


class Down(nn.Module):
    """A layer away from the image: [B, H, W, C] -> [B, H', W', features], or -> [B, features]."""

    features: int
    """channels that it makes"""
    convolution: bool
    """whether it is one, with a max pool; if not, it is of all pixels together"""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        if not self.convolution:
            return PReLU()(Dense(self.features)(flatten(x)))
        # The pool is the only thing here that is not linear, as in the authors' code.
        # Small images get zeros around them, or nothing would be left.
        x = Conv(self.features, 5, padding="valid" if min(x.shape[1:3]) > 5 else "same")(x)
        # An odd last row or column is half a square; it counts twice, which changes no maximum.
        x = jnp.pad(x, ((0, 0), (0, x.shape[1] % 2), (0, x.shape[2] % 2), (0, 0)), mode="edge")
        squares = x.reshape(-1, x.shape[1] // 2, 2, x.shape[2] // 2, 2, self.features)
        return jnp.max(squares, axis=(2, 4))


def check_own(own: int, layers: int) -> None:
    """Refuses more layers of each domain's own than there are."""
    if not 0 <= own <= layers:
        raise InputError(f"own={own}: of {layers} layers, 0 to {layers} are each domain's own")
