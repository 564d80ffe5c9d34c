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

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.game import GAN, Batch, Logs, State, objective, player_params
from gaxjax.solvers.step import (
    Optimizers,
    Step,
    Updates,
    apply_change,
    check_players,
    check_single_updates,
    compute_gradient,
    finish_step,
    player_logs,
    split_keys,
    take_index,
    two_players,
)

Products = tuple[Callable[[Any], Any], Callable[[Any], Any]]
"""Of a loss: v_y -> D_xy v_y and v_x -> D_yx v_x."""

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
    check_players(gan, optimizers, updates)
    check_single_updates(updates, "competitive")
    first, last = two_players(gan, "competitive")

    def step(state: State, batches: Batch, key: Array) -> tuple[State, Logs]:
        inputs = take_index((dict(batches), split_keys(state, key, updates)), 0)
        x_gradient, first_logs, first_stats = compute_gradient(gan, first, state, *inputs)
        # Running statistics go from player to player, as in simultaneous moves; parameters do not.
        here = state._replace(stats={**state.stats, **first_stats})
        y_gradient, last_logs, last_stats = compute_gradient(gan, last, here, *inputs)
        x_rule, y_rule = (
            step_size(
                optimizers[player],
                gradient,
                state.optimizers[player],
                player_params(gan, player, state.params),
            )
            for player, gradient in ((first, x_gradient), (last, y_gradient))
        )
        size = (x_rule[0], y_rule[0])
        # Of the parameters, minibatch and draws of both gradients: the bilinear game is around one point.
        products = [mixed_derivatives(gan, player, first, last, state, *inputs) for player in (first, last)]
        change = solve(size, (x_gradient, y_gradient), products, iterations, tolerance)
        rules = ((first, x_rule, first_stats), (last, y_rule, last_stats))
        for (player, (_, drift, optimizer), stats), by in zip(rules, change, strict=True):
            state = apply_change(gan, player, state, add_trees(by, drift), optimizer, stats)
        logs = player_logs(first, first_logs) | player_logs(last, last_logs)
        return finish_step(gan, state, batches, updates, half_life, ramp_up), logs

    return step


def solve(
    size: Any, gradients: Any, products: Sequence[Products], iterations: int, tolerance: float
) -> tuple[Any, Any]:
    """Both players' changes, d above: of step sizes A, gradients, and each loss's products with D."""
    (f_xy, f_yx), (g_xy, g_yx) = products
    # Taken from both sides of D, so that M is near 1 for small steps, which makes iterations few.
    root = jax.tree.map(jnp.sqrt, size)
    right = multiply_trees(root, gradients)

    def matrix(vector: Any) -> Any:
        # M: each player's unknown meets the other's through its own loss's mixed derivatives.
        x, y = multiply_trees(root, vector)
        return add_trees(vector, multiply_trees(root, (f_xy(y), g_yx(x))))

    def transpose(vector: Any) -> Any:
        # M': the blocks change places and are transposed; D_yx g transposed is D_xy g.
        x, y = multiply_trees(root, vector)
        return add_trees(vector, multiply_trees(root, (g_xy(y), f_yx(x))))

    # Conjugate gradients take a symmetric, positive matrix. M is not symmetric, M'M is both. They begin at 0:
    # the last step's solution, which is nearer, would have to be a part of the state.
    solution, _ = jax.scipy.sparse.linalg.cg(
        lambda vector: transpose(matrix(vector)), transpose(right), tol=tolerance, maxiter=iterations
    )
    # Back from w to d = A^1/2 w, and downhill.
    return jax.tree.map(lambda w, r: -r * w, solution, root)


def step_size(rule: Any, gradient: Any, state: Any, params: Any) -> tuple[Any, Any, Any]:
    """An optimizer's step for each unit of each gradient, what it adds besides, and its next state.

    The step is the part of its change that turns with the sign of the gradient; the rest does not.
    """
    # A step size is the change by the gradient, and of 0 by 0 there is none.
    gradient = jax.tree.map(lambda g: jnp.where(g == 0, SMALL, g), gradient)
    change, after = rule.update(gradient, state, params)
    # The rule at both signs: half of the difference turns with the gradient, half of the sum does not.
    opposite, _ = rule.update(jax.tree.map(jnp.negative, gradient), state, params)
    # Rounding may take it below 0, where it would have no root.
    size = jax.tree.map(lambda c, o, g: jnp.maximum((o - c) / (2 * g), 0), change, opposite, gradient)
    return size, jax.tree.map(lambda c, o: (c + o) / 2, change, opposite), after


def mixed_derivatives(
    gan: GAN, player: str, first: str, last: str, state: State, batch: Batch, key: Array
) -> Products:
    """Products with a loss's mixed second derivatives: v_y -> D_xy v_y and v_x -> D_yx v_x."""

    def gradients(which: int) -> Callable[[Any, Any], Any]:
        def loss(x: Any, y: Any) -> Array:
            params = {**state.params, **x, **y}
            whole = objective(gan, player, state._replace(params=params), batch, key)
            return whole(player_params(gan, player, params))[0]

        # Both players' parameters as arguments, where an objective is of one player's own.
        return jax.grad(loss, argnums=which)

    x, y = player_params(gan, first, state.params), player_params(gan, last, state.params)
    # The pullback of x -> grad_y at v_y is D_xy v_y: one reverse pass over a gradient, and no matrix. Both
    # are taken here, before any iteration, each of which then has the way back alone.
    _, of_y = jax.vjp(lambda x: gradients(1)(x, y), x)
    _, of_x = jax.vjp(lambda y: gradients(0)(x, y), y)
    # Compiled, so that each is traced once and not wherever it is called.
    return jax.jit(lambda vector: of_y(vector)[0]), jax.jit(lambda vector: of_x(vector)[0])


def multiply_trees(a: Any, b: Any) -> Any:
    """Element by element."""
    return jax.tree.map(jnp.multiply, a, b)


def add_trees(a: Any, b: Any) -> Any:
    """Element by element."""
    return jax.tree.map(jnp.add, a, b)
