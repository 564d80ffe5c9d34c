"""Players that look ahead: to where both are going (extragradient), or to the other's answer (unrolled)."""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array

from gaxjax.errors import InputError
from gaxjax.game import GAN, Batch, Logs, State, objective, player_params
from gaxjax.solvers.step import (
    Optimizers,
    Step,
    Updates,
    apply_gradient,
    check_players,
    check_single_updates,
    compute_gradient,
    finish_step,
    player_logs,
    split_keys,
    take_index,
    two_players,
)


def extragradient(
    gan: GAN,
    optimizers: Optimizers,
    updates: Updates,
    half_life: float = 0.0,
    ramp_up: float = 0.0,
    accumulate: int = 1,
) -> Step:
    """All players move at once, by the gradient at where such a move would take them. Korpelevich 1976.

    The look ahead is a move of every player's own optimizer, which is then taken back, its state too (Gidel
    et al. 2019, algorithm 2, keep Adam's moments of both). Each player has one minibatch for both gradients.
    """
    check_players(gan, optimizers, updates)
    check_single_updates(updates, "extragradient")

    def step(state: State, batches: Batch, key: Array) -> tuple[State, Logs]:
        inputs = (dict(batches), split_keys(state, key, updates))
        ahead = state
        for index, player in enumerate(gan.players):
            batch, draw = take_index(inputs, index)
            # At `state`, and not at `ahead`: all look from where the step began, and none knows of another.
            gradient, _, _ = compute_gradient(gan, player, state, batch, draw, accumulate)
            # Without statistics: running means would count the minibatch twice.
            ahead = apply_gradient(gan, optimizers, player, ahead, gradient, {})
        logs: Logs = {}
        for index, player in enumerate(gan.players):
            # The parameters of there, the statistics of here.
            there = ahead._replace(stats=state.stats)
            batch, draw = take_index(inputs, index)
            gradient, log, stats = compute_gradient(gan, player, there, batch, draw, accumulate)
            # From where the step began, its optimizers' moments too: the look ahead leaves no trace but the
            # gradient.
            state = apply_gradient(gan, optimizers, player, state, gradient, stats)
            logs |= player_logs(player, log)
        return finish_step(gan, state, batches, updates, half_life, ramp_up), logs

    return step


def unrolled(k: int) -> Callable[..., Step]:
    """The last player differentiates through k virtual updates of the first. Metz et al. 2017, eq. 8 to 11.

    The virtual updates are the first player's own optimizer, differentiated through, on one minibatch and one
    draw of latents, and are thrown away; then the first player's real update is an ordinary one. An optimizer
    with a square root, such as Adam, needs `eps_root > 0` to have a gradient at zero.
    """
    # 0 looks at no answer: the standard step, which the paper compares with.
    if not isinstance(k, int) or k < 0:
        raise InputError(f"unrolled({k}): the number of virtual updates must be 0 or more, a whole number")

    def solver(
        gan: GAN, optimizers: Optimizers, updates: Updates, half_life: float = 0.0, ramp_up: float = 0.0
    ) -> Step:
        check_players(gan, optimizers, updates)
        check_single_updates(updates, "unrolled")
        first, last = two_players(gan, "unrolled")

        # One minibatch and one draw for every virtual move: what is unrolled is one function of both players.
        def look_ahead(state: State, batch: Batch, key: Array) -> State:
            def virtual(ahead: State, _: None) -> tuple[State, None]:
                gradient, _logs, stats = compute_gradient(gan, first, ahead, batch, key)
                return apply_gradient(gan, optimizers, first, ahead, gradient, stats), None

            # A scan: the time to compile does not grow with k. The memory of its backward pass does.
            ahead, _ = jax.lax.scan(virtual, state, None, length=k)
            # Of the virtual moves the parameters alone: optimizer and statistics are those of the real ones.
            return state._replace(params=ahead.params)

        def step(state: State, batches: Batch, key: Array) -> tuple[State, Logs]:
            inputs = (dict(batches), split_keys(state, key, updates))
            before = state
            gradient, first_logs, stats = compute_gradient(gan, first, before, *take_index(inputs, 0))
            state = apply_gradient(gan, optimizers, first, before, gradient, stats)
            batch, last_key = take_index(inputs, 1)

            def loss(params: dict[str, Any]) -> Any:
                # From before the first player's real move: both gradients are of one point, as in eq. 10 and
                # 11.
                here = before._replace(params={**before.params, **params}, stats=state.stats)
                # Draws of its own: what is answered to is the generator, not the very fakes of the loss.
                ahead = look_ahead(here, batch, jax.random.fold_in(last_key, 1))
                # Twice a function of params: by the last player's own, and by `ahead`, which has answered to
                # them.
                return objective(gan, last, ahead, batch, last_key)(params)

            # Not from `state`: this player has not moved yet, but the surrogate is built from before.
            params = player_params(gan, last, before.params)
            (_, (last_logs, stats)), gradient = jax.value_and_grad(loss, has_aux=True)(params)
            state = apply_gradient(gan, optimizers, last, state, gradient, stats)
            logs = player_logs(first, first_logs) | player_logs(last, last_logs)
            return finish_step(gan, state, batches, updates, half_life, ramp_up), logs

        return step

    return solver
