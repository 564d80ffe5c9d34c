"""Augmentations with a probability, fixed or adaptive (ADA). Karras et al. 2020, arXiv 2006.06676."""

import math
from itertools import groupby
from typing import Any, final

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.augmentations.augmentation import Augmentation, require
from gaxjax.augmentations.geometry import GeometricAugmentation, move
from gaxjax.errors import InputError
from gaxjax.layers.modules import Mixing

COLLECTION = "augmentation"
Tree = Any


@final
class Augment(nn.Module):
    """Changes what the discriminator sees, each example and transformation with a probability of its own.

    Where `target` is set, the probability follows the discriminator's overfitting: it is a variable of the
    collection `augmentation`, and `observe` moves it.
    """

    transformations: tuple[Augmentation, ...] = ()
    """one after the other; none changes nothing"""
    probability: float = 1.0
    """of each transformation, for each example by itself; with a target, at first: give 0 there"""
    target: float = 0.0
    """r_t: the mean sign of the logits of real images that the probability is steered to (the authors': 0.6);
    0: the probability is constant"""
    interval: int = 4
    """minibatches between adjustments"""
    kimg: float = 500.0
    """real images, in thousands, that take the probability from 0 to 1"""

    def __post_init__(self) -> None:
        require(0 <= self.probability <= 1, self, "probability", "in [0, 1]")
        require(0 <= self.target < 1, self, "target", "in [0, 1)")
        require(self.interval >= 1, self, "interval", "at least 1 minibatch")
        require(0 < self.kimg < math.inf, self, "kimg", "positive, in thousands of images")
        super().__post_init__()

    @property
    def mixes_examples(self) -> Mixing | None:
        """A probability that follows the discriminator is moved by the logits of a minibatch."""
        if self.target == 0:
            return None
        return Mixing("an adaptive probability of augmentation", "augment.target 0")

    def setup(self) -> None:
        if self.target > 0:
            first = jnp.float32(self.probability)
            self.current = self.variable(COLLECTION, "probability", lambda: first)
            self.signs = self.variable(COLLECTION, "signs", jnp.zeros, ())
            self.count = self.variable(COLLECTION, "count", jnp.zeros, (), jnp.int32)

    def __call__(self, examples: Tree, key: Array, step: Array | int) -> Tree:
        """Images, or other examples [B, ...], changed or not; leaf by leaf of a tree, all in the same way."""
        if not self.transformations:
            return examples
        if self.target > 0 and self.scope is None:
            raise InputError(
                "Augment(target=...) adapts its probability, a variable: use it in a game, or through the "
                "adversary's init and apply; or give a constant probability, and target 0"
            )
        return jax.tree.map(lambda images: self.changed(images, key, step), examples)

    def changed(self, images: Array, key: Array, step: Array | int) -> Array:
        """The images, or other examples [B, ...], changed or not; differentiable in them."""
        changes = []
        for index, transformation in enumerate(self.transformations):
            draw, coin = jax.random.split(jax.random.fold_in(key, index))
            changes.append((transformation, draw, self.which(transformation, coin, images.shape[0])))
        for moving, run in groupby(changes, lambda change: isinstance(change[0], GeometricAugmentation)):
            if moving:
                images = move(list(run), images)
                continue
            for transformation, draw, chosen in run:
                changed = transformation(images, draw, step)
                images = jnp.where(chosen.reshape(-1, *(1,) * (images.ndim - 1)), changed, images)
        return images

    def which(self, transformation: Augmentation, key: Array, n: int) -> Array:
        """Which of n examples are changed, [n]."""
        chance = transformation.chance(self.current.value if self.target > 0 else self.probability)
        if not isinstance(chance, Array) and chance == 1:
            return jnp.ones(n, bool)
        return jax.random.bernoulli(key, chance, (n,))

    def observe(self, real_logits: Tree) -> dict[str, Array]:
        """Follows the logits, [B, ...] or a tree of them, of real images, as augmented; returns what to log.

        Section 3: r_t is the mean sign of the last `interval` minibatches, and the probability takes a step
        of as many images as they had, up where r_t is above the target. A constant one logs nothing. Where
        the collection is not mutable, as in sampling, nothing moves.
        """
        if self.target == 0 or not self.transformations:
            return {}
        leaves = jax.lax.stop_gradient(jax.tree.leaves(real_logits))
        sign = jnp.mean(jnp.stack([jnp.mean(jnp.sign(x), dtype=jnp.float32) for x in leaves]))
        if self.is_mutable_collection(COLLECTION) and not self.is_initializing():
            signs, count = self.signs.value + sign, self.count.value + 1
            full = count >= self.interval
            stride = leaves[0].shape[0] * self.interval / (self.kimg * 1000)
            moved = self.current.value + stride * jnp.sign(signs / count - self.target)
            self.current.value = jnp.where(full, jnp.clip(moved, 0.0, 1.0), self.current.value)
            self.signs.value = jnp.where(full, 0.0, signs)
            self.count.value = jnp.where(full, 0, count)
        return {"probability": self.current.value, "sign": sign}
