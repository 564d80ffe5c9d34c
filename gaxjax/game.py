"""A game between networks: what is played, as a tree of parameters and a few pure functions of it.

A `GAN` is a linen module whose attributes are networks (and plain numbers) and whose `<player>_loss`
methods are the players' objectives. How the players move is a solver's business (`gaxjax.solvers`).
This is the only file that calls linen's `init`, `apply` and `unbind`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax import Array

from gaxjax.errors import InputError
from gaxjax.layers.mode import DROPOUT as DROPOUT
from gaxjax.layers.mode import PLAY as PLAY
from gaxjax.layers.mode import evaluation_mode as evaluation_mode
from gaxjax.layers.mode import transformed_weights as transformed_weights
from gaxjax.layers.modules import check_bound, describe_shared
from gaxjax.layers.transformed import transform_fields

Tree = Any
"""Any nesting of dicts, tuples and arrays."""
Batch = Mapping[str, Any]
"""Arrays by name, examples along the first axis: {"image": [B, H, W, C] in [-1, 1], "label": [B]}."""
Logs = dict[str, Array]
"""Scalars by name."""

PRETRAINED = "pretrained"
"""The collection of what is read from files and never changes: not trained, averaged or checkpointed."""


class GAN(nn.Module):
    """A game. Abstract: a subclass lists its players and writes one `<player>_loss` for each.

    Fields of a GAN and of its networks are plain data (numbers, strings, tuples, other modules), so that a
    game is its own configuration. Values that a loss keeps for itself (a balance, a pool of images) are linen
    variables in a collection of their own: they are saved, replicated and mapped with the rest.
    """

    players: ClassVar[dict[str, tuple[str, ...]]]
    """Player -> the fields it moves, in order of play; the first player's examples are what is counted.

    A field is a network, or a tuple of networks; a network in no player's hands stays as it is.
    """
    averaged: ClassVar[tuple[str, ...]] = ()
    """Fields with a moving average of their parameters; samples come from it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Of this class alone: what is inherited has been checked where it was written.
        players = cls.__dict__.get("players")
        for player in players if isinstance(players, Mapping) else ():  # a property says them later
            if not hasattr(cls, f"{player}_loss"):
                raise TypeError(
                    f"{cls.__name__} has a player {player!r} but no method {player}_loss(batch, step)"
                )

    @nn.nowrap
    def init(self, *arguments: Any, **options: Any) -> Any:
        """As `nn.Module.init`."""
        with evaluation_mode(), transformed_weights():  # for what is asked through `pure` meanwhile
            return super().init(*arguments, **options)

    @nn.nowrap
    def apply(self, *arguments: Any, **options: Any) -> Any:
        """As `nn.Module.apply`, of `weights(params, step)`; the variables and streams given say the mode."""
        # A game says by what it hands over whether it trains: its layers have nobody to warn.
        with evaluation_mode(), transformed_weights():
            return super().apply(*arguments, **options)

    def __call__(self, batch: Batch) -> Any:
        """Touches every network once, which shapes the parameters."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(batch)")

    def sample(self, batch: Batch, **options: Any) -> Any:
        """What the trained game makes, one for each example of the batch: an array, or arrays by name."""
        raise NotImplementedError(f"{type(self).__name__} must define sample(batch)")

    def condition_of(self, batch: Batch) -> Tree:
        """What of a batch its networks are given besides examples, [B, ...]; None: nothing."""
        return None

    def judge(self, batch: Batch) -> dict[str, Array]:
        """What the game says of each example of the batch, [B], by name; nothing unless overridden.

        "D" is the probability of being real. Pictures of points show what is said of the places around them.
        """
        return {}

    def weights(self, params: Tree, step: Array) -> Tree:
        """Transforms what the players move into what the networks see: each by its own `weights`, if any.

        That of a network in a wrapper counts too (`layers.transformed`).
        """
        return transform_fields(self, "weights", params, step)

    def project(self, params: Tree) -> Tree:
        """Puts parameters where they may be, at first and after moves: each network's by its `project`."""
        return transform_fields(self, "project", params)


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


def count_examples(batch: Batch) -> int:
    """The number of examples in a batch: `n` if the batch says so, else the length of its arrays."""
    # A batch of {"n": 16} has no arrays: it asks for so many samples and no more.
    return batch["n"] if "n" in batch else jax.tree.leaves(dict(batch))[0].shape[0]


def select_condition(batch: Batch, name: str) -> Tree:
    """What a batch has by that name, such as label; None for no name, InputError for one that it lacks."""
    if not name:
        return None
    if name not in batch:
        needs = f"the game's condition is {name!r}, which needs data with it"
        raise InputError(f"{needs}; the data has {sorted(batch)}")
    if "labeled" in batch:  # what is not given would be no class at all, and a loss of it nan
        free = "use labeled=None, labeled_share=0"
        raise InputError(f"the game's condition is {name!r}, which labeled=N withholds: {free}")
    return batch[name]


def networks(gan: GAN, fields: Iterable[str]) -> dict[str, nn.Module]:
    """The networks in fields by their names in `State.params`: "generator"; "generators_0" of a tuple."""
    modules: dict[str, nn.Module] = {}
    for field in fields:
        value = getattr(gan, field)
        if isinstance(value, list):
            raise InputError(f"{type(gan).__name__}.{field} is a list; networks stand in a tuple")
        # linen names the modules of a tuple so.
        modules |= (
            {f"{field}_{i}": x for i, x in enumerate(value)} if isinstance(value, tuple) else {field: value}
        )
    return modules


def player_params(gan: GAN, player: str, params: dict[str, Tree]) -> dict[str, Tree]:
    """The part of the parameters that a player moves."""
    return {network: params[network] for network in networks(gan, gan.players[player])}


def init(gan: GAN, optimizers: Mapping[str, optax.GradientTransformation], key: Array, batch: Batch) -> State:
    """The state before the first step, a pure function of the key.

    `batch` shapes the parameters: arrays, or `jax.ShapeDtypeStruct`s; its values are not looked at.
    """
    if set(optimizers) != set(gan.players):
        raise InputError(
            f"optimizers are for {sorted(optimizers)}, but the players are {sorted(gan.players)}"
        )
    # Zeros, so that the state does not depend on which batch happened to come first.
    zeros = {name: jnp.zeros(x.shape, x.dtype) for name, x in batch.items()}
    parameters, play, dropout = jax.random.split(key, 3)
    variables = dict(gan.init({"params": parameters, PLAY: play, DROPOUT: dropout}, zeros))
    params = variables.pop("params")
    # An untouched network has no parameters, and its player would move nothing without a word.
    moved = networks(gan, (field for fields in gan.players.values() for field in fields))
    if missing := sorted(set(moved) - set(params)):
        what = f"{type(gan).__name__}.__call__ must use every network once; it left out {missing}"
        raise InputError(what + describe_shared(moved))
    # Kernels may begin out of bounds (WGAN's clipping), and the first loss is to be of what may be.
    params = gan.project(params)
    return State(
        step=jnp.zeros((), jnp.int32),
        images=jnp.zeros((), jnp.int32),
        params=params,
        stats=variables,
        optimizers={
            player: optimizers[player].init(player_params(gan, player, params)) for player in gan.players
        },
        # A copy: a step donates its input, and two leaves must not share a buffer.
        average={network: jax.tree.map(jnp.copy, params[network]) for network in networks(gan, gan.averaged)},
    )


def objective(
    gan: GAN, player: str, state: State, batch: Batch, key: Array
) -> Callable[[dict[str, Tree]], tuple[Array, tuple[Logs, dict[str, Tree]]]]:
    """The player's loss as a pure function of the player's own parameters, everything else held fixed.

    Returns `params -> (loss, (logs, stats))`; `params` as `player_params` gives them. A gradient of it can
    reach no one else's parameters. Networks are in training mode: batch statistics, dropout.
    """
    if player not in gan.players:
        raise InputError(f"{type(gan).__name__} has no player {player!r}; it has {list(gan.players)}")
    check_batch(batch)
    play, dropout = jax.random.split(key)

    def loss(params: dict[str, Tree]) -> tuple[Array, tuple[Logs, dict[str, Tree]]]:
        # Inside of the loss: gradients flow back through the transform, to what the optimizer moves.
        effective = gan.weights({**state.params, **params}, state.step)
        (value, logs), stats = gan.apply(
            {"params": effective, **state.stats},
            batch,
            state.step,
            method=f"{player}_loss",
            rngs={PLAY: play, DROPOUT: dropout},
            # listed, not True: SpectralNorm would write into the parameters
            mutable=[collection for collection in state.stats if collection != PRETRAINED],
        )
        # JAX would refuse it too, without a word on whose loss it is.
        if value.shape != ():
            raise InputError(
                f"{type(gan).__name__}.{player}_loss returned shape {value.shape}; expected a scalar"
            )
        return value, ({"loss": value, **logs}, dict(stats))

    return loss


def check_batch(batch: Batch) -> None:
    """Refuses bytes, as sources and files have images: taken for numbers, they would be 0 to 255."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(dict(batch)):
        # No other integers: labels are some.
        if getattr(leaf, "dtype", None) == jnp.uint8:
            name = jax.tree_util.keystr(path)
            raise InputError(
                f"batch{name} has bytes of 0 to 255 (uint8), where a game takes floats in [-1, 1]: "
                f"give gaxjax.data.normalize(batch)"
            )


def call_averaged(gan: GAN, state: State, key: Array, method: str, *inputs: Any, **options: Any) -> Any:
    """Any method of the game, with averaged parameters and running statistics, without dropout."""
    # Averages are of what players move; the transform comes after them, as in training.
    params = gan.weights({**state.params, **state.average}, state.step)
    variables = {"params": params, **state.stats}
    return gan.apply(variables, *inputs, method=method, rngs={PLAY: key}, **options)


def sample(gan: GAN, state: State, batch: Batch, key: Array, **options: Any) -> Any:
    """What the game makes, from averaged parameters and running statistics, without dropout."""
    check_batch(batch)
    return call_averaged(gan, state, key, "sample", batch, **options)


def judge(gan: GAN, state: State, batch: Batch) -> dict[str, Array]:
    """What the game says of each example, [B] by name, with the weights and statistics that `sample` uses."""
    # A game cannot be applied to a batch without arrays.
    if not batch:
        return {}
    params = gan.weights({**state.params, **state.average}, state.step)
    verdict: Any = gan.apply({"params": params, **state.stats}, batch, method="judge")
    return verdict


def output_of(outputs: Any, name: str) -> Array:
    """One of a network's outputs by name; a network that has that one alone need not name it."""
    output: Array = outputs[name] if isinstance(outputs, Mapping) else outputs
    return output


def pure(
    network: nn.Module, method: str = "__call__", through: Callable[[Tree], Tree] = lambda tree: tree
) -> Callable[..., Any]:
    """A bound network, or a method of it, as a pure function of its inputs, for `jax.grad` inside a loss.

    The function keeps the mode of the network (training or not) and one draw of its dropout; what it would
    write into running statistics is dropped. (`jax.grad` of the bound network itself would leak tracers.)
    """
    check_bound(network)
    # Mutable, as batch norm tells from that that it trains; what it writes is dropped with [1] below.
    mutable = [c for c in network.variables if c != "params" and network.is_mutable_collection(c)]
    rngs = {name: network.make_rng(name) for name in (PLAY, DROPOUT) if network.has_rng(name)}
    # A bound module holds the trace that it was bound in; unbound, its variables are plain arguments.
    module, variables = network.unbind()

    def function(*inputs: Any) -> Any:
        return module.apply(through(variables), *inputs, rngs=rngs, mutable=mutable, method=method)[0]

    return function


def frozen(network: nn.Module, method: str = "__call__") -> Callable[..., Any]:
    """As `pure`, but no gradient reaches its parameters: what is asked of it moves only who asks."""
    return pure(network, method, jax.lax.stop_gradient)


def remove_pretrained(state: State) -> State:
    """The state as checkpoints hold it, without what is read from files."""
    return state._replace(stats={name: tree for name, tree in state.stats.items() if name != PRETRAINED})
