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
from torch_side.draws import Drawn, Draws
from torch_side.game import Due, Game, Players, Trainer

from gaxjax.game import State
from gaxjax.solvers.step import gradient_of, take

TOLERANCE = 1e-4
"""Relative: of a loss, and of a gradient's leaf to the largest entry of that leaf."""
FLOOR = 1e-4
"""A leaf's largest entry counts as at least so much of its network's: where it is zero there is rounding."""

Plan = dict[tuple[Players, Due], list[Drawn]]
"""What is drawn for one move of these players with these lazy penalties."""


class Ours:
    """Losses and gradients of gaxjax's own objectives, of every turn and phase, from draws that are fixed."""

    def __init__(self, case: Case, state: State, batches: dict[str, np.ndarray]) -> None:
        """The expected values, by (players, number of the step), of each turn's first minibatch."""
        self.drawn: dict[Players, list[Drawn]] = {}
        self.found: dict[tuple[Players, int], dict[str, tuple[float, Any]]] = {}
        for index, players in first_turns(case):
            batch = take(batches, index)
            for player in players:

                def gradient(state: State, batch: Any, player: str = player) -> Any:
                    slopes, logs, _ = gradient_of(case.gan, player, state, batch, jax.random.key(0))
                    return logs["loss"], slopes

                # The first player's draws are the ones; who moves with it takes the first of the same.
                with fixed(seed=2) as drawn, jax.default_matmul_precision("highest"):
                    compiled = jax.jit(gradient).lower(state, batch).compile()
                self.drawn.setdefault(players, drawn)
                for number, _ in case.phases.values():
                    loss, slopes = compiled(state._replace(step=jnp.int32(number)), batch)
                    values = self.found.setdefault((players, number), {})
                    values[player] = float(loss), jax.device_get(slopes)


def first_turns(case: Case) -> list[tuple[int, Players]]:
    """Each turn that differs from those before it, with the number of its minibatch."""
    turns = case.turns
    return [(i, players) for i, players in enumerate(turns) if players not in turns[:i]]


@contextmanager
def fixed(seed: int) -> Iterator[list[Drawn]]:
    """Inside, what a game draws from `jax.random` are constants, which are listed in order."""
    random, listed = np.random.default_rng(seed), list[Drawn]()

    def constant(kind: str) -> Any:
        original = getattr(jax.random, kind)

        def draw(key: Any, *arguments: Any, **options: Any) -> Any:
            # Linen asks initializers for their shapes again at every call of a network.
            if sys._getframe(1).f_code.co_name == "init":
                return original(key, *arguments, **options)
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
            listed.append(Drawn(kind, numbers, np.asarray(value).astype(found.dtype)))
            return jnp.asarray(listed[-1].value)

        return draw

    kinds = ("normal", "uniform", "bernoulli", "randint")
    with mock.patch.multiple(jax.random, **{kind: constant(kind) for kind in kinds}):
        yield listed


def plan(case: Case, ours: Ours, game: Game, batches: list[dict[str, torch.Tensor]]) -> Plan:
    """What a step in PyTorch has to draw: of the draws of gaxjax, as many as the loss takes."""
    found: Plan = {}
    before = {name: value.clone() for name, value in game.state_dict().items()}
    for index, players in first_turns(case):
        values = given(ours.drawn[players], batches[index])
        for number, _ in case.phases.values():
            draws, due = Draws(values), game.due(players, number)
            game.losses(players, batches[index], draws, due)
            found[players, due] = ours.drawn[players][: draws.taken]
    game.load_state_dict(before)
    return found


def check(
    name: str, case: Case, ours: Ours, trainer: Trainer, planned: Plan, batches: list[dict[str, torch.Tensor]]
) -> float:
    """The largest relative difference of a candidate's losses and gradients; SystemExit if too large."""
    worst, game = 0.0, trainer.game
    before = {name: value.clone() for name, value in game.state_dict().items()}
    for index, players in first_turns(case):
        for number, _ in case.phases.values():
            due = game.due(players, number)
            values = given(planned[players, due], batches[index])
            game.free(players)
            results = trainer.gradients(players, batches[index], values, due)
            game.load_state_dict(before)
            for player, (loss, slopes) in zip(players, results, strict=True):
                expected, tree = ours.found[players, number][player]
                where = f"{name}: {player} at step {number}"
                worst = max(worst, apart(f"{where}: loss", loss.cpu().numpy(), np.float32(expected), 0.0))
                rest = iter(slopes)
                for network in game.gan.players[player]:
                    leaves = game.networks[network].converted(tree[network])
                    largest = max(float(np.max(np.abs(leaf))) for leaf in leaves.values())
                    for path in game.networks[network].leaves:
                        found = next(rest).cpu().numpy()
                        what = f"{where}: gradient of {network}/{path}"
                        worst = max(worst, apart(what, found, leaves[path], FLOOR * largest))
    return worst


def apart(what: str, found: np.ndarray, expected: np.ndarray, least: float) -> float:
    """The largest difference relative to the largest expected entry; SystemExit if it is too large."""
    if found.shape != expected.shape:
        raise SystemExit(f"{what}: shape {found.shape} in PyTorch, {expected.shape} in gaxjax")
    scale = max(float(np.max(np.abs(expected))), least)
    difference = float(np.max(np.abs(found - expected))) / scale
    if not difference <= TOLERANCE:
        raise SystemExit(
            f"{what}: PyTorch and gaxjax differ by {difference:.1e} of the largest entry {scale:.3g}; "
            f"at most {TOLERANCE:.0e} is the same"
        )
    return difference


def given(drawn: list[Drawn], batch: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """The listed numbers as tensors where the batch is."""
    examples = next(iter(batch.values()))
    return [one.given(len(examples), examples.device) for one in drawn]
