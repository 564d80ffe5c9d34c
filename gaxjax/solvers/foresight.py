"""Players that look ahead: to where both are going (extragradient), or to the other's answer (unrolled)."""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array

from gaxjax.errors import InputError
from gaxjax.game import GAN, Batch, Logs, State, objective, own
from gaxjax.solvers.step import (
    Optimizers,
    Step,
    Updates,
    check,
    finish,
    gradient_of,
    keys_of,
    move,
    once,
    player_logs,
    take,
    two,
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
    check(gan, optimizers, updates)
    once(updates, "extragradient")

    def step(state: State, batches: Batch, key: Array) -> tuple[State, Logs]:
        inputs = (dict(batches), keys_of(state, key, updates))
        ahead = state
        for index, player in enumerate(gan.players):
            batch, draw = take(inputs, index)
            gradient, _, _ = gradient_of(gan, player, state, batch, draw, accumulate)
            ahead = move(gan, optimizers, player, ahead, gradient, {})
        logs: Logs = {}
        for index, player in enumerate(gan.players):
            there = ahead._replace(stats=state.stats)
            batch, draw = take(inputs, index)
            gradient, log, stats = gradient_of(gan, player, there, batch, draw, accumulate)
            state = move(gan, optimizers, player, state, gradient, stats)
            logs |= player_logs(player, log)
        return finish(gan, state, batches, updates, half_life, ramp_up), logs

    return step


def unrolled(k: int) -> Callable[..., Step]:
    """The last player differentiates through k virtual updates of the first. Metz et al. 2017, eq. 8 to 11.

    The virtual updates are the first player's own optimizer, differentiated through, on one minibatch and one
    draw of latents, and are thrown away; then the first player's real update is an ordinary one. An optimizer
    with a square root, such as Adam, needs `eps_root > 0` to have a gradient at zero.
    """
    if not isinstance(k, int) or k < 0:
        raise InputError(f"unrolled({k}): the number of virtual updates must be 0 or more, a whole number")

    def solver(
        gan: GAN, optimizers: Optimizers, updates: Updates, half_life: float = 0.0, ramp_up: float = 0.0
    ) -> Step:
        check(gan, optimizers, updates)
        once(updates, "unrolled")
        first, last = two(gan, "unrolled")

        def look_ahead(state: State, batch: Batch, key: Array) -> State:
            def virtual(ahead: State, _: None) -> tuple[State, None]:
                gradient, _logs, stats = gradient_of(gan, first, ahead, batch, key)
                return move(gan, optimizers, first, ahead, gradient, stats), None

            ahead, _ = jax.lax.scan(virtual, state, None, length=k)
            return state._replace(params=ahead.params)

        def step(state: State, batches: Batch, key: Array) -> tuple[State, Logs]:
            inputs = (dict(batches), keys_of(state, key, updates))
            begin = state
            gradient, first_logs, stats = gradient_of(gan, first, begin, *take(inputs, 0))
            state = move(gan, optimizers, first, begin, gradient, stats)
            batch, last_key = take(inputs, 1)

            def loss(params: dict[str, Any]) -> Any:
                here = begin._replace(params={**begin.params, **params}, stats=state.stats)
                ahead = look_ahead(here, batch, jax.random.fold_in(last_key, 1))
                return objective(gan, last, ahead, batch, last_key)(params)

            mine = own(gan, last, begin.params)
            (_, (last_logs, stats)), gradient = jax.value_and_grad(loss, has_aux=True)(mine)
            state = move(gan, optimizers, last, state, gradient, stats)
            logs = player_logs(first, first_logs) | player_logs(last, last_logs)
            return finish(gan, state, batches, updates, half_life, ramp_up), logs

        return step

    return solver
