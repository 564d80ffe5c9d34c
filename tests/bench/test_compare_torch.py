"""The comparison with PyTorch: its two sides are the same, and the check would say if they were not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gaxjax.recipe.optimizers import Optimizer

torch = pytest.importorskip("torch")

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def path() -> Iterator[None]:
    """The comparison's modules, which no package holds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield


@pytest.fixture(scope="module")
def smallest(path: None) -> tuple[Any, ...]:
    """What `agreement.check_step` takes, of the smallest case, in float64."""
    from agreement import Reference, plan_draws
    from cases import CASES
    from torch_side import game_of
    from torch_side.game import Trainer, split_minibatches

    case = CASES["mlp"](True, 0)
    state, batches = case.state(), case.minibatches()
    ours, inputs = Reference(case, state, batches), split_minibatches(batches)
    game = game_of(case.gan, state, torch.contiguous_format)
    planned = plan_draws(case, ours, game, inputs)
    trainer = Trainer(game.double(), case.optimizers, case.turns, case.half_life)
    return case, ours, trainer, planned, [{name: x.double() for name, x in b.items()} for b in inputs]


def test_the_smallest_case_agrees_and_another_weight_does_not(smallest: tuple[Any, ...]) -> None:
    from agreement import check_step

    game = smallest[2].game
    assert check_step("PyTorch", *smallest) < 1e-12
    weight = game.networks["discriminator"]["Dense_0/kernel"].data
    weight[0, 0] += 1e-3
    with pytest.raises(SystemExit, match=r"discriminator at step 0.* is not gaxjax's"):
        check_step("PyTorch", *smallest)
    weight[0, 0] -= 1e-3


def test_a_step_moves_both_players_and_the_average(smallest: tuple[Any, ...]) -> None:
    case, _, trainer, planned, inputs = smallest
    before = {p: [leaf.detach().clone() for leaf in trainer.game.parameters_of(p)] for p in case.gan.players}
    first = [leaf.clone() for leaf in trainer.average]
    assert all(np.isfinite(trainer.step(inputs, planned, 0)))
    for player, leaves in before.items():
        assert not all(map(torch.equal, trainer.game.parameters_of(player), leaves))
    share = 1 - 0.5 ** (case.batch / case.half_life)
    for average, leaf, old in zip(trainer.average, trainer.now, first, strict=True):
        torch.testing.assert_close(average, old + share * (leaf.detach() - old))


@pytest.mark.parametrize("rule", [Optimizer("adam", 1e-3, b1=0.5, b2=0.99), Optimizer("sgd", 0.1, b1=0.5)])
def test_rules_move_as_optax_does(rule: Optimizer) -> None:
    """Three moves along the same gradients."""
    from torch_side.game import rule_of

    random = np.random.default_rng(0)
    first, *gradients = random.normal(size=(4, 5)).astype(np.float32)
    leaf, ours = torch.nn.Parameter(torch.from_numpy(first.copy())), jnp.asarray(first)
    theirs, here = rule_of(rule, [leaf]), rule.build(1)
    state = here.init(ours)
    for gradient in gradients:
        leaf.grad = torch.from_numpy(gradient.copy())
        theirs.step()
        change, state = here.update(jnp.asarray(gradient), state, ours)
        ours = optax.apply_updates(ours, change)
    np.testing.assert_allclose(leaf.detach().numpy(), ours, rtol=1e-6)
