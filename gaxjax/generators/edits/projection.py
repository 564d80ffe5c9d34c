"""The search for the styles and the noise that make an image. Karras et al. 2020 (StyleGAN2), appendix D.

The numbers are those of the paper and its authors' code, but for the distance, which is LPIPS there.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from gaxjax.game import Tree

RATE, RAMP_UP, RAMP_DOWN = 0.1, 0.05, 0.25
"""The learning rate, and the shares of the steps in which it rises and falls."""
JITTER, JITTERED = 0.05, 0.75
"""Noise on w in deviations of w at first, and the share of the steps until there is none."""
NOISE_WEIGHT = 1e5
"""Of the regularization of the noise."""
SMALLEST = 8
"""Noise is averaged down to maps of that side."""
ADAM = optax.scale_by_adam()

Noise = Mapping[str, Array]
"""By layer, [1, H, W, 1]."""


class Search(NamedTuple):
    """How far it is."""

    w: Array
    """[1, S], or a row for each layer"""
    noise: Noise
    """each map of mean 0 and variance 1"""
    optimizer: Tree
    """state of Adam"""


def start_search(w: Array, noise: Noise) -> Search:
    """The search's start, at w [k, S] and a noise."""
    noise = {layer: standardize(x) for layer, x in noise.items()}
    return Search(w, noise, ADAM.init((w, noise)))


def step_search(
    search: Search,
    t: Array,
    key: Array,
    deviation: float,
    distance: Callable[[Array, Noise], Array],
) -> tuple[Search, Array, Array]:
    """One step at time t in [0, 1); the search, the distance before the step and the norm of its slope in w.

    distance: (w [k, S], noise) -> a number, how far the image is from the target. deviation: of w, a number.
    """
    # It falls to 0 in the first three quarters: far steps early, the exact place last.
    jitter = deviation * JITTER * jnp.maximum(0.0, 1 - t / JITTERED) ** 2
    # One draw for every layer, as in the authors' code: all move together.
    shift = jitter * jax.random.normal(key, search.w[:1].shape)

    def loss(w: Array, noise: Noise) -> tuple[Array, Array]:
        before = distance(w + jnp.broadcast_to(shift, w.shape), noise)
        return before + NOISE_WEIGHT * roughness(noise), before

    # The slope of w is returned apart: noise's regularization has one even where the features have none.
    (_, before), slopes = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(search.w, search.noise)
    changes, optimizer = ADAM.update(slopes, search.optimizer)
    w, noise = jax.tree.map(
        lambda x, change: x - learning_rate(t) * change, (search.w, search.noise), changes
    )
    noise = {layer: standardize(x) for layer, x in noise.items()}
    return Search(w, noise, optimizer), before, jnp.linalg.norm(slopes[0])


def learning_rate(t: Array | float) -> Array:
    """The learning rate at time t in [0, 1): a linear rise, a plateau, a fall along a cosine.

    >>> [round(float(learning_rate(t)), 6) for t in (0.025, 0.5, 0.875)]
    [0.05, 0.1, 0.05]
    """
    # From 1 to 0 over the last quarter; min holds it at 1 before.
    fall = 0.5 - 0.5 * jnp.cos(math.pi * jnp.minimum(1.0, (1 - t) / RAMP_DOWN))
    return RATE * fall * jnp.minimum(1.0, t / RAMP_UP)


def roughness(noise: Noise) -> Array:
    """The sum over maps and scales of L = (mean n(x, y) n(x - 1, y))^2 + (mean n(x, y) n(x, y - 1))^2.

    Noise that carries a picture agrees with its neighbors. Each scale is the one before in means of 2 x 2,
    times 2, which leaves the variance of true noise at 1; edges meet those across.
    """
    total = jnp.zeros(())
    for x in noise.values():
        while True:
            for axis in (1, 2):
                # [1, H, W, 1]: axes 1 and 2 are down and across.
                total = total + jnp.mean(x * jnp.roll(x, 1, axis)) ** 2
            height, width = x.shape[1:3]
            # Or where halves would not be whole, which the paper's powers of 2 never are.
            if min(height, width) <= SMALLEST or height % 2 or width % 2:
                break
            x = 2 * jnp.mean(x.reshape(1, height // 2, 2, width // 2, 2, 1), axis=(2, 4))
    return total


def standardize(x: Array) -> Array:
    """A map with its mean taken off, over its standard deviation."""
    x = x - jnp.mean(x)
    return x * jax.lax.rsqrt(jnp.mean(x**2) + 1e-12)
