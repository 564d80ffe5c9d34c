"""How the players move: a solver turns a game and optimizers into one pure train step.

A solver is a function `(gan, optimizers, updates, half_life) -> step`, with

- `optimizers`: player -> optax transformation,
- `updates`: player -> how often it moves in a step,
- `half_life`: of the moving average of parameters, in images; 0 averages nothing,
- `step(state, batches, key) -> (state, logs)`: batches have a leading axis of `minibatches(updates)`, one
  minibatch for each move, in order of play; the key is the run's, the same at every step.

A solver never knows which game it moves.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

from gaxjax import expressions, transforms
from gaxjax.errors import InputError
from gaxjax.game import GAN, Batch, Logs, State, objective, own, size

Optimizers = Mapping[str, optax.GradientTransformation]
Updates = Mapping[str, int]
Step = Callable[[State, Batch, Array], tuple[State, Logs]]
Solver = Callable[[GAN, Optimizers, Updates, float], Step]


def alternating(gan: GAN, optimizers: Optimizers, updates: Updates, half_life: float = 0.0) -> Step:
    """Each player in turn, `updates[player]` times, each move from where the last one left the game.

    Algorithm 1 of Goodfellow et al. 2014: the discriminator k times, then the generator once.
    """
    check(gan, optimizers, updates)

    def step(state: State, batches: Batch, key: Array) -> tuple[State, Logs]:
        keys = _keys(state, key, updates)
        logs: Logs = {}
        for player, moves in _moves(gan, updates).items():

            def body(state: State, inputs: Any, player: str = player) -> tuple[State, Logs]:
                batch, key = inputs
                return _apply(gan, optimizers, player, state, *_gradient(gan, player, state, batch, key))

            state, history = jax.lax.scan(body, state, _take((dict(batches), keys), moves))
            logs |= {f"{player}/{name}": jnp.mean(values) for name, values in history.items()}
        return _finish(gan, state, batches, updates, half_life), logs

    return step


def simultaneous(gan: GAN, optimizers: Optimizers, updates: Updates, half_life: float = 0.0) -> Step:
    """All players at once, each once: every gradient is taken where the step began."""
    check(gan, optimizers, updates)
    _once(updates, "simultaneous")

    def step(state: State, batches: Batch, key: Array) -> tuple[State, Logs]:
        keys = _keys(state, key, updates)
        begin, logs = state, Logs()
        for index, player in enumerate(gan.players):
            batch, move_key = _take((dict(batches), keys), index)
            # Running statistics go from player to player; parameters are those of the beginning.
            here = begin._replace(stats=state.stats)
            found = _gradient(gan, player, here, batch, move_key)
            state, log = _apply(gan, optimizers, player, state, *found)
            logs |= {f"{player}/{name}": value for name, value in log.items()}
        return _finish(gan, state, batches, updates, half_life), logs

    return step


def unrolled(k: int) -> Solver:
    """The last player differentiates through k virtual updates of the first. Metz et al. 2017, eq. 8 to 11.

    The virtual updates are the first player's own optimizer, differentiated through, on one minibatch and one
    draw of latents, and are thrown away; then the first player's real update is an ordinary one. An optimizer
    with a square root, such as Adam, needs `eps_root > 0` to have a gradient at zero.
    """
    if not isinstance(k, int) or k < 0:
        raise InputError(f"unrolled({k}): the number of virtual updates must be 0 or more, a whole number")

    def solver(gan: GAN, optimizers: Optimizers, updates: Updates, half_life: float = 0.0) -> Step:
        check(gan, optimizers, updates)
        _once(updates, "unrolled")
        if len(gan.players) != 2:
            raise InputError(f"unrolled is for two players; {type(gan).__name__} has {list(gan.players)}")
        first, last = gan.players

        def look_ahead(state: State, batch: Batch, key: Array) -> State:
            def virtual(ahead: State, _: None) -> tuple[State, None]:
                found = _gradient(gan, first, ahead, batch, key)
                return _apply(gan, optimizers, first, ahead, *found)[0], None

            ahead, _ = jax.lax.scan(virtual, state, None, length=k)
            return state._replace(params=ahead.params)

        def step(state: State, batches: Batch, key: Array) -> tuple[State, Logs]:
            keys = _keys(state, key, updates)
            batch, first_key = _take((dict(batches), keys), 0)
            begin = state
            found = _gradient(gan, first, begin, batch, first_key)
            state, logs_first = _apply(gan, optimizers, first, begin, *found)
            batch, last_key = _take((dict(batches), keys), 1)

            def loss(params: dict[str, Any]) -> Any:
                here = begin._replace(params={**begin.params, **params}, stats=state.stats)
                ahead = look_ahead(here, batch, jax.random.fold_in(last_key, 1))
                return objective(gan, last, ahead, batch, last_key)(params)

            (_, aux), gradient = jax.value_and_grad(loss, has_aux=True)(own(gan, last, begin.params))
            state, logs_last = _apply(gan, optimizers, last, state, gradient, *aux)
            logs = {f"{first}/{name}": value for name, value in logs_first.items()}
            logs |= {f"{last}/{name}": value for name, value in logs_last.items()}
            return _finish(gan, state, batches, updates, half_life), logs

        return step

    return solver


NAMES: dict[str, Callable[..., Any]] = {
    "alternating": alternating,
    "simultaneous": simultaneous,
    "unrolled": unrolled,
}
USAGE = "alternating, simultaneous, unrolled(k)"


def named(text: str) -> Solver:
    """A solver by its name, with numbers where it takes some.

    >>> named("alternating") is alternating
    True
    >>> named("unrolled(5)")  # doctest: +ELLIPSIS
    <function unrolled...>
    """
    found = expressions.named(text, NAMES, USAGE)
    if found is unrolled:
        raise InputError(f"{text!r} lacks its number; give one of: {USAGE}")
    return found


def minibatches(updates: Updates) -> int:
    """How many minibatches one step takes: one for each move of each player."""
    return sum(updates.values())


def examples(gan: GAN, updates: Updates, batch_size: int) -> int:
    """How many real examples the first player sees in one step: what lengths and intervals count."""
    return batch_size * updates[next(iter(gan.players))]


def check(gan: GAN, optimizers: Mapping[str, Any], updates: Updates | None = None) -> None:
    """Refuses players that the game does not have, and moves that are none."""
    for name, given in (("optimizers", optimizers), ("updates", optimizers if updates is None else updates)):
        if set(given) != set(gan.players):
            raise InputError(f"{name} are for {sorted(given)}, but the players are {sorted(gan.players)}")
    for player, count in (updates or {}).items():
        if count < 1:
            raise InputError(f"updates of {player!r} must be at least 1; got {count}")


def _once(updates: Updates, solver: str) -> None:
    if any(count != 1 for count in updates.values()):
        raise InputError(
            f"{solver} moves every player once; got updates {dict(updates)}: use alternating, or 1"
        )


def _moves(gan: GAN, updates: Updates) -> dict[str, slice]:
    """Which of the step's minibatches belong to which player."""
    slices, start = {}, 0
    for player in gan.players:
        slices[player] = slice(start, start + updates[player])
        start += updates[player]
    return slices


def _keys(state: State, key: Array, updates: Updates) -> Array:
    """One key for each move, a pure function of the run's key and the step."""
    return jax.random.split(jax.random.fold_in(key, state.step), minibatches(updates))


def _take(tree: Any, index: Any) -> Any:
    return jax.tree.map(lambda x: x[index], tree)


def _gradient(
    gan: GAN, player: str, state: State, batch: Batch, key: Array
) -> tuple[Any, Logs, dict[str, Any]]:
    loss = objective(gan, player, state, batch, key)
    (_, (logs, stats)), gradient = jax.value_and_grad(loss, has_aux=True)(own(gan, player, state.params))
    return gradient, logs, stats


def _apply(
    gan: GAN,
    optimizers: Optimizers,
    player: str,
    state: State,
    gradient: Any,
    logs: Logs,
    stats: dict[str, Any],
) -> tuple[State, Logs]:
    mine = own(gan, player, state.params)
    change, optimizer = optimizers[player].update(gradient, state.optimizers[player], mine)
    moved = optax.apply_updates(mine, change)
    return state._replace(
        params={**state.params, **moved},
        stats={**state.stats, **stats},
        optimizers={**state.optimizers, player: optimizer},
    ), logs


def _finish(gan: GAN, state: State, batches: Batch, updates: Updates, half_life: float) -> State:
    """Counts the step and moves the averages."""
    seen = examples(gan, updates, size(_take(dict(batches), 0)))
    now = {network: state.params[network] for network in state.average}
    average = transforms.average(state.average, now, seen, half_life)
    return state._replace(step=state.step + 1, images=state.images + seen, average=average)
