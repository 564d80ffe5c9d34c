"""Penalties on a critic: dataclasses, called as `penalty(critic, real, fake, key, step)`.

`critic` is a pure function of a batch of examples to `[batch]` logits in which examples do not mix (no batch
norm): then the gradient of the sum of logits holds each example's own gradient, and each penalty is the mean
over examples of what each would have alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError

Critic = Callable[[Array], Array]


@dataclass(frozen=True)
class Penalty(ABC):
    """A scalar that the discriminator adds to its loss."""

    of_gradients: ClassVar[bool] = True
    """whether it is of each example's own gradient, and so not for critics that mix examples"""

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
class R2(Penalty):
    """weight / 2 * E |grad D(G(z))|^2 at made examples. Mescheder et al. 2018, eq. 10."""

    weight: float = 10.0
    """gamma"""

    def __call__(self, critic: Critic, real: Array, fake: Array, key: Array, step: Array | int) -> Array:
        """The penalty; only `critic` and `fake` matter."""
        return self.weight / 2 * jnp.mean(squared_norm(input_gradient(critic, fake, "fake")))


@dataclass(frozen=True)
class ZeroCentered(Penalty):
    """weight * E |grad D(x')|^2 at x' between real and fake. Thanh-Tung et al. 2019, 0-GP."""

    weight: float = 10.0
    """lambda"""

    def __call__(self, critic: Critic, real: Array, fake: Array, key: Array, step: Array | int) -> Array:
        """The penalty at one random point on the line between each pair."""
        return self.weight * jnp.mean(squared_norm(input_gradient(critic, between(real, fake, key), "real")))


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
        excess = norm(input_gradient(critic, between(real, fake, key), "real")) - self.target
        return self.weight * jnp.mean((jax.nn.relu(excess) if self.sided == "one" else excess) ** 2)


@dataclass(frozen=True)
class DRAGAN(Penalty):
    """weight * E (|grad D(x')| - target)^2 at x' around real examples. Kodali et al. 2017."""

    weight: float = 10.0
    """lambda"""
    target: float = 1.0
    """k"""
    noise: Literal["code", "paper"] = "code"
    """code: x' = x + share * scale * s * u, with share uniform on [0, 1) for each example, s the standard
    deviation of the whole minibatch and u uniform on [0, 1) for each element, so to one side only. paper:
    x' = x + scale * n, with n normal"""
    scale: float = 0.5
    """of the noise (the code's 0.5; the paper's c is about 10 of 255 gray levels, [memory])"""

    def __call__(self, critic: Critic, real: Array, fake: Array, key: Array, step: Array | int) -> Array:
        """The penalty at one point around each real example; `fake` does not matter."""
        share_key, noise_key = jax.random.split(key)
        if self.noise == "code":
            around = self.scale * jnp.std(real) * jax.random.uniform(noise_key, real.shape, real.dtype)
            around *= one_each(share_key, real)
        else:
            around = self.scale * jax.random.normal(noise_key, real.shape, real.dtype)
        return self.weight * jnp.mean(
            (norm(input_gradient(critic, real + around, "real")) - self.target) ** 2
        )


@dataclass(frozen=True)
class Drift(Penalty):
    """weight * E D(x)^2 at real examples: keeps logits near zero. Karras et al. 2018, appendix A.1."""

    weight: float = 0.001
    """epsilon_drift"""
    of_gradients: ClassVar[bool] = False

    def __call__(self, critic: Critic, real: Array, fake: Array, key: Array, step: Array | int) -> Array:
        """The penalty; only `critic` and `real` matter."""
        return self.weight * jnp.mean(logits_of(critic, real, "real") ** 2)


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

        def evaluate() -> tuple[Array, None]:
            return self.every * self.penalty(critic, real, fake, key, step), None

        value, _ = where_due(jnp.asarray(step) % self.every == 0, evaluate, None)
        return value


def where_due(due: Array, evaluate: Callable[[], tuple[Array, Any]], otherwise: Any) -> tuple[Array, Any]:
    """`evaluate()`, a scalar and what comes with it; where it is not due, zero and `otherwise`.

    The scalar has gradients in what `evaluate` closes over, what comes with it has none. They are computed
    where the scalar is: JAX's own gradient of a conditional hands every intermediate value on from one
    conditional to another, as so many zeros where nothing is due.
    """
    function, captured = jax.closure_convert(evaluate)

    @jax.custom_gradient
    def chosen(*captured: Array) -> Any:
        def taken(*captured: Array) -> Any:
            value, pullback, beside = jax.vjp(function, *captured, has_aux=True)
            return (value, beside), pullback(jnp.ones_like(value))

        def skipped(*captured: Array) -> Any:
            zero = jnp.zeros_like(jax.eval_shape(function, *captured)[0])
            return (zero, otherwise), jax.tree.map(jnp.zeros_like, captured)

        outputs, slopes = jax.lax.cond(due, taken, skipped, *captured)
        return outputs, lambda toward: tuple(toward[0] * slope for slope in slopes)

    value, beside = chosen(*captured)
    return value, jax.lax.stop_gradient(beside)


def logits_of(critic: Critic, inputs: Array, name: str = "inputs") -> Array:
    """The critic's logits, [batch], and no other shape."""
    logits = critic(inputs)
    if logits.shape != inputs.shape[:1]:
        came, expected = logits.shape, inputs.shape[:1]
        raise InputError(f"critic({name}) must have shape {expected}, one logit each; got {came}")
    return logits


def input_gradient(critic: Critic, inputs: Array, name: str = "inputs") -> Array:
    """Each example's own gradient of its own logit, in the shape of the inputs."""
    return jax.grad(lambda inputs: jnp.sum(logits_of(critic, inputs, name)))(inputs)


def between(real: Array, fake: Array, key: Array) -> Array:
    """One uniformly random point on the line between each pair."""
    if real.shape != fake.shape:
        raise InputError(f"real and fake must have one shape; got {real.shape} and {fake.shape}")
    return real + one_each(key, real) * (fake - real)


def one_each(key: Array, examples: Array) -> Array:
    """A number uniform on [0, 1) for each example, [batch, 1, ...]."""
    return jax.random.uniform(key, (examples.shape[0],) + (1,) * (examples.ndim - 1), examples.dtype)


def squared_norm(gradient: Array) -> Array:
    """Squared Euclidean norm of each example, [batch]."""
    return jnp.sum(gradient**2, axis=tuple(range(1, gradient.ndim)))


def norm(gradient: Array) -> Array:
    """Euclidean norm of each example, [batch]."""
    # The square root has no gradient at zero; the authors' code leaves that to chance.
    return jnp.sqrt(squared_norm(gradient) + 1e-12)
