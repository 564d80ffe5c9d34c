"""Augmentations with a probability, fixed or adaptive (ADA). Karras et al. 2020, arXiv 2006.06676."""

import math
from itertools import groupby
from typing import Any, final

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.augmentations.augmentation import Augmentation, require
from gaxjax.augmentations.geometry import GeometricAugmentation, apply_moves
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
        adapts = bool(self.transformations) or self.target == 0
        require(adapts, self, "target", "0 without transformations, such as ADAPTIVE's")
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
            # Variables, so that they are saved, mapped and replicated with the rest of the state.
            first = jnp.float32(self.probability)
            self.current = self.variable(COLLECTION, "probability", lambda: first)
            self.signs = self.variable(COLLECTION, "signs", jnp.zeros, ())
            self.count = self.variable(COLLECTION, "count", jnp.zeros, (), jnp.int32)

    def __call__(self, examples: Tree, key: Array, step: Array | int) -> Tree:
        """Images, or other examples [B, ...], changed or not; leaf by leaf of a tree, all in the same way."""
        if not self.transformations:
            return examples
        # By itself the module has no variables: the probability would stay where it began.
        if self.target > 0 and self.scope is None:
            raise InputError(
                "Augment(target=...) adapts its probability, a variable: use it in a game, or through the "
                "adversary's init and apply; or give a constant probability, and target 0"
            )
        return jax.tree.map(lambda images: self.augment(images, key, step), examples)

    def augment(self, images: Array, key: Array, step: Array | int) -> Array:
        """The images, or other examples [B, ...], changed or not; differentiable in them."""
        changes = []
        for index, transformation in enumerate(self.transformations):
            # By position: a transformation that is added at the end leaves the draws of the others.
            draw, coin = jax.random.split(jax.random.fold_in(key, index))
            changes.append(
                (transformation, draw, self.select_examples(transformation, coin, images.shape[0]))
            )
        # Neighbors that only move pixels are one resampling: each of its own would blur the image once more.
        for moving, group in groupby(changes, lambda change: isinstance(change[0], GeometricAugmentation)):
            if moving:
                images = apply_moves(list(group), images)
                continue
            for transformation, draw, selected in group:
                # Both are computed and one is picked: under vmap a conditional would come to the same.
                augmented = transformation(images, draw, step)
                images = jnp.where(selected.reshape(-1, *(1,) * (images.ndim - 1)), augmented, images)
        return images

    def select_examples(self, transformation: Augmentation, key: Array, n: int) -> Array:
        """Which of n examples are changed, [n]."""
        chance = transformation.chance(self.current.value if self.target > 0 else self.probability)
        # Known while tracing: no coins, and no choice between two images in the program.
        if not isinstance(chance, Array) and chance == 1:
            return jnp.ones(n, bool)
        return jax.random.bernoulli(key, chance, (n,))

    def observe(self, real_logits: Tree) -> dict[str, Array]:
        """Follows the logits, [B, ...] or a tree of them, of real images, as augmented; returns what to log.

        Section 3: r_t is the mean sign of the last `interval` minibatches, and the probability takes a step
        of as many images as they had, up where r_t is above the target. A constant one logs nothing. Where
        the collection is not mutable, as in sampling, nothing moves.
        """
        if self.target == 0:
            return {}
        leaves = jax.lax.stop_gradient(jax.tree.leaves(real_logits))
        # In float32: in bfloat16, whose numbers have 8 bits, a mean of many signs would be rounded.
        sign = jnp.mean(jnp.stack([jnp.mean(jnp.sign(x), dtype=jnp.float32) for x in leaves]))
        if self.is_mutable_collection(COLLECTION) and not self.is_initializing():
            signs, count = self.signs.value + sign, self.count.value + 1
            # Counted over minibatches rather than steps, as a player may move several times in a step.
            full = count >= self.interval
            # The images of `interval` minibatches as a share of those that take the probability from 0 to 1.
            stride = leaves[0].shape[0] * self.interval / (self.kimg * 1000)
            moved = self.current.value + stride * jnp.sign(signs / count - self.target)
            # The authors bound it by 0 alone; beyond 1 it would run on without changing a thing, and be long
            # in coming back.
            self.current.value = jnp.where(full, jnp.clip(moved, 0.0, 1.0), self.current.value)
            self.signs.value = jnp.where(full, 0.0, signs)
            self.count.value = jnp.where(full, 0, count)
        return {"probability": self.current.value, "sign": sign}
