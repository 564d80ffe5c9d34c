"""Players in turn, or all at once: gradient descent of each player on its own loss."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.game import GAN, Batch, Logs, State
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
)


def alternating(
    gan: GAN,
    optimizers: Optimizers,
    updates: Updates,
    half_life: float = 0.0,
    ramp_up: float = 0.0,
    accumulate: int = 1,
) -> Step:
    """Each player in turn, `updates[player]` times, each move from where the last one left the game.

    Algorithm 1 of Goodfellow et al. 2014: the discriminator k times, then the generator once.
    """
    check(gan, optimizers, updates)

    def step(state: State, batches: Batch, key: Array) -> tuple[State, Logs]:
        keys = keys_of(state, key, updates)
        logs: Logs = {}
        start = 0
        for player in gan.players:

            def body(state: State, inputs: Any, player: str = player) -> tuple[State, Logs]:
                batch, key = inputs
                gradient, logs, stats = gradient_of(gan, player, state, batch, key, accumulate)
                return move(gan, optimizers, player, state, gradient, stats), logs

            moves = slice(start, start + updates[player])
            state, history = jax.lax.scan(body, state, take((dict(batches), keys), moves))
            logs |= player_logs(player, {name: jnp.mean(values) for name, values in history.items()})
            start = moves.stop
        return finish(gan, state, batches, updates, half_life, ramp_up), logs

    return step


def simultaneous(
    gan: GAN,
    optimizers: Optimizers,
    updates: Updates,
    half_life: float = 0.0,
    ramp_up: float = 0.0,
    accumulate: int = 1,
) -> Step:
    """All players at once, each once: every gradient is taken where the step began.

    One minibatch and one draw of latents and dropout for all of them, as in the code of Goodfellow et al.
    2014, so that what their losses have in common (the samples, and the verdict on them) is computed once.
    """
    check(gan, optimizers, updates)
    once(updates, "simultaneous")

    def step(state: State, batches: Batch, key: Array) -> tuple[State, Logs]:
        batch, draw = take((dict(batches), keys_of(state, key, updates)), 0)
        begin, logs = state, Logs()
        for player in gan.players:
            # Running statistics go from player to player; parameters are those of the beginning.
            here = begin._replace(stats=state.stats)
            gradient, log, stats = gradient_of(gan, player, here, batch, draw, accumulate)
            state = move(gan, optimizers, player, state, gradient, stats)
            logs |= player_logs(player, log)
        return finish(gan, state, batches, updates, half_life, ramp_up), logs

    return step
