"""What all solvers share: the keys, minibatches, gradients and updates of a train step.

A solver is a function `(gan, optimizers, updates, half_life, ramp_up) -> step`, with

- `optimizers`: player -> optax transformation,
- `updates`: player -> how often it moves in a step,
- `half_life`: of the moving average of parameters, in images; 0 averages nothing,
- `ramp_up`: the half-life is at most that share of the images seen; 0 for none,
- `accumulate`: parts that a minibatch is taken in, by solvers that take it,
- `step(state, batches, key) -> (state, logs)`: batches have a leading axis of `minibatches(updates)`, one
  minibatch for each move, in order of play; the key is the run's, the same at every step.

A solver never knows which game it moves.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from gaxjax import transforms
from gaxjax.errors import InputError
from gaxjax.game import GAN, Batch, Logs, State, Tree, count_examples, objective, player_params
from gaxjax.solvers.accumulation import accumulate_gradient

Optimizers = Mapping[str, optax.GradientTransformation]
Updates = Mapping[str, int]
Step = Callable[[State, Batch, Array], tuple[State, Logs]]


def minibatches_per_step(updates: Updates) -> int:
    """How many minibatches one step takes: one for each move of each player."""
    return sum(updates.values())


def examples_per_step(gan: GAN, updates: Updates, batch_size: int) -> int:
    """How many real examples the first player sees in one step: what lengths and intervals count."""
    return batch_size * updates[next(iter(gan.players))]


def check_players(gan: GAN, optimizers: Mapping[str, Any], updates: Updates | None = None) -> None:
    """Refuses players that the game does not have, and moves that are none."""
    for name, given in (("optimizers", optimizers), ("updates", optimizers if updates is None else updates)):
        if set(given) != set(gan.players):
            raise InputError(f"{name} are for {sorted(given)}, but the players are {sorted(gan.players)}")
    for player, count in (updates or {}).items():
        if count < 1:
            raise InputError(f"updates of {player!r} must be at least 1; got {count}")


def check_single_updates(updates: Updates, solver: str) -> None:
    """Refuses more than one move of a player, for solvers whose players move together."""
    if any(count != 1 for count in updates.values()):
        raise InputError(
            f"{solver} moves every player once; got updates {dict(updates)}: use alternating, or 1"
        )


def two_players(gan: GAN, solver: str) -> tuple[str, str]:
    """The two players, for solvers that know no other number."""
    if len(gan.players) != 2:
        raise InputError(f"{solver} is for two players; {type(gan).__name__} has {list(gan.players)}")
    first, last = gan.players
    return first, last


def split_keys(state: State, key: Array, updates: Updates) -> Array:
    """One key for each move, a pure function of the run's key and the step."""
    # From the step's number: a resumed run draws what it would have drawn, and no key is part of the state.
    return jax.random.split(jax.random.fold_in(key, state.step), minibatches_per_step(updates))


def check_minibatches(batches: Batch, updates: Updates) -> None:
    """Refuses batches that have not one minibatch for each move, before a scan is given them in vain."""
    count, lengths = minibatches_per_step(updates), {x.shape[:1] for x in jax.tree.leaves(dict(batches))}
    if lengths - {(count,)}:
        found = ", ".join(str(list(length)) for length in sorted(lengths))
        raise InputError(
            f"a step of updates {dict(updates)} takes {count} minibatches, one for each move: arrays "
            f"[{count}, B, ...]; got {found} in place of [{count}]"
        )


def take_index(tree: Any, index: Any) -> Any:
    """The tree with every array indexed along its first axis."""
    return jax.tree.map(lambda x: x[index], tree)


def compute_gradient(
    gan: GAN, player: str, state: State, batch: Batch, key: Array, parts: int = 1
) -> tuple[Any, Logs, Tree]:
    """The gradient of a player's loss in its own parameters, with the loss's logs and statistics.

    The minibatch is taken in so many parts, one after the other.
    """
    # This function again, on each part, with parts = 1.
    if parts > 1:
        one = functools.partial(compute_gradient, gan, player)
        return accumulate_gradient(one, gan, state, batch, key, parts)
    loss = objective(gan, player, state, batch, key)
    (_, (logs, stats)), gradient = jax.value_and_grad(loss, has_aux=True)(
        player_params(gan, player, state.params)
    )
    return gradient, logs, stats


def apply_gradient(
    gan: GAN, optimizers: Optimizers, player: str, state: State, gradient: Any, stats: Tree
) -> State:
    """The state after the player's optimizer has followed the gradient."""
    params = player_params(gan, player, state.params)
    change, optimizer = optimizers[player].update(gradient, state.optimizers[player], params)
    return apply_change(gan, player, state, change, optimizer, stats)


def apply_change(gan: GAN, player: str, state: State, change: Any, optimizer: Any, stats: Tree) -> State:
    """The state after a change of the player's parameters, within the game's bounds."""
    # The game projects all parameters at once; of the result, only what the player moves is taken.
    moved = optax.apply_updates(player_params(gan, player, state.params), change)
    return state._replace(
        params={**state.params, **player_params(gan, player, gan.project({**state.params, **moved}))},
        stats={**state.stats, **stats},
        optimizers={**state.optimizers, player: optimizer},
    )


def finish_step(
    gan: GAN, state: State, batches: Batch, updates: Updates, half_life: float, ramp_up: float
) -> State:
    """The state after a step whose players have moved: counted, with the averages following by half_life.

    Every solver ends so: samples come from the averages. batches: the step's own, [minibatches, B, ...], of
    which the first player's examples are counted, up to 2^31 - 1; half_life and ramp_up as the solver's.
    """
    images = examples_per_step(gan, updates, count_examples(take_index(dict(batches), 0)))
    # int32 would wrap to below 0, and the averages' ramp begin anew.
    most = np.iinfo(np.int32).max
    # A count below 0 is one that an earlier version let run over.
    full = (state.images < 0) | (state.images > most - images)
    total = jnp.where(full, most, state.images + images)
    # Averages follow at the end of a step, however often the player has moved in it.
    now = {network: state.params[network] for network in state.average}
    average = transforms.average(state.average, now, images, half_life, total, ramp_up)
    return state._replace(step=state.step + 1, images=total, average=average)


def player_logs(player: str, logs: Logs) -> Logs:
    """Scalars by `<player>/<name>`."""
    return {f"{player}/{name}": value for name, value in logs.items()}
