"""Fully connected networks with hidden layers of a label's own. Mirza and Osindero 2014, section 4.1."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import check_labels
from gaxjax.layers.dtypes import Precision, to_compute_dtype, to_float32
from gaxjax.layers.standard import Activation, Dense, Dropout, Maxout, activate, flatten


class Generator(nn.Module):
    """Latents [B, L] and labels [B] -> [B, *shape]: a hidden layer of each, and layers of both."""

    shape: tuple[int, ...]
    """of one example: (H, W, C)"""
    classes: int = 10
    """of the labels"""
    latent_features: int = 200
    """width of the latents' own hidden layer"""
    label_features: int = 1000
    """width of the label's own hidden layer"""
    features: tuple[int, ...] = (1200,)
    """width of each layer of both"""
    output: Activation = "sigmoid"
    """after the last layer; sigmoid is onto [-1, 1]"""
    bound: float = 0.05
    """initial kernels are uniform on [-bound, bound]"""
    dropout: float = 0.0
    """share of the hidden units that is dropped"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, latents: Array, condition: Array) -> Array:
        z = to_compute_dtype(latents, self.precision)
        # Times the layer's kernel, one-hot labels pick a row of it for each class.
        y = one_hot(condition, self.classes, z)
        # By name, as the tree then says which layer is whose.
        z = self._hidden(Dense(self.latent_features, bound=self.bound, name="latents")(z))
        y = self._hidden(Dense(self.label_features, bound=self.bound, name="label")(y))
        x = jnp.concatenate([z, y], axis=-1)
        for width in self.features:
            # A rectifier after the sum of both lets a class decide what of the noise is seen.
            x = self._hidden(Dense(width, bound=self.bound)(x))
        # Widened before the sigmoid: just below 1, bfloat16 has steps of 1/256.
        x = to_float32(Dense(math.prod(self.shape), bound=self.bound)(x))
        return activate(x, self.output).reshape(-1, *self.shape)

    def _hidden(self, x: Array) -> Array:
        return Dropout(self.dropout)(activate(x, "relu"))


class MaxoutDiscriminator(nn.Module):
    """Images [B, H, W, C] and labels [B] -> {"logits": [B], "features": [B, F]}, by maxout layers."""

    classes: int = 10
    """of the labels"""
    image_features: int = 240
    """units of the image's own layer"""
    label_features: int = 50
    """units of the label's own layer"""
    features: int = 240
    """units of the layer of both"""
    pieces: tuple[int, int, int] = (5, 5, 4)
    """linear pieces per unit: of the image's layer, of the label's and of both's"""
    bound: float = 0.005
    """initial kernels are uniform on [-bound, bound]"""
    label_bound: float = 0.2
    """of the label's own layer, which sees a single 1 where the image's sees a hundred bright pixels"""
    dropout: float = 0.5
    """share of the hidden units that is dropped"""
    precision: Precision = "float32"
    """of activations and products; parameters, statistics and what is given out are float32"""

    @nn.compact
    def __call__(self, x: Array, condition: Array) -> dict[str, Array]:
        # The joint layer is where image and label meet: a verdict on the label is one of its pieces.
        of_image, of_label, of_both = self.pieces
        # In [0, 1], as the authors' generator gives them.
        x = (to_compute_dtype(flatten(x), self.precision) + 1) / 2
        y = one_hot(condition, self.classes, x)
        x = self._hidden(Maxout(self.image_features, of_image, self.bound, name="image")(x))
        y = self._hidden(Maxout(self.label_features, of_label, self.label_bound, name="label")(y))
        x = self._hidden(Maxout(self.features, of_both, self.bound)(jnp.concatenate([x, y], axis=-1)))
        x = to_float32(x)
        return {"logits": jnp.squeeze(Dense(1, bound=self.bound)(x), axis=-1), "features": x}

    def _hidden(self, x: Array) -> Array:
        # Maxout's pieces replace an activation.
        return Dropout(self.dropout)(x)


def one_hot(labels: Array, classes: int, like: Array) -> Array:
    """[B] -> [B, classes] of `like`'s type; InputError for labels that are none of the classes."""
    check_labels(labels, classes)
    return jax.nn.one_hot(labels, classes, dtype=like.dtype)
