"""How the players move: a solver turns a game and optimizers into one pure train step (see `step`)."""

import functools
from collections.abc import Callable
from typing import Any

from gaxjax import expressions
from gaxjax.errors import InputError
from gaxjax.solvers.competitive import competitive
from gaxjax.solvers.foresight import extragradient, unrolled
from gaxjax.solvers.step import Solver, Step, Updates, check, examples, minibatches
from gaxjax.solvers.turns import alternating, simultaneous

__all__ = [
    "Solver",
    "Step",
    "Updates",
    "alternating",
    "check",
    "competitive",
    "examples",
    "extragradient",
    "minibatches",
    "named",
    "refuse_parts",
    "simultaneous",
    "unrolled",
]

SOLVERS: dict[str, Callable[..., Any]] = {
    "alternating": alternating,
    "simultaneous": simultaneous,
    "extragradient": extragradient,
    "competitive": competitive,
}
ACCUMULATING = ("alternating", "simultaneous", "extragradient")
"""Solvers whose gradients can be taken of a minibatch in parts."""
USAGE = (
    "alternating, simultaneous, unrolled(k), extragradient, competitive, competitive(iterations, tolerance)"
)


def named(text: str) -> Solver:
    """A solver by its name, with numbers where it takes some.

    >>> named("alternating") is alternating
    True
    >>> named("unrolled(5)")  # doctest: +ELLIPSIS
    <function unrolled...>
    """

    def chosen(iterations: int = 10, tolerance: float = 1e-6) -> Solver:
        return functools.partial(competitive, iterations=iterations, tolerance=tolerance)

    with_numbers: dict[str, Callable[..., Any]] = {"unrolled": unrolled, "competitive": chosen}
    found = expressions.named(text, with_numbers if "(" in text else {**SOLVERS, "unrolled": unrolled}, USAGE)
    if found is unrolled:
        raise InputError(f"{text!r} lacks its number; give one of: {USAGE}")
    return found


def refuse_parts(solver: str, parts: int) -> None:
    """InputError for parts of minibatches, where the solver differentiates through whole ones."""
    if parts < 1:
        raise InputError(f"accumulate must be at least 1; got {parts}")
    if parts > 1 and solver not in ACCUMULATING:
        raise InputError(
            f"accumulate={parts}: {solver} differentiates through gradients of a whole minibatch; use one of "
            f"{', '.join(ACCUMULATING)}, or accumulate 1"
        )
