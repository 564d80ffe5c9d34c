"""Objectives of the two players: pure functions of logits, `[batch]` in, a scalar mean out, to be minimized.

An objective is a pair, `<name>_discriminator(real_logits, fake_logits)` and `<name>_generator(fake_logits)`.
A logit is the discriminator's raw output: the probability of "real" is its sigmoid.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from gaxjax.errors import InputError

Logits = Float[Array, " batch"]
Scalar = Float[Array, ""]


def minimax_discriminator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """-E log D(x) - E log(1 - D(G(z))). Goodfellow et al. 2014, eq. 1.

    >>> minimax_discriminator(jnp.zeros(3), jnp.zeros(3)).round(4)  # 2 log 2
    Array(1.3863, dtype=float32)
    """
    _check(real_logits=real_logits, fake_logits=fake_logits)
    return jnp.mean(jax.nn.softplus(-real_logits)) + jnp.mean(jax.nn.softplus(fake_logits))


def minimax_generator(fake_logits: Logits) -> Scalar:
    """E log(1 - D(G(z))). Goodfellow et al. 2014, eq. 1; its gradient vanishes where D is sure of a fake."""
    _check(fake_logits=fake_logits)
    return -jnp.mean(jax.nn.softplus(fake_logits))


nonsaturating_discriminator = minimax_discriminator


def nonsaturating_generator(fake_logits: Logits) -> Scalar:
    """-E log D(G(z)). Goodfellow et al. 2014, section 3."""
    _check(fake_logits=fake_logits)
    return jnp.mean(jax.nn.softplus(-fake_logits))


def least_squares_discriminator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """E (D(x) - 1)^2 / 2 + E D(G(z))^2 / 2. Mao et al. 2017, eq. 9 (a = 0, b = 1)."""
    _check(real_logits=real_logits, fake_logits=fake_logits)
    return (jnp.mean((real_logits - 1) ** 2) + jnp.mean(fake_logits**2)) / 2


def least_squares_generator(fake_logits: Logits) -> Scalar:
    """E (D(G(z)) - 1)^2 / 2. Mao et al. 2017, eq. 9 (c = 1)."""
    _check(fake_logits=fake_logits)
    return jnp.mean((fake_logits - 1) ** 2) / 2


def wasserstein_discriminator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """E f(G(z)) - E f(x). Arjovsky et al. 2017, eq. 2, negated: the critic f maximizes the difference."""
    _check(real_logits=real_logits, fake_logits=fake_logits)
    return jnp.mean(fake_logits) - jnp.mean(real_logits)


def wasserstein_generator(fake_logits: Logits) -> Scalar:
    """-E f(G(z)). Arjovsky et al. 2017, algorithm 1."""
    _check(fake_logits=fake_logits)
    return -jnp.mean(fake_logits)


def hinge_discriminator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))). Lim and Ye 2017; Miyato et al. 2018, eq. 16."""
    _check(real_logits=real_logits, fake_logits=fake_logits)
    return jnp.mean(jax.nn.relu(1 - real_logits)) + jnp.mean(jax.nn.relu(1 + fake_logits))


def hinge_generator(fake_logits: Logits) -> Scalar:
    """-E D(G(z)). Lim and Ye 2017; Miyato et al. 2018, eq. 17."""
    _check(fake_logits=fake_logits)
    return -jnp.mean(fake_logits)


def names() -> list[str]:
    """The objectives that this module defines."""
    return sorted(name.removesuffix("_generator") for name in globals() if name.endswith("_generator"))


def named(objective: str) -> tuple[Callable[[Logits, Logits], Scalar], Callable[[Logits], Scalar]]:
    """The discriminator's and the generator's loss of an objective, by name.

    >>> named("hinge") == (hinge_discriminator, hinge_generator)
    True
    """
    if objective not in names():
        raise InputError(f"unknown objective {objective!r}; known: {', '.join(names())}")
    return globals()[f"{objective}_discriminator"], globals()[f"{objective}_generator"]


def _check(**logits: Array) -> None:
    """Refuses anything but [batch]: [batch, 1] against [batch] would broadcast to a matrix without a word."""
    for name, value in logits.items():
        if jnp.ndim(value) != 1:
            raise InputError(
                f"{name} must have shape [batch]; got {jnp.shape(value)}: squeeze the trailing axes"
            )
