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
    apply_gradient,
    check_minibatches,
    check_players,
    check_single_updates,
    compute_gradient,
    finish_step,
    player_logs,
    split_keys,
    take_index,
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
    check_players(gan, optimizers, updates)

    def step(state: State, batches: Batch, key: Array) -> tuple[State, Logs]:
        check_minibatches(batches, updates)
        keys = split_keys(state, key, updates)
        logs: Logs = {}
        start = 0
        for player in gan.players:
            # The player as a default, bound now; as a closure it would be the loop's variable.
            def body(state: State, inputs: Any, player: str = player) -> tuple[State, Logs]:
                batch, key = inputs
                gradient, logs, stats = compute_gradient(gan, player, state, batch, key, accumulate)
                return apply_gradient(gan, optimizers, player, state, gradient, stats), logs

            moves = slice(start, start + updates[player])
            # A scan over the player's moves: five of a critic are compiled as one.
            state, history = jax.lax.scan(body, state, take_index((dict(batches), keys), moves))
            logs |= player_logs(player, {name: jnp.mean(values) for name, values in history.items()})
            start = moves.stop
        return finish_step(gan, state, batches, updates, half_life, ramp_up), logs

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
    check_players(gan, optimizers, updates)
    check_single_updates(updates, "simultaneous")

    def step(state: State, batches: Batch, key: Array) -> tuple[State, Logs]:
        batch, draw = take_index((dict(batches), split_keys(state, key, updates)), 0)
        before, logs = state, Logs()
        for player in gan.players:
            # Running statistics go from player to player; parameters are those of the beginning.
            here = before._replace(stats=state.stats)
            gradient, log, stats = compute_gradient(gan, player, here, batch, draw, accumulate)
            state = apply_gradient(gan, optimizers, player, state, gradient, stats)
            logs |= player_logs(player, log)
        return finish_step(gan, state, batches, updates, half_life, ramp_up), logs

    return step
