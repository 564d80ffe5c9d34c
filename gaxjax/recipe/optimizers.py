"""Optimizers as plain data: what a recipe says of each player's rule, turned into optax when a stage begins.

Lengths are in thousands of real images (kimg), as everywhere in a recipe.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax
import tyro
from jax import Array

from gaxjax import expressions
from gaxjax.errors import InputError


@dataclass(frozen=True)
class Linear:
    """A line from one value to another, constant before and after."""

    start: float
    """value at first"""
    end: float
    """value at last"""
    from_kimg: float
    """where the line begins"""
    to_kimg: float
    """where it ends"""

    def __post_init__(self) -> None:
        if not self.from_kimg < self.to_kimg:
            raise InputError(f"to_kimg must be after from_kimg; got {self.from_kimg} to {self.to_kimg}")

    def __call__(self, images: Array | float) -> Array:
        """The value after so many images."""
        # The share of the way from the one value to the other, 0 before it begins and 1 after it has ended.
        share = jnp.clip((images / 1000 - self.from_kimg) / (self.to_kimg - self.from_kimg), 0.0, 1.0)
        return self.start + share * (self.end - self.start)


@dataclass(frozen=True)
class Exponential:
    """Halved again and again, down to a floor."""

    start: float
    """value at first"""
    half_life_kimg: float
    """what it takes to halve it"""
    floor: float = 0.0
    """never below"""
    stairs: bool = False
    """halve at once at the end of each half-life"""

    def __post_init__(self) -> None:
        if not self.half_life_kimg > 0:
            raise InputError(f"half_life_kimg must be positive; got {self.half_life_kimg}")

    def __call__(self, images: Array | float) -> Array:
        """The value after so many images."""
        halvings = images / 1000 / self.half_life_kimg
        # Stairs: constant between two half-lives, as rates are that are halved every so many steps.
        return jnp.maximum(self.start * 0.5 ** (jnp.floor(halvings) if self.stairs else halvings), self.floor)


SCHEDULES = {"Linear": Linear, "Exponential": Exponential}
USAGE = "NUMBER, Linear(start, end, from_kimg, to_kimg), Exponential(start, half_life_kimg, floor, stairs)"


def schedule(text: str) -> float | Linear | Exponential:
    """A schedule as it is written on the command line.

    >>> schedule("1e-4"), schedule("Linear(0.5, 0.7, 0, 100)")
    (0.0001, Linear(start=0.5, end=0.7, from_kimg=0, to_kimg=100))
    """
    try:
        return float(text)
    except ValueError:
        value = expressions.parse_choice(text, SCHEDULES, USAGE)
    if isinstance(value, type):
        raise InputError(f"{text!r} lacks its numbers; give one of: {USAGE}")
    return value


def _from_flag(words: list[str]) -> float | Linear | Exponential:
    try:
        return schedule(words[0])
    except InputError as error:
        raise ValueError(str(error)) from error  # what tyro reports under the flag's name


Schedule: TypeAlias = Annotated[
    float | Linear | Exponential,
    tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="NUMBER|SCHEDULE",
        instance_from_str=_from_flag,
        is_instance=lambda value: isinstance(value, int | float | Linear | Exponential),
        str_from_instance=lambda value: [repr(value)],
    ),
]
"""A number, or a number that changes with the images seen."""


@dataclass(frozen=True)
class Optimizer:
    """How a player turns gradients into moves, and how often it moves in a step."""

    name: Literal["adam", "sgd", "rmsprop"] = "adam"
    """rule"""
    learning_rate: Schedule = 2e-4
    """step size: NUMBER, Linear(start, end, from_kimg, to_kimg), Exponential(start, half_life_kimg, floor)"""
    b1: Schedule = 0.5
    """decay of the first moment; for sgd and rmsprop the momentum"""
    b2: float = 0.999
    """decay of the second moment (adam, rmsprop)"""
    eps: float = 1e-8
    """added to the root of the second moment (rmsprop: under the root)"""
    eps_root: float = 0.0
    """added under the root, which makes adam differentiable at zero (for unrolling)"""
    optimism: float = 0.0
    """share of the gradient's last change that is added to it; 1: optimistic descent (Daskalakis 2018)"""
    weight_decay: float = 0.0
    """times the parameters, added to their gradient: that of weight_decay / 2 times their squared length"""
    history: float = 0.0
    """weight of the squared distance to the mean of past parameters (Salimans et al. 2016, section 3.3)"""
    updates: int = 1
    """moves in a step: the k of "D k times, then G once" """

    def __post_init__(self) -> None:
        if self.updates < 1:
            raise InputError(f"updates must be at least 1; got {self.updates}")
        if isinstance(self.learning_rate, int | float) and self.learning_rate <= 0:
            raise InputError(f"learning_rate must be positive; got {self.learning_rate}")
        if not self.weight_decay >= 0:
            raise InputError(f"weight_decay must be 0 or above; got {self.weight_decay}")

    def scale_learning_rate(self, rate: float) -> "Optimizer":
        """The same with its learning rate, a number or a schedule, times `rate`."""
        return replace(self, learning_rate=_scale_schedule(self.learning_rate, rate))

    def build(self, images_per_update: float) -> optax.GradientTransformation:
        """The optax transformation, for schedules that count updates as so many images each."""
        rule = self._rule(images_per_update)
        if self.weight_decay:
            # Into the moments, as a term of the loss goes and PyTorch's Adam has it; AdamW's would not.
            rule = optax.chain(optax.add_decayed_weights(self.weight_decay), rule)
        if self.optimism:
            # (1 + optimism) g_t - optimism g_(t-1), of the gradient that the rule is given: with adam,
            # optimistic Adam.
            rule = optax.chain(optax.scale_by_optimistic_gradient(1.0, self.optimism), rule)
        # First of all, where a term of the loss would be.
        return optax.chain(historical_averaging(self.history), rule) if self.history else rule

    def _rule(self, images_per_update: float) -> optax.GradientTransformation:
        # optax counts updates, a recipe images: its schedules mean the same at any batch size.
        rate = _schedule_by_updates(self.learning_rate, images_per_update)
        match self.name:
            case "adam":
                if not isinstance(self.b1, int | float):
                    raise InputError("adam takes a constant b1; a schedule of it is for sgd")
                return optax.adam(rate, self.b1, self.b2, self.eps, self.eps_root)
            case "sgd":
                momentum = _schedule_by_updates(self.b1, images_per_update)
                # optax takes a schedule of the rate alone; injected, any argument may be one, and is looked
                # up each time.
                if callable(momentum):
                    return optax.inject_hyperparams(optax.sgd)(learning_rate=rate, momentum=momentum)
                # Not 0, for which optax would keep a sum of gradients too.
                return optax.sgd(rate, momentum or None)
            case "rmsprop":
                if not isinstance(self.b1, int | float):
                    raise InputError("rmsprop takes a constant b1; a schedule of it is for sgd")
                return optax.rmsprop(rate, self.b2, self.eps, momentum=self.b1 or None)
        raise InputError(f"unknown optimizer {self.name!r}; known: adam, sgd, rmsprop")


class History(NamedTuple):
    """Where the parameters have been."""

    updates: Array
    """so far"""
    mean: Any
    """of the parameters before each of them"""


def historical_averaging(weight: float) -> optax.GradientTransformation:
    """Adds the gradient of weight * |params - mean of past params|^2. Salimans et al. 2016, section 3.3."""

    def init(params: Any) -> History:
        # A copy, for parameters and state are donated together, and one array cannot be donated twice.
        return History(jnp.zeros((), jnp.int32), jax.tree.map(jnp.copy, params))

    def update(gradient: Any, state: History, params: Any = None) -> tuple[Any, History]:
        # The mean of those before this update, whose gradient is 2 weight (p - m), for the mean is a
        # constant; at the first one it is the parameters themselves, and pulls nowhere.
        gradient = jax.tree.map(lambda g, p, m: g + 2 * weight * (p - m), gradient, params, state.mean)
        updates = state.updates + 1
        # The mean of t values out of that of t - 1, so that not one of them has to be kept.
        mean = jax.tree.map(lambda p, m: m + (p - m) / updates.astype(p.dtype), params, state.mean)
        return gradient, History(updates, mean)

    return optax.GradientTransformation(init, update)


def _scale_schedule(value: float | Linear | Exponential, rate: float) -> float | Linear | Exponential:
    match value:
        case Linear():
            # Values, and not the times at which they are reached.
            return replace(value, start=value.start * rate, end=value.end * rate)
        case Exponential():
            return replace(value, start=value.start * rate, floor=value.floor * rate)
    return value * rate


def _schedule_by_updates(
    value: float | Linear | Exponential, images_per_update: float
) -> float | Callable[[Array], Array]:
    if isinstance(value, int | float):
        return value
    return lambda count: value(count * images_per_update)
