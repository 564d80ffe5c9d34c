"""A solver of somebody's own in a recipe: what it leaves undone is said before the first step."""

from dataclasses import dataclass
from typing import Any

import pytest

from gaxjax.data import Data, open_source
from gaxjax.errors import InputError
from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.mlp import Discriminator, Generator
from gaxjax.programs.program import check_programs, stage_programs
from gaxjax.recipe import Optimizer, Recipe
from gaxjax.solvers import Alternating, Solver


@dataclass(frozen=True)
class Forgetful(Solver):
    """As alternating, but for parts of the state, which are as they were."""

    left: tuple[str, ...]
    """fields of the state"""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        play = Alternating()(*arguments, **options)

        def step(state: Any, batches: Any, key: Any) -> Any:
            after, logs = play(state, batches, key)
            return after._replace(**{name: getattr(state, name) for name in self.left}), logs

        return step


def check(solver: Solver) -> None:
    recipe = Recipe(
        gan=Adversarial(Generator((2,), (4,), output="none"), Discriminator((4,)), Latents(4)),
        optimizers={"discriminator": Optimizer(), "generator": Optimizer()},
        data=Data("ring", shape=(2,)),
        batch_size=4,
        kimg=0.1,
        solver=solver,
    )
    check_programs(stage_programs(recipe, open_source(recipe.data).spec))


@pytest.mark.parametrize("left", [("step", "images", "average"), ("average",), ("images",)])
def test_a_step_that_is_not_finished_is_refused(left: tuple[str, ...]) -> None:
    said = rf"leaves {' and '.join(left)} of the state as before.* end it with .*finish_step"
    with pytest.raises(InputError, match=said):
        check(Forgetful(left))
    check(Alternating())
