"""Penalties on a critic's input gradient: dataclasses, called as `penalty(critic, real, fake, key, step)`.

`critic` is a pure function of a batch of examples to `[batch]` logits in which examples do not mix (no batch
norm): then the gradient of the sum of logits holds each example's own gradient, and each penalty is the mean
over examples of what each would have alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError

Critic = Callable[[Array], Array]


@dataclass(frozen=True)
class Penalty(ABC):
    """A scalar that the discriminator adds to its loss."""

    @abstractmethod
    def __call__(self, critic: Critic, real: Array, fake: Array, key: Array, step: Array | int) -> Array:
        """The penalty, a scalar, for batches of the same shape `[batch, ...]`."""


@dataclass(frozen=True)
class R1(Penalty):
    """weight / 2 * E |grad D(x)|^2 at real examples. Mescheder et al. 2018, eq. 9."""

    weight: float = 10.0
    """gamma"""

    def __call__(self, critic: Critic, real: Array, fake: Array, key: Array, step: Array | int) -> Array:
        """The penalty; only `critic` and `real` matter."""
        return self.weight / 2 * jnp.mean(squared_norm(input_gradient(critic, real, "real")))


@dataclass(frozen=True)
class GradientPenalty(Penalty):
    """weight * E (|grad f(x')| - target)^2 at x' between real and fake. Gulrajani et al. 2017, eq. 3."""

    weight: float = 10.0
    """lambda"""
    target: float = 1.0
    """the norm that is asked for"""
    sided: Literal["two", "one"] = "two"
    """one: only norms above the target are penalized (section 4 of the paper prefers two)"""

    def __call__(self, critic: Critic, real: Array, fake: Array, key: Array, step: Array | int) -> Array:
        """The penalty at one random point on the line between each pair."""
        if real.shape != fake.shape:
            raise InputError(f"real and fake must have one shape; got {real.shape} and {fake.shape}")
        share = jax.random.uniform(key, (real.shape[0],) + (1,) * (real.ndim - 1), real.dtype)
        gradient = input_gradient(critic, real + share * (fake - real), "real")
        # The square root has no gradient at zero; the authors' code leaves that to chance.
        excess = jnp.sqrt(squared_norm(gradient) + 1e-12) - self.target
        if self.sided == "one":
            excess = jax.nn.relu(excess)
        return self.weight * jnp.mean(excess**2)


@dataclass(frozen=True)
class Lazy(Penalty):
    """A penalty at every n-th step only, n times as strong. Karras et al. 2020 (StyleGAN2), section 3.1."""

    penalty: Penalty
    """what is evaluated"""
    every: int = 16
    """n, in steps"""

    def __post_init__(self) -> None:
        if self.every < 1:
            raise InputError(f"Lazy(every={self.every}): must be at least 1 step")

    def __call__(self, critic: Critic, real: Array, fake: Array, key: Array, step: Array | int) -> Array:
        """The penalty times `every`, or zero without evaluating it."""

        def evaluate() -> Array:
            return self.every * self.penalty(critic, real, fake, key, step)

        return jax.lax.cond(jnp.asarray(step) % self.every == 0, evaluate, lambda: jnp.zeros((), real.dtype))


def input_gradient(critic: Critic, inputs: Array, name: str = "inputs") -> Array:
    """Each example's own gradient of its own logit, in the shape of the inputs."""

    def total(inputs: Array) -> Array:
        logits = critic(inputs)
        if logits.shape != inputs.shape[:1]:
            raise InputError(
                f"critic({name}) must have shape {inputs.shape[:1]}, one logit each; got {logits.shape}"
            )
        return jnp.sum(logits)

    return jax.grad(total)(inputs)


def squared_norm(gradient: Array) -> Array:
    """Squared Euclidean norm of each example, [batch]."""
    return jnp.sum(gradient**2, axis=tuple(range(1, gradient.ndim)))
