"""Whether two programs compute the same: losses and gradients from the same weights, inputs and draws."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import torch
from cases import Case
from torch_side.draws import Draw, Draws
from torch_side.game import Batch, Due, Game, Players, Trainer

from gaxjax.game import GAN, State
from gaxjax.solvers.step import compute_gradient, take_index

TOLERANCE = 1e-4
"""Relative: of a loss, and in float64 of a gradient's leaf, to the largest entry of that leaf."""
FLOOR = 1e-4
"""A leaf's largest entry counts as at least so much of its network's: where it is zero there is rounding."""
ROUNDING = 2e-2
"""Relative, in float32: of a network's whole gradient, in Euclidean norm.

Rounding takes some ReLU, or some sign of an L1 distance, to the other side, in any two programs.
"""

Plan = dict[tuple[Players, Due], list[Draw]]
"""What is drawn for one move of these players with these lazy penalties."""
Leaves = dict[str, np.ndarray]
"""A network's gradient by path, as PyTorch has it."""
Values = dict[tuple[str, int], tuple[float, Any]]
"""Loss and gradient by player and number of the step."""


class Reference:
    """Losses and gradients of gaxjax's own objectives, of every turn and phase, from draws that are fixed."""

    def __init__(self, case: Case, state: State, batches: dict[str, np.ndarray]) -> None:
        """Of each turn's first minibatch, in float64, and in float32 as they are trained with."""
        self.drawn: dict[Players, list[Draw]] = {}
        # The same numbers, widened: float64 and float32 differ by the arithmetic alone.
        wide = jax.tree.map(in_float64, (state, batches))
        # Code that says jnp.float32 by name would round in the middle of it.
        with jax.enable_x64(True), mock.patch.object(jnp, "float32", jnp.float64):
            self.exact = self._values(case, case.gan_in("float64"), *wide)
        self.single = self._values(case, case.gan, state, batches)

    def _values(self, case: Case, gan: GAN, state: State, batches: dict[str, np.ndarray]) -> Values:
        found: Values = {}
        for index, players in first_turns(case):
            batch = take_index(batches, index)
            for player in players:

                def gradient(state: State, batch: Any, player: str = player) -> Any:
                    slopes, logs, _ = compute_gradient(gan, player, state, batch, jax.random.key(0))
                    return logs["loss"], slopes

                # The first player's draws are the ones; who moves with it takes the first of the same.
                with fix_draws(seed=2) as drawn:
                    compiled = jax.jit(gradient).lower(state, batch).compile()
                self.drawn.setdefault(players, drawn)
                for number, _ in case.phases.values():
                    # The step decides whether lazy penalties are due; an argument, so that all phases are one
                    # compiled program.
                    now = state._replace(step=np.int32(number))
                    loss, slopes = compiled(now, batch)
                    found[player, number] = float(loss), jax.device_get(slopes)
        return found

    def rounding(self, game: Game) -> float:
        """How far float32 is from float64 here; the game knows the networks."""
        worst = 0.0
        for (player, number), (loss, tree) in self.single.items():
            what = f"gaxjax: {player} at step {number}"
            exact, exact_tree = self.exact[player, number]
            # A loss is a mean, in which rounding averages out; a gradient may have a ReLU on its other side.
            require_near(f"{what}: loss", abs(loss - exact) / abs(exact), TOLERANCE)
            for network in game.gan.players[player]:
                leaves = (game.networks[network].convert_tree(t[network]) for t in (tree, exact_tree))
                worst = max(
                    worst,
                    require_near(f"{what}: gradient of {network}", relative_distance(*leaves), ROUNDING),
                )
        return worst


def in_float64(leaf: Any) -> np.ndarray:
    """Numbers with a point, as float64."""
    leaf = np.asarray(leaf)
    return leaf.astype(np.float64) if leaf.dtype == np.float32 else leaf


def first_turns(case: Case) -> list[tuple[int, Players]]:
    """Each turn that differs from those before it, with the number of its minibatch."""
    turns = case.turns
    return [(i, players) for i, players in enumerate(turns) if players not in turns[:i]]


@contextmanager
def fix_draws(seed: int) -> Iterator[list[Draw]]:
    """Inside, what a game draws from `jax.random` are constants, which are listed in order."""
    random, draws = np.random.default_rng(seed), list[Draw]()

    def constant(kind: str) -> Any:
        original = getattr(jax.random, kind)

        def draw(key: Any, *arguments: Any, **options: Any) -> Any:
            # Linen asks initializers for their shapes again at every call of a network.
            if sys._getframe(1).f_code.co_name == "init":
                return original(key, *arguments, **options)
            # The shape and type that the call would give, without its numbers: those are NumPy's, the same
            # for both sides.
            found = jax.eval_shape(lambda key: original(key, *arguments, **options), key)
            numbers: tuple[float, ...] = ()
            if kind == "normal":
                value = random.normal(size=found.shape)
            elif kind == "uniform":
                numbers = options.get("minval", 0.0), options.get("maxval", 1.0)
                value = random.uniform(*numbers, found.shape)
            elif kind == "bernoulli":
                numbers = (arguments[0] if arguments else options.get("p", 0.5),)
                value = random.uniform(size=found.shape) < numbers[0]
            else:
                numbers = arguments[1:3]
                value = random.integers(*numbers, found.shape)
            draws.append(Draw(kind, numbers, np.asarray(value).astype(found.dtype)))
            return jnp.asarray(draws[-1].value)

        return draw

    kinds = ("normal", "uniform", "bernoulli", "randint")
    with mock.patch.multiple(jax.random, **{kind: constant(kind) for kind in kinds}):
        yield draws


def plan_draws(case: Case, ours: Reference, game: Game, batches: list[Batch]) -> Plan:
    """What a step in PyTorch has to draw: of the draws of gaxjax, as many as the loss takes."""
    found: Plan = {}
    before = {name: value.clone() for name, value in game.state_dict().items()}
    for index, players in first_turns(case):
        values = to_tensors(ours.drawn[players], batches[index])
        for number, _ in case.phases.values():
            draws, due = Draws(values), game.due(players, number)
            game.losses(players, batches[index], draws, due)
            # A loss of one player may stop before the other's draws: as many as were taken, from the first
            # on.
            found[players, due] = ours.drawn[players][: draws.taken]
    game.load_state_dict(before)
    return found


def check_step(
    name: str, case: Case, ours: Reference, trainer: Trainer, plan: Plan, batches: list[Batch]
) -> float:
    """The largest relative difference of losses and gradients; SystemExit if it is too large.

    Of a game in float64 of each leaf's entries, in float32 of each network's gradient as a whole.
    """
    worst, game = 0.0, trainer.game
    before = {name: value.clone() for name, value in game.state_dict().items()}
    for index, players in first_turns(case):
        for number, _ in case.phases.values():
            due = game.due(players, number)
            values = to_tensors(plan[players, due], batches[index])
            game.restrict_gradients(players)
            results = trainer.gradients(players, batches[index], values, due)
            game.load_state_dict(before)
            for player, (loss, slopes) in zip(players, results, strict=True):
                what = f"{name}: {player} at step {number}"
                expected, tree = ours.exact[player, number]
                off = require_near(f"{what}: loss", abs(loss.item() - expected) / abs(expected), TOLERANCE)
                # Gradients come as one tuple over the player's networks, in the order of their leaves.
                rest = iter(slopes)
                for network in game.gan.players[player]:
                    twin = game.networks[network]
                    found = {path: next(rest).cpu().numpy() for path in twin.leaves}
                    what = f"{what}: gradient of {network}"
                    compare = compare_entries if loss.dtype == torch.float64 else compare_whole
                    off = max(off, compare(what, found, twin.convert_tree(tree[network])))
                worst = max(worst, off)
    return worst


def compare_entries(what: str, found: Leaves, expected: Leaves) -> float:
    """The largest difference of an entry, relative to the largest entry of its leaf."""
    largest = max(float(np.max(np.abs(leaf))) for leaf in expected.values())
    worst = 0.0
    for path, leaf in found.items():
        if leaf.shape != expected[path].shape:
            raise SystemExit(f"{what}/{path}: {leaf.shape} in PyTorch, {expected[path].shape} in gaxjax")
        # Relative to the leaf's largest: entries that cancel to nearly nothing are rounding.
        scale = max(float(np.max(np.abs(expected[path]))), FLOOR * largest)
        apart = float(np.max(np.abs(leaf - expected[path]))) / scale
        worst = max(worst, require_near(f"{what}/{path}", apart, TOLERANCE))
    return worst


def compare_whole(what: str, found: Leaves, expected: Leaves) -> float:
    """The distance of all leaves together, relative to the norm of all."""
    return require_near(what, relative_distance(found, expected), ROUNDING)


def relative_distance(found: Leaves, expected: Leaves) -> float:
    """The Euclidean distance of trees, relative to the norm of the second."""
    apart = sum(float(np.sum(np.square(found[path] - leaf))) for path, leaf in expected.items())
    return (apart / sum(float(np.sum(np.square(leaf))) for leaf in expected.values())) ** 0.5


def require_near(what: str, difference: float, most: float) -> float:
    """The relative difference; SystemExit if it is too large, or not a number."""
    # Not `difference > most`, which NaN passes.
    if not difference <= most:
        raise SystemExit(
            f"{what} is not gaxjax's: a relative difference of {difference:.1e}, above {most:.0e}"
        )
    return difference


def to_tensors(drawn: list[Draw], batch: Batch) -> list[torch.Tensor]:
    """The listed numbers as tensors like the batch's."""
    return [one.to_tensor(next(iter(batch.values()))) for one in drawn]
