"""What the games have in common: networks, the players' gradients, and a whole train step."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gaxjax.game import GAN
from gaxjax.recipe.optimizers import Optimizer
from torch_side.draws import Draw, Draws
from torch_side.network import Network, lay_out

Batch = dict[str, Tensor]
Players = tuple[str, ...]
Due = tuple[str, ...]
"""The lazy penalties that this step has."""
Result = tuple[Tensor, tuple[Tensor, ...]]
"""A player's loss and its gradient in the player's own parameters."""


class Game(nn.Module):
    """A game's networks and its players' losses. Abstract: a subclass writes `losses`."""

    def __init__(self, gan: GAN, networks: dict[str, Network]) -> None:
        super().__init__()
        self.gan, self.networks = gan, nn.ModuleDict(networks)

    def losses(self, players: Players, batch: Batch, draws: Draws, due: Due) -> list[Tensor]:
        """The losses of players who move at once; what these have in common is computed once."""
        raise NotImplementedError

    def due(self, players: Players, number: int) -> Due:
        """The lazy penalties of these players at step `number`."""
        return ()

    def parameters_of(self, player: str) -> list[nn.Parameter]:
        """The parameters that a player moves."""
        return [leaf for name in self.gan.players[player] for leaf in self.networks[name].parameters()]

    def gradients(self, players: Players, batch: Batch, values: Sequence[Tensor], due: Due) -> list[Result]:
        """Each player's loss and gradient, from random numbers drawn before."""
        losses = self.losses(players, batch, Draws(values), due)
        own = [self.parameters_of(player) for player in players]
        return [
            # Players that move at once share a graph, which the last of them may free.
            (loss.detach(), torch.autograd.grad(loss, mine, retain_graph=loss is not losses[-1]))
            for loss, mine in zip(losses, own, strict=True)
        ]

    def restrict_gradients(self, players: Players) -> None:
        """Lets gradients reach the parameters of these players alone."""
        for player in self.gan.players:
            for leaf in self.parameters_of(player):
                # What nobody moves gets no gradient: eager PyTorch would compute it, JAX's compiler does not.
                leaf.requires_grad_(player in players)


class Trainer:
    """Whole train steps of a game: draws, gradients, moves, the moving average of the parameters."""

    def __init__(
        self,
        game: Game,
        optimizers: dict[str, Optimizer],
        turns: Sequence[Players],
        half_life: float,
        compiled: bool = False,
    ) -> None:
        """turns: who moves at once, in order of play; half_life: of the average, in images."""
        self.game, self.turns, self.half_life = game, turns, half_life
        self.rules = {
            player: rule_of(optimizers[player], game.parameters_of(player)) for player in game.gan.players
        }
        self.gradients: Callable[..., list[Result]] = game.gradients
        if compiled:
            # Gradients of gradients are traced too, where the compiler knows how to.
            torch._dynamo.config.trace_autograd_ops = True
            self.gradients = torch.compile(game.gradients, fullgraph=True, dynamic=False)
        self.now = [leaf for name in game.gan.averaged for leaf in game.networks[name].parameters()]
        self.average = [leaf.detach().clone() for leaf in self.now]

    def step(self, batches: Sequence[Batch], draws: dict[Any, list[Draw]], number: int) -> list[float]:
        """Moves every player; returns the last loss of each. draws: what to draw, by (players, due)."""
        losses = []
        for players, batch in zip(self.turns, batches, strict=True):
            due = self.game.due(players, number)
            real = next(iter(batch.values()))
            values = [draw.sample_anew(real) for draw in draws[players, due]]
            self.game.restrict_gradients(players)
            results = self.gradients(players, batch, values, due)
            for player, (loss, gradient) in zip(players, results, strict=True):
                for leaf, slope in zip(self.game.parameters_of(player), gradient, strict=True):
                    leaf.grad = slope
                self.rules[player].step()
                losses.append((player, loss))
        # As many as the first player is shown, which is what gaxjax counts (`solvers.step.examples`).
        images = len(real) * sum(players[0] == self.turns[0][0] for players in self.turns)
        # One fused call for all leaves, PyTorch's fastest way to do this.
        torch._foreach_lerp_(
            self.average, [leaf.detach() for leaf in self.now], 1 - 0.5 ** (images / self.half_life)
        )
        return [loss.item() for loss in dict(losses).values()]


def split_minibatches(
    batches: Mapping[str, np.ndarray], layout: torch.memory_format = torch.contiguous_format
) -> list[Batch]:
    """Minibatches [minibatches, B, ..., C] of images or clips as [B, C, ...] each, in that layout."""
    count = len(next(iter(batches.values())))
    return [
        {
            name: lay_out(torch.from_numpy(np.moveaxis(images[i], -1, 1).copy()), layout)
            for name, images in batches.items()
        }
        for i in range(count)
    ]


def rule_of(optimizer: Optimizer, leaves: list[nn.Parameter]) -> torch.optim.Optimizer:
    """The same rule in PyTorch, its moves of all leaves fused."""
    rate, b1 = optimizer.learning_rate, optimizer.b1
    assert isinstance(rate, float) and isinstance(b1, float)
    if optimizer.name == "sgd":
        return torch.optim.SGD(leaves, rate, momentum=b1, fused=True)
    assert optimizer.name == "adam"
    return torch.optim.Adam(leaves, rate, (b1, optimizer.b2), optimizer.eps, fused=True)
