"""A game between networks: what is played, as a tree of parameters and a few pure functions of it.

A `GAN` is a linen module whose attributes are networks (and plain numbers) and whose `<player>_loss`
methods are the players' objectives. How the players move is a solver's business (`gaxjax.solvers`).
This is the only file that calls linen's `init`, `apply` and `unbind`.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax import Array

from gaxjax.errors import InputError

Tree = Any
"""Any nesting of dicts, tuples and arrays."""
Batch = Mapping[str, Any]
"""Arrays by name, examples along the first axis: {"image": [B, H, W, C] in [-1, 1], "label": [B]}."""
Logs = dict[str, Array]
"""Scalars by name."""

PLAY, DROPOUT = "play", "dropout"
"""The two streams of random numbers: latents and the like, always there; dropout's, while a player moves."""


class GAN(nn.Module):
    """A game. Abstract: a subclass lists its players and writes one `<player>_loss` for each.

    Fields of a GAN and of its networks are plain data (numbers, strings, tuples, other modules), so that a
    game is its own configuration. Values that a loss keeps for itself (a balance, a pool of images) are linen
    variables in a collection of their own: they are saved, replicated and mapped with the rest.
    """

    players: ClassVar[dict[str, tuple[str, ...]]]
    """Player -> the networks it moves, in order of play; the first player's examples are what is counted."""
    averaged: ClassVar[tuple[str, ...]] = ()
    """Networks with a moving average of their parameters; samples come from it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for player in getattr(cls, "players", {}):
            if not hasattr(cls, f"{player}_loss"):
                raise TypeError(
                    f"{cls.__name__} has a player {player!r} but no method {player}_loss(batch, step)"
                )

    def __call__(self, batch: Batch) -> Any:
        """Touches every network once, which shapes the parameters."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(batch)")

    def sample(self, batch: Batch, **options: Any) -> Any:
        """What the trained game makes, one for each example of the batch: an array, or arrays by name."""
        raise NotImplementedError(f"{type(self).__name__} must define sample(batch)")

    def judge(self, batch: Batch) -> dict[str, Array]:
        """What the game says of each example of the batch, [B], by name; nothing unless overridden.

        "D" is the probability of being real. Pictures of points show what is said of the places around them.
        """
        return {}

    def weights(self, params: Tree, step: Array) -> Tree:
        """Transforms what the players move into what the networks see; the identity unless overridden."""
        return params

    def project(self, params: Tree) -> Tree:
        """Puts parameters where they may be, at first and after moves; the identity unless overridden."""
        return params


class State(NamedTuple):
    """Everything that a run needs to go on: one tree, one checkpoint."""

    step: Array
    """Steps taken, int32."""
    images: Array
    """Real examples that the first player has seen, int32."""
    params: dict[str, Tree]
    """Network -> parameters."""
    stats: dict[str, Tree]
    """Collection -> variables that are not parameters: running statistics, values of a loss."""
    optimizers: dict[str, Tree]
    """Player -> state of its optimizer."""
    average: dict[str, Tree]
    """Averaged network -> moving average of its parameters."""


def size(batch: Batch) -> int:
    """The number of examples in a batch: `n` if the batch says so, else the length of its arrays."""
    return batch["n"] if "n" in batch else jax.tree.leaves(dict(batch))[0].shape[0]


def own(gan: GAN, player: str, params: dict[str, Tree]) -> dict[str, Tree]:
    """The part of the parameters that a player moves."""
    return {network: params[network] for network in gan.players[player]}


def init(gan: GAN, optimizers: Mapping[str, optax.GradientTransformation], key: Array, batch: Batch) -> State:
    """The state before the first step, a pure function of the key.

    `batch` shapes the parameters: arrays, or `jax.ShapeDtypeStruct`s; its values are not looked at.
    """
    if set(optimizers) != set(gan.players):
        raise InputError(
            f"optimizers are for {sorted(optimizers)}, but the players are {sorted(gan.players)}"
        )
    zeros = {name: jnp.zeros(x.shape, x.dtype) for name, x in batch.items()}
    parameters, play, dropout = jax.random.split(key, 3)
    variables = dict(gan.init({"params": parameters, PLAY: play, DROPOUT: dropout}, zeros))
    params = variables.pop("params")
    missing = {network for networks in gan.players.values() for network in networks} - set(params)
    if missing:
        raise InputError(
            f"{type(gan).__name__}.__call__ must use every network once; it left out {sorted(missing)}"
        )
    params = gan.project(params)
    return State(
        step=jnp.zeros((), jnp.int32),
        images=jnp.zeros((), jnp.int32),
        params=params,
        stats=variables,
        optimizers={player: optimizers[player].init(own(gan, player, params)) for player in gan.players},
        # A copy: a step donates its input, and two leaves must not share a buffer.
        average={network: jax.tree.map(jnp.copy, params[network]) for network in gan.averaged},
    )


def objective(
    gan: GAN, player: str, state: State, batch: Batch, key: Array
) -> Callable[[dict[str, Tree]], tuple[Array, tuple[Logs, dict[str, Tree]]]]:
    """The player's loss as a pure function of the player's own parameters, everything else held fixed.

    Returns `params -> (loss, (logs, stats))`; `params` as `own` gives them. A gradient of it can reach no one
    else's parameters. Networks are in training mode: batch statistics, dropout.
    """
    play, dropout = jax.random.split(key)

    def loss(params: dict[str, Tree]) -> tuple[Array, tuple[Logs, dict[str, Tree]]]:
        seen = gan.weights({**state.params, **params}, state.step)
        (value, logs), stats = gan.apply(
            {"params": seen, **state.stats},
            batch,
            state.step,
            method=f"{player}_loss",
            rngs={PLAY: play, DROPOUT: dropout},
            mutable=list(state.stats),  # listed, not True: SpectralNorm would write into the parameters
        )
        if value.shape != ():
            raise InputError(
                f"{type(gan).__name__}.{player}_loss returned shape {value.shape}; expected a scalar"
            )
        return value, ({"loss": value, **logs}, dict(stats))

    return loss


def ask(gan: GAN, state: State, key: Array, method: str, *inputs: Any, **options: Any) -> Any:
    """Any method of the game, with averaged parameters and running statistics, without dropout."""
    params = gan.weights({**state.params, **state.average}, state.step)
    variables = {"params": params, **state.stats}
    return gan.apply(variables, *inputs, method=method, rngs={PLAY: key}, **options)


def sample(gan: GAN, state: State, batch: Batch, key: Array, **options: Any) -> Any:
    """What the game makes, from averaged parameters and running statistics, without dropout."""
    return ask(gan, state, key, "sample", batch, **options)


def judge(gan: GAN, state: State, batch: Batch) -> dict[str, Array]:
    """What the game says of each example, [B] by name, with the weights and statistics that `sample` uses."""
    if not batch:
        return {}
    params = gan.weights({**state.params, **state.average}, state.step)
    said: Any = gan.apply({"params": params, **state.stats}, batch, method="judge")
    return said


def pure(network: nn.Module) -> Callable[..., Any]:
    """A bound network as a pure function of its inputs, for `jax.grad` and `jax.vjp` inside a loss.

    The function keeps the mode of the network (training or not) and one draw of its dropout; what it would
    write into running statistics is dropped. (`jax.grad` of the bound network itself would leak tracers.)
    """
    function = _unbound(network, [])
    return lambda *inputs: function(*inputs)[0]


def features(network: nn.Module) -> Callable[..., tuple[Any, Array]]:
    """As `pure`, but with what the network sows as `features`: inputs -> (outputs, features)."""
    function = _unbound(network, ["intermediates"])

    def both(*inputs: Any) -> tuple[Any, Array]:
        outputs, written = function(*inputs)
        paths = jax.tree_util.tree_leaves_with_path(written.get("intermediates", {}))
        sown = [leaf for path, leaf in paths if "features" in jax.tree_util.keystr(path)]
        if not sown:
            raise InputError(
                f"{network.name} ({type(network).__name__}) has no features: it must call "
                f'self.sow("intermediates", "features", x) with x [B, F]'
            )
        return outputs, sown[-1]

    return both


def _unbound(network: nn.Module, collections: list[str]) -> Callable[..., tuple[Any, Tree]]:
    """inputs -> (outputs, what was written into collections), for a bound network."""
    mutable = [c for c in network.variables if c != "params" and network.is_mutable_collection(c)]
    rngs = {name: network.make_rng(name) for name in (PLAY, DROPOUT) if network.has_rng(name)}
    module, variables = network.unbind()

    def function(*inputs: Any) -> tuple[Any, Tree]:
        return module.apply(variables, *inputs, rngs=rngs, mutable=[*mutable, *collections])

    return function
