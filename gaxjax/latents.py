"""What a generator starts from."""

import math
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError
from gaxjax.sharding import split_over_devices

PRIORS = ("normal", "uniform", "categorical")


@dataclass(frozen=True)
class Latents:
    """A distribution of latent vectors."""

    size: int = 100
    """number of latent variables; of a category, its classes"""
    prior: Literal["normal", "uniform", "categorical"] = "normal"
    """N(0, 1), uniform on [-bound, bound], or one of `size` classes, one-hot"""
    bound: float = 1.0
    """of the uniform prior; sqrt(3) gives unit variance"""
    name: str = ""
    """what users call it where it is a code, such as "digit"; changes nothing else"""

    def __post_init__(self) -> None:
        if self.size < 1:
            raise InputError(f"Latents(size={self.size}): must be at least 1")
        # Anything else would be drawn as a category.
        if self.prior not in PRIORS:
            raise InputError(f"Latents(prior={self.prior!r}): must be one of {', '.join(PRIORS)}")
        if not self.bound > 0:
            raise InputError(f"Latents(bound={self.bound}): must be positive")

    def draw(self, key: Array, n: int) -> Array:
        """`n` latent vectors, [n, size], of which each device of the program's mesh has its part."""
        return split_over_devices(self._draw(key, n))

    def _draw(self, key: Array, n: int) -> Array:
        match self.prior:
            case "normal":
                return jax.random.normal(key, (n, self.size))
            case "uniform":
                return jax.random.uniform(key, (n, self.size), minval=-self.bound, maxval=self.bound)
        # One-hot, so that a generator takes it beside continuous parts.
        return jax.nn.one_hot(jax.random.randint(key, (n,), 0, self.size), self.size)

    def log_likelihood(self, parameters: Array, latents: Array) -> Array:
        """log Q(latents), [n]: of a category by its logits, else by the mean of N(mean, 1), [n, size]."""
        check_sizes(self.size, parameters, latents)
        if self.prior == "categorical":
            # A one-hot latent picks its class's log-probability.
            return jnp.sum(latents * jax.nn.log_softmax(parameters), axis=-1)
        # Unit variance, as InfoGAN's code fixes it: Q gives a mean alone, and the term is a squared error.
        return -jnp.sum((latents - parameters) ** 2 + jnp.log(2 * jnp.pi), axis=-1) / 2


@dataclass(frozen=True)
class Joint:
    """Independent parts, side by side: Joint((Latents(62), Latents(10, "categorical")))."""

    parts: tuple["Latents | Joint", ...]
    """in order"""

    @property
    def size(self) -> int:
        """Of all parts."""
        return sum(part.size for part in self.parts)

    def draw(self, key: Array, n: int) -> Array:
        """`n` latent vectors, [n, size]."""
        # Independent parts: a key each, and log-likelihoods that add up.
        keys = jax.random.split(key, len(self.parts))
        return jnp.concatenate([part.draw(k, n) for part, k in zip(self.parts, keys, strict=True)], axis=-1)

    def split(self, latents: Array) -> tuple[Array, ...]:
        """The parts of latent vectors, or of the parameters of their distributions, [n, size of each]."""
        # Where each part but the last ends, which is what jnp.split is given.
        ends = [sum(part.size for part in self.parts[: i + 1]) for i in range(len(self.parts) - 1)]
        return tuple(jnp.split(latents, ends, axis=-1))

    def log_likelihood(self, parameters: Array, latents: Array) -> Array:
        """log Q(latents), [n], the sum of the parts'."""
        check_sizes(self.size, parameters, latents)
        parts = zip(self.parts, self.split(parameters), self.split(latents), strict=True)
        values = [part.log_likelihood(q, c) for part, q, c in parts]
        return sum(values[1:], start=values[0])


def check_sizes(size: int, parameters: Array, latents: Array) -> None:
    """Refuses all but [n, size] of both: [n] against [n, 1] would broadcast to a matrix without a word."""
    if not parameters.shape == latents.shape == (latents.shape[0], size):
        raise InputError(
            f"parameters and latents must have shape [n, {size}]; got {parameters.shape} and "
            f"{latents.shape}: set the size of what gives them, such as Head(network, output, size={size})"
        )


def reparametrized(key: Array, mean: Array, log_variance: Array) -> Array:
    """Draws from N(mean, variance), differentiable in both. Kingma and Welling 2014, section 2.4."""
    # Encoders give log-variances, which have no bounds to keep to; half of one is the deviation's log.
    return mean + jnp.exp(log_variance / 2) * jax.random.normal(key, mean.shape)


def kl(mean: Array, log_variance: Array) -> Array:
    """KL(N(mean, variance) || N(0, 1)), [n], summed over variables. Kingma and Welling 2014, appendix B."""
    return jnp.sum(mean**2 + jnp.exp(log_variance) - 1 - log_variance, axis=-1) / 2


def cross_latents(rows: Array, *columns: Array) -> tuple[Array, ...]:
    """Parts of a square number of latents: the first of `rows` a row each, of `columns` a column each.

    >>> [part.tolist() for part in cross_latents(jnp.arange(4), jnp.arange(4))]
    [[0, 0, 1, 1], [0, 1, 0, 1]]
    """
    n, side = len(rows), math.isqrt(len(rows))
    if side**2 != n:
        raise InputError(f"crossed samples fill a square, such as 16 or 64; got {n}")
    row, column = jnp.divmod(jnp.arange(n), side)
    return rows[row], *(part[column] for part in columns)
