"""A player waits while it is ahead: who moves depends on both players' losses. Denton et al. 2015.

Of the authors' code (eyescream, its trainer of larger images); the paper does not mention it.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError
from gaxjax.game import GAN, Batch, Logs, State, networks
from gaxjax.layers.mode import asking_errors
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


def balanced(
    gan: GAN,
    optimizers: Optimizers,
    updates: Updates,
    half_life: float = 0.0,
    ramp_up: float = 0.0,
    accumulate: int = 1,
    *,
    margin: float = 0.3,
    threshold: float = 0.7,
) -> Step:
    """The first player moves, or the last, by the first's errors F on fakes and R on real examples.

    F > R + margin: the first alone. Otherwise the last; and before it the first too, if R > threshold. Each
    minibatch decides anew, of each of the game's `subgames` by itself. Errors are cross-entropies, which an
    `Adversary` says of logits, or a game of its own logs as real_error and fake_error; of several
    discriminators that move together (image_real_error, video_real_error), their mean.

    Who waits keeps its parameters and the optimizer's sums; batch statistics follow the examples as ever.
    Gradients are taken of all, for the program must not depend on what it finds; `moves` in the logs is the
    share of steps in which a player has moved.
    """
    check_players(gan, optimizers, updates)
    check_single_updates(updates, "balanced")
    first, last = two_players(gan, "balanced")

    def step(state: State, batches: Batch, key: Array) -> tuple[State, Logs]:
        # In turn, as the authors: where both move, the last sees what the first has become.
        inputs = (dict(batches), split_keys(state, key, updates))
        movers: dict[str, dict[str, Array]] = {}
        logs: Logs = {}
        for index, player in enumerate((first, last)):
            batch, draw = take_index(inputs, index)
            with asking_errors():
                gradient, log, stats = compute_gradient(gan, player, state, batch, draw, accumulate)
            # By the first player's losses, before it moves: the last one's have nothing to say in it.
            movers = movers or choose_movers(gan, log, margin, threshold)
            after = apply_gradient(gan, optimizers, player, state, gradient, stats)
            state = keep_waiting(gan, player, movers[player], state, after)
            # 0 or 1, of which a row of metrics has the mean.
            moves = {log_name(name, "moves"): move.astype(float) for name, move in movers[player].items()}
            logs |= player_logs(player, {**log, **moves})
        return finish_step(gan, state, batches, updates, half_life, ramp_up), logs

    return step


def find_subgames(gan: GAN) -> dict[str, tuple[str, ...]]:
    """Games that are played side by side: prefix of what they log -> their networks in `State.params`.

    A game says them as its `subgames`, where no loss of one depends on another's networks. Others are one
    game, without a prefix.
    """
    own: dict[str, tuple[str, ...]] = getattr(gan, "subgames", {})
    fields = (field for fields in gan.players.values() for field in fields)
    return own or {"": tuple(networks(gan, fields))}


def choose_movers(gan: GAN, logs: Logs, margin: float, threshold: float) -> dict[str, dict[str, Array]]:
    """Player -> subgame -> whether it moves there, [] bool; InputError where no errors are logged."""
    first, last = gan.players
    movers: dict[str, dict[str, Array]] = {first: {}, last: {}}
    for name in find_subgames(gan):
        real, fake = (mean_error(logs, name, f"{side}_error") for side in ("real", "fake"))
        if real is None or fake is None:
            raise InputError(
                f"balanced goes by {log_name(name, 'real_error')} and {log_name(name, 'fake_error')} among "
                f"what {first}_loss logs, as an Adversary's discriminator_loss does; it logs {sorted(logs)}"
            )
        # Worse at fakes than at real examples: the generator is ahead and waits.
        fooled = fake > real + margin
        movers[first][name], movers[last][name] = fooled | (real > threshold), ~fooled
    return movers


def mean_error(logs: Logs, subgame: str, name: str) -> Array | None:
    """The mean of what a subgame logs as this, [], of each of its discriminators; None where it logs none.

    >>> mean_error({"image_real_error": 0.5, "video_real_error": 1.5, "image_loss": 9.0}, "", "real_error")
    1.0
    """
    start, end = log_name(subgame, ""), f"_{name}"
    errors = [value for key, value in logs.items() if key.startswith(start) and f"_{key}".endswith(end)]
    # Each discriminator has the same weight, as each array of logits has in `errors_of`.
    return sum(errors[1:], start=errors[0]) / len(errors) if len(errors) > 1 else next(iter(errors), None)


def keep_waiting(gan: GAN, player: str, moves: dict[str, Array], before: State, after: State) -> State:
    """The state after a player's move, but for what belongs to subgames in which it waits."""
    by_network = {network: moves[name] for name, own in find_subgames(gan).items() for network in own}
    some = jnp.any(jnp.stack(list(moves.values())))

    def select(path: Any, old: Array, new: Array) -> Array:
        # An optimizer's sums lie under the names of the networks that they are of. Its counters are of all
        # of them: they go on while any moves.
        names = (getattr(key, "key", None) for key in path)
        move = next((by_network[name] for name in names if name in by_network), some)
        return jnp.where(move, new, old)

    whole = [(state.params, state.optimizers[player]) for state in (before, after)]
    params, optimizer = jax.tree.map_with_path(select, *whole)
    return after._replace(params=params, optimizers={**after.optimizers, player: optimizer})


def log_name(subgame: str, name: str) -> str:
    """What a game logs of a subgame: real_error, level_0_real_error."""
    return f"{subgame}_{name}" if subgame else name
