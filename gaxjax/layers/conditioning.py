"""How a condition enters a network, and what else a discriminator says: wrappers around any network.

A network takes a condition as its second argument, `network(x, condition)`, or none.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError, check_labels
from gaxjax.layers.dtypes import check_floating
from gaxjax.layers.norms import Norm, normalize
from gaxjax.layers.standard import Dense, activate
from gaxjax.layers.transformed import Wrapper


def concatenate(x: Array, condition: Array) -> Array:
    """x [B, ..., C] with a condition [B, K], or [B, ..., K], as K more channels, all over x."""
    check_floating(x)
    if condition.ndim < x.ndim:
        # [B, K] -> [B, 1, ..., 1, K]: one more plane for each number, the same at every pixel.
        condition = condition.reshape(condition.shape[0], *(1,) * (x.ndim - 2), condition.shape[-1])
    condition = jnp.broadcast_to(condition, (*x.shape[:-1], condition.shape[-1]))
    return jnp.concatenate([x, condition.astype(x.dtype)], axis=-1)


class Concatenated(Wrapper):
    """A network that is given its condition as channels beside x. Mirza and Osindero 2014, section 3.2.

    The parameters are the network's own, at the same places in the tree.
    """

    network: nn.Module
    """of x with more channels"""
    classes: int = 0
    """of labels [B], which become one-hot, and zeros if a traced one is past them; 0: the condition is arrays
    already: images, attributes, codes"""

    def __call__(self, x: Array, condition: Array | None = None) -> Any:
        if condition is None:
            raise InputError(
                f"{type(self.network).__name__} is Concatenated with a condition and is given none: "
                f'set the game\'s condition, such as condition="label"'
            )
        # Labels themselves would be one channel, in which class 9 is nine times as much as class 1.
        shape = condition.shape
        if self.classes and len(shape) != 1 and shape != x.shape[:-1]:  # a label for each pixel is a map
            raise InputError(
                f"Concatenated(classes={self.classes}) takes labels [{len(x)}], which it makes one-hot; got "
                f"{list(shape)}: give the number of each class, or classes=0 for what is one-hot already"
            )
        if not self.classes and len(shape) < 2:
            raise InputError(
                f"Concatenated(classes=0) takes arrays [{len(x)}, K]; got {condition.dtype} {list(shape)}: "
                f"for labels set classes to how many there are"
            )
        if self.classes:
            check_labels(condition, self.classes, maps=True)
            condition = jax.nn.one_hot(condition, self.classes, dtype=x.dtype)
        return self.network(concatenate(x, condition))


class Projected(nn.Module):
    """A discriminator with <embedding of the label, features> in its logit. Miyato and Koyama 2018, eq. 8."""

    network: nn.Module
    """x -> {"logits": [B], "features": [B, F]}"""
    classes: int
    """of labels [B], of which a traced one past them has no part in the logit"""

    @nn.compact
    def __call__(self, x: Array, condition: Array) -> dict[str, Array]:
        check_labels(condition, self.classes)
        outputs = self.network(x)
        # Without a bias, of one-hot labels, it is a table of a row for each class; its leaf is a kernel,
        # which Spectral normalizes with the rest.
        embedding = Dense(outputs["features"].shape[-1], bias=False)(jax.nn.one_hot(condition, self.classes))
        return {**outputs, "logits": outputs["logits"] + jnp.sum(embedding * outputs["features"], axis=-1)}


class Head(nn.Module):
    """A discriminator that says one thing more, [B, size], of its features."""

    network: nn.Module
    """x -> {"features": [B, F], ...}"""
    output: str
    """its name: "classes", "code" """
    size: int
    """numbers that it is"""
    hidden: tuple[int, ...] = ()
    """widths of layers in between"""
    norm: Norm = "none"
    """after each of these"""
    deviation: float = 0.0
    """standard deviation of the initial kernels; 0: He"""

    @nn.compact
    def __call__(self, x: Array, *condition: Array) -> dict[str, Array]:
        outputs = self.network(x, *condition)
        h = outputs["features"]
        # InfoGAN's Q has a layer of its own between the features and the code (its appendix C).
        for width in self.hidden:
            h = normalize(Dense(width, bias=self.norm == "none", deviation=self.deviation)(h), self.norm)
            h = activate(h, "leaky_relu")
        return {**outputs, self.output: Dense(self.size, deviation=self.deviation)(h)}


class RealOrClass(nn.Module):
    """A discriminator of classes + 1 categories, the last one fake. Odena 2016; Salimans et al. 2016, 5.

    {"logits": log p(real) - log p(fake) [B], "classes": of the others [B, classes]}.
    """

    network: nn.Module
    """x -> {"features": [B, F], ...}"""
    classes: int
    """of real examples"""

    def __post_init__(self) -> None:
        if self.classes < 1:
            raise InputError(f"RealOrClass(classes={self.classes}): real examples are of 1 class or more")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        outputs = self.network(x)
        # p(real) is the sum of the real classes' probabilities, so the log-odds are their logsumexp over the
        # last.
        categories = Dense(self.classes + 1)(outputs["features"])
        classes, fake = categories[:, :-1], categories[:, -1]
        return {**outputs, "logits": jax.nn.logsumexp(classes, axis=-1) - fake, "classes": classes}
