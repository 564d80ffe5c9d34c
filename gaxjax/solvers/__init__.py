"""How the players move: a solver turns a game and optimizers into one pure train step (see `step`).

As functions, `alternating(gan, optimizers, updates) -> step`; as values with their numbers for a recipe,
`Alternating()`, `Unrolled(10)`, which are called alike. One of your own is made of `compute_gradient` and
`apply_gradient` (or of `gaxjax.objective` alone), and ends its step with `finish_step`.
"""

from gaxjax.solvers.balance import balanced
from gaxjax.solvers.competitive import competitive
from gaxjax.solvers.foresight import extragradient, unrolled
from gaxjax.solvers.step import (
    Step,
    Updates,
    apply_gradient,
    check_players,
    compute_gradient,
    examples_per_step,
    finish_step,
    minibatches_per_step,
)
from gaxjax.solvers.turns import alternating, simultaneous
from gaxjax.solvers.values import (
    Alternating,
    AnySolver,
    Balanced,
    Competitive,
    Extragradient,
    Simultaneous,
    Solver,
    Unrolled,
)

__all__ = [
    "Alternating",
    "AnySolver",
    "Balanced",
    "Competitive",
    "Extragradient",
    "Simultaneous",
    "Solver",
    "Step",
    "Unrolled",
    "Updates",
    "alternating",
    "apply_gradient",
    "balanced",
    "check_players",
    "competitive",
    "compute_gradient",
    "examples_per_step",
    "extragradient",
    "finish_step",
    "minibatches_per_step",
    "simultaneous",
    "unrolled",
]
