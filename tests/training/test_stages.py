"""A run in stages: what one stage hands to the next, and an exact resume inside each."""

import signal
from dataclasses import replace
from pathlib import Path

import chex
import jax
import pytest

from gaxjax.data import Data, open_source
from gaxjax.errors import InputError, Interrupted
from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.mlp import Discriminator, Generator
from gaxjax.programs.program import StageProgram, warm_start
from gaxjax.recipe import Optimizer, Recipe, Stage
from gaxjax.runs.checkpoint import Checkpoints
from gaxjax.runs.record import read_metrics
from gaxjax.training import train as training
from gaxjax.training.interruption import Interruption
from gaxjax.training.train import train

pytestmark = pytest.mark.usefixtures("shared_programs")


def game(*generator: int) -> Adversarial:
    return Adversarial(Generator((2,), generator, output="none"), Discriminator((8,)), Latents(4))


OPTIMIZERS = {"discriminator": Optimizer(updates=2), "generator": Optimizer()}
STAGES = (Stage(game(8), 8, 0.16, OPTIMIZERS), Stage(game(8), 16, 0.32, OPTIMIZERS))
DATA = Data("ring", shape=(2,))
RECIPE = Recipe(game(8), OPTIMIZERS, DATA, 8, 1.0, log_kimg=0.048, sample_kimg=1, stages=STAGES, samples=4)


def last_state(workdir: Path, stage: int) -> object:
    with Checkpoints(workdir / "checkpoints") as checkpoints:
        step = checkpoints.latest()
        assert step is not None and checkpoints.meta(step) == {"stage": stage, "step": step}
        return checkpoints.restore(
            step, training.stage_programs(RECIPE, open_source(RECIPE.data).spec)[stage].saved_carry
        )


def metrics(workdir: Path) -> list[dict]:
    clock = ("seconds", "images_per_second")
    return [{k: v for k, v in row.items() if k not in clock} for row in read_metrics(workdir)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is not stopped."""
    workdir = tmp_path_factory.mktemp("stages") / "whole"
    train(RECIPE, workdir)
    return workdir


@pytest.mark.parametrize(
    # Inside of a stage that was grown, test_growth.py stops too.
    "stops",
    [[10], pytest.param([3, 12], marks=pytest.mark.slow)],
    ids=["between", "inside both"],
)
def test_stages_resume_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Path, stops: list[int]
) -> None:
    asked = iter(range(10**6))
    left = list(stops)

    def stop_now(self: Interruption, together: bool) -> int:
        if left and next(asked) == left[0]:
            left.pop(0)
            return signal.SIGTERM
        return 0

    monkeypatch.setattr(Interruption, "poll", stop_now)
    for _ in stops:
        with pytest.raises(Interrupted):
            train(RECIPE, tmp_path / "stopped")
    train(RECIPE, tmp_path / "stopped")
    state, _ = last_state(whole, 1)  # type: ignore[misc]
    assert (int(state.step), int(state.images)) == (20, 10 * 16 + 10 * 32)
    chex.assert_trees_all_equal(last_state(whole, 1), last_state(tmp_path / "stopped", 1))
    assert metrics(whole) == metrics(tmp_path / "stopped")


def test_the_next_stage_begins_with_what_both_have() -> None:
    """Parameters, statistics and averages go on; optimizers begin afresh."""
    program = StageProgram(RECIPE, 0, open_source(RECIPE.data).spec)
    fresh, before = (program.init(jax.random.key(seed)) for seed in (0, 1))
    before = before._replace(
        step=before.step + 7, optimizers=jax.tree.map(lambda x: x + 1, before.optimizers)
    )
    state = warm_start(fresh, before)
    chex.assert_trees_all_equal(state._replace(optimizers=before.optimizers), before)
    chex.assert_trees_all_equal(state.optimizers, fresh.optimizers)


def test_stages_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """One more layer: the first generator's last layer has the name of the second one's middle layer."""
    grown = replace(RECIPE, stages=(STAGES[0], Stage(game(8, 8), 16, 0.32, OPTIMIZERS)))
    with pytest.raises(
        InputError, match=r"generator/Dense_1/bias has shape \(8,\) in base and \(2,\) in donor"
    ):
        train(grown, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_address_is_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="gs:/bucket/run has lost a slash of its address"):
        train(RECIPE, Path("gs://bucket/run"))
    assert not list(tmp_path.iterdir())
