"""Competitive gradient descent: both players at once, each in view of what the other's move does to it.

A step is the equilibrium of the game made bilinear around where it is. With f the first player's loss and g
the last one's, and A_x, A_y the players' step sizes, the changes solve (Schaefer and Anandkumar 2019, eq. 3)

    [ A_x^-1   D_xy f ] [ dx ]     [ grad_x f ]
    [ D_yx g   A_y^-1 ] [ dy ] = - [ grad_y g ]

With w = A^-1/2 d this reads M w = -A^1/2 grad, M = 1 + A^1/2 D A^1/2, which is solved by conjugate gradients
on its normal equations. In a zero-sum game, where the authors' code solves one player's half and deduces the
other's, M'M holds the matrices of both halves; here g need not be -f. Products with D are gradients of
gradients, in reverse mode.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.game import GAN, Batch, Logs, State, objective, own
from gaxjax.solvers.step import (
    Optimizers,
    Step,
    Updates,
    changed,
    check,
    finish,
    gradient_of,
    keys_of,
    once,
    player_logs,
    take,
    two,
)

SMALL = 1e-12
"""In place of a gradient that is zero, to see how large a step would be."""


def competitive(
    gan: GAN,
    optimizers: Optimizers,
    updates: Updates,
    half_life: float = 0.0,
    ramp_up: float = 0.0,
    *,
    iterations: int = 10,
    tolerance: float = 1e-6,
) -> Step:
    """Both players at once, at the equilibrium of the local bilinear game. Schaefer and Anandkumar 2019.

    The optimizers say how large steps are: with `optax.sgd(eta)` this is CGD, with Adam at b1 = 0, b2 = 0.99,
    eps = 1e-5 it is ACGD (Schaefer et al. 2020), which without a penalty is implicit competitive
    regularization. What an optimizer adds whatever the sign of the gradient, such as momentum, is added.

    iterations, tolerance: of conjugate gradients, until the residual is that share of the right side's. One
    minibatch and one draw of latents for both players.
    """
    check(gan, optimizers, updates)
    once(updates, "competitive")
    first, last = two(gan, "competitive")

    def step(state: State, batches: Batch, key: Array) -> tuple[State, Logs]:
        inputs = take((dict(batches), keys_of(state, key, updates)), 0)
        x_gradient, first_logs, first_stats = gradient_of(gan, first, state, *inputs)
        here = state._replace(stats={**state.stats, **first_stats})
        y_gradient, last_logs, last_stats = gradient_of(gan, last, here, *inputs)
        x_rule, y_rule = (
            step_size(optimizers[player], gradient, state.optimizers[player], own(gan, player, state.params))
            for player, gradient in ((first, x_gradient), (last, y_gradient))
        )
        root = jax.tree.map(jnp.sqrt, (x_rule[0], y_rule[0]))
        right = multiply(root, (x_gradient, y_gradient))
        (f_xy, f_yx), (g_xy, g_yx) = (
            mixed(gan, player, first, last, state, *inputs) for player in (first, last)
        )

        def matrix(vector: Any) -> Any:
            x, y = multiply(root, vector)
            return add(vector, multiply(root, (f_xy(y), g_yx(x))))

        def transposed(vector: Any) -> Any:
            x, y = multiply(root, vector)
            return add(vector, multiply(root, (g_xy(y), f_yx(x))))

        solution, _ = jax.scipy.sparse.linalg.cg(
            lambda vector: transposed(matrix(vector)), transposed(right), tol=tolerance, maxiter=iterations
        )
        change = jax.tree.map(lambda w, r: -r * w, solution, root)
        rules = ((first, x_rule, first_stats), (last, y_rule, last_stats))
        for (player, (_, drift, optimizer), stats), by in zip(rules, change, strict=True):
            state = changed(gan, player, state, add(by, drift), optimizer, stats)
        logs = player_logs(first, first_logs) | player_logs(last, last_logs)
        return finish(gan, state, batches, updates, half_life, ramp_up), logs

    return step


def step_size(rule: Any, gradient: Any, state: Any, params: Any) -> tuple[Any, Any, Any]:
    """An optimizer's step for each unit of each gradient, what it adds besides, and its next state.

    The step is the part of its change that turns with the sign of the gradient; the rest does not.
    """
    gradient = jax.tree.map(lambda g: jnp.where(g == 0, SMALL, g), gradient)
    change, after = rule.update(gradient, state, params)
    opposite, _ = rule.update(jax.tree.map(jnp.negative, gradient), state, params)
    size = jax.tree.map(lambda c, o, g: jnp.maximum((o - c) / (2 * g), 0), change, opposite, gradient)
    return size, jax.tree.map(lambda c, o: (c + o) / 2, change, opposite), after


def mixed(
    gan: GAN, player: str, first: str, last: str, state: State, batch: Batch, key: Array
) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Products with a loss's mixed second derivatives: v_y -> D_xy v_y and v_x -> D_yx v_x."""

    def gradients(which: int) -> Callable[[Any, Any], Any]:
        def loss(x: Any, y: Any) -> Array:
            params = {**state.params, **x, **y}
            whole = objective(gan, player, state._replace(params=params), batch, key)
            return whole(own(gan, player, params))[0]

        return jax.grad(loss, argnums=which)

    x, y = own(gan, first, state.params), own(gan, last, state.params)
    _, of_y = jax.vjp(lambda x: gradients(1)(x, y), x)
    _, of_x = jax.vjp(lambda y: gradients(0)(x, y), y)
    return lambda vector: of_y(vector)[0], lambda vector: of_x(vector)[0]


def multiply(a: Any, b: Any) -> Any:
    """Element by element."""
    return jax.tree.map(jnp.multiply, a, b)


def add(a: Any, b: Any) -> Any:
    """Element by element."""
    return jax.tree.map(jnp.add, a, b)
