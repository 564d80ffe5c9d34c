"""What a run is watched for, and its way back: real runs on points that diverge, collapse and saturate."""

import json
import math
import re
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import chex
import jax.numpy as jnp
import numpy as np
import pytest
import runs

from gaxjax import cli, files
from gaxjax.adversary import Adversary
from gaxjax.data import Data
from gaxjax.errors import Diverged, InputError, Interrupted
from gaxjax.gans.adversarial import Adversarial
from gaxjax.gans.began import BEGAN
from gaxjax.latents import Latents
from gaxjax.networks.mlp import Discriminator, Generator
from gaxjax.objectives import LeastSquares, Nonsaturating
from gaxjax.programs.program import StageProgram
from gaxjax.recipe import Recipe, Sentinel
from gaxjax.recipe.optimizers import Exponential, Linear, Optimizer
from gaxjax.recipe.sentinel import check_sentinel, find_collapse, find_saturation
from gaxjax.runs import rollback
from gaxjax.runs.record import read_metrics
from gaxjax.training.interruption import Interruption
from gaxjax.training.train import train

pytestmark = pytest.mark.usefixtures("shared_programs")


def sgd(rate: float | Linear) -> Optimizer:
    return Optimizer("sgd", rate, b1=0.0)


GAME = Adversarial(
    Generator((2,), (8,), output="none"),
    Discriminator((8,)),
    Latents(4),
    adversary=Adversary(LeastSquares()),
)
HOT = {"discriminator": sgd(Linear(0.05, 4.0, 0.32, 0.33)), "generator": sgd(0.01)}
"""With 16 images a step: well until step 20; soon after it the discriminator leaves the real numbers."""
RECIPE = Recipe(
    GAME,
    HOT,
    Data("ring", shape=(2,)),
    batch_size=16,
    kimg=0.64,
    log_kimg=0.08,
    sample_kimg=0.16,
    checkpoint_kimg=0.16,
    samples=16,
    sentinel=Sentinel(rollbacks=2, factor=0.02),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that went back once and came to its end without being stopped; not to be changed."""
    workdir = tmp_path_factory.mktemp("whole") / "run"
    train(RECIPE, workdir)
    return workdir


def rollbacks(workdir: Path) -> list[dict[str, Any]]:
    path = workdir / rollback.FILE
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def refusal(recipe: Recipe, workdir: Path) -> str:
    """What is said of a run that stops by itself."""
    with pytest.raises(Diverged) as stopped:
        train(recipe, workdir)
    return str(stopped.value)


def test_a_run_that_diverges_goes_back_and_on(whole: Path) -> None:
    (line,) = rollbacks(whole)
    assert (line["step"], line["checkpoint"], line["factor"]) == (25, 20, 0.02) and " is nan" in line["seen"]
    rows = read_metrics(whole)
    assert [row["step"] for row in rows] == list(range(5, 41, 5))
    assert all(math.isfinite(value) for row in rows for value in row.values())
    assert runs.steps(whole) == [20, 30, 40] and len(runs.pictures(whole)) == 5


def test_stopped_and_started_it_ends_the_same(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit, although each stop leaves a checkpoint of its own, later than the one to go back to."""
    workdir = tmp_path / "run"
    for steps, stopped, lines in ((21, 21, 0), (12, 28, 1)):
        asked = iter([0] * steps + [signal.SIGTERM])
        monkeypatch.setattr(Interruption, "poll", lambda self, together, asked=asked: next(asked))
        with pytest.raises(Interrupted):
            train(RECIPE, workdir)
        assert runs.steps(workdir)[-1] == stopped and len(rollbacks(workdir)) == lines
    monkeypatch.undo()
    train(RECIPE, workdir)
    assert_same(whole, workdir)


def assert_same(one: Path, other: Path) -> None:
    assert runs.stored(one, 40) == runs.stored(other, 40)
    assert runs.rows(one) == runs.rows(other) and rollbacks(one) == rollbacks(other)
    drawn, again = ({path.name: path.read_bytes() for path in runs.pictures(run)} for run in (one, other))
    assert drawn == again


def test_killed_while_it_goes_back(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its line is there the run does not know of it, and comes to the same point again."""
    write = files.write_bytes

    def killed(path: Path, content: bytes) -> Path:
        monkeypatch.setattr(rollback, "write_bytes", write)
        raise KeyboardInterrupt

    monkeypatch.setattr(rollback, "write_bytes", killed)
    with pytest.raises(KeyboardInterrupt):
        train(RECIPE, tmp_path / "run")
    assert rollbacks(tmp_path / "run") == [] and runs.steps(tmp_path / "run") == [10, 20]
    train(RECIPE, tmp_path / "run")
    assert_same(whole, tmp_path / "run")


def test_without_rollbacks_it_stops(tmp_path: Path) -> None:
    """As it does by default; the last row is strict JSON, with null for what is not finite."""
    workdir = tmp_path / "run"
    said = refusal(replace(RECIPE, sentinel=Sentinel()), workdir)
    assert "is nan (and" in said and "Stopped; checkpoint 20 is the last good one" in said
    assert not (workdir / rollback.FILE).exists() and runs.steps(workdir) == [10, 20]

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line, parse_constant=refuse) for line in lines]
    assert rows[-1]["discriminator/loss"] is None and rows[-2]["discriminator/loss"] is not None
    assert math.isnan(read_metrics(workdir)[-1]["discriminator/loss"])
    assert (workdir / "curves.png").stat().st_size > 0


def test_rollbacks_are_used_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From before the first checkpoint back to the beginning, and not oftener than allowed, by any start."""
    recipe = replace(RECIPE, checkpoint_kimg=10.0, sentinel=Sentinel(rollbacks=1, factor=0.9))
    said = refusal(recipe, tmp_path / "run")
    assert "Stopped after 1 rollback; there is no checkpoint yet" in said
    (line,) = rollbacks(tmp_path / "run")
    assert (line["step"], line["checkpoint"], line["factor"]) == (25, None, 0.9)
    told = f"step 25: {line['seen']}. Back to the beginning, learning rates times 0.9 (rollback 1 of 1)\n"
    assert told in capsys.readouterr().err
    assert refusal(recipe, tmp_path / "run") == said
    assert rollbacks(tmp_path / "run") == [line] and "Back to" not in capsys.readouterr().err


CALM = {"discriminator": Optimizer(), "generator": Optimizer()}


@pytest.mark.parametrize(("sample_kimg", "step"), [(0.08, 5), (10.0, 10)], ids=["sample", "checkpoint"])
def test_collapse_is_named(tmp_path: Path, sample_kimg: float, step: int) -> None:
    """Latents of no influence; seen at the first picture, or before the first checkpoint is written."""
    game = replace(GAME, latents=Latents(4, "uniform", 1e-6))
    watched = Sentinel(diversity=0.05)
    recipe = replace(RECIPE, gan=game, optimizers=CALM, sample_kimg=sample_kimg, sentinel=watched)
    said = refusal(recipe, tmp_path / "run")
    assert said.startswith(f"step {step}: samples are ") and runs.steps(tmp_path / "run") == []
    assert "% as diverse as the real examples (watched: 5%): the generator has collapsed. Stopped" in said


def test_saturation_is_named(tmp_path: Path) -> None:
    """A discriminator that moves fast, with a generator that does not and one real mode far off."""
    game = replace(
        GAME, discriminator=Discriminator((32,)), adversary=replace(GAME.adversary, objective=Nonsaturating())
    )
    fast = {"discriminator": sgd(0.1), "generator": sgd(1e-6)}
    data = Data("ring", shape=(2,), modes=1, spread=20.0)
    recipe = replace(RECIPE, gan=game, optimizers=fast, data=data, sentinel=Sentinel(saturation=5))
    said = refusal(recipe, tmp_path / "run")
    assert "discriminator is saturated: mean logits " in said and "fake examples (watched: 5)" in said
    last = read_metrics(tmp_path / "run")[-1]
    assert last["discriminator/real_logits"] > 5 and last["discriminator/fake_logits"] < -5


def test_saturation_is_on_both_sides() -> None:
    watched = Sentinel(saturation=10.0)
    logits = {"d/real_logits": 14.21, "d/fake_logits": -15.09, "d/loss": 0.0}
    expected = "d is saturated: mean logits 14.2 at real and -15.1 at fake examples (watched: 10)"
    assert find_saturation(watched, logits) == expected
    assert find_saturation(watched, logits | {"d/fake_logits": 30.0}) is None
    assert find_saturation(Sentinel(), logits) is None


def test_collapse_of_several_arrays() -> None:
    """Each is compared with the real one of its name, or else with those of its shape."""
    x = np.random.default_rng(0).normal(size=(16, 4, 4, 1))
    real = {"a": x, "b": 3 * x, "label": np.arange(16)}
    watched = Sentinel(diversity=0.05)
    made = {"a": 0.06 * x, "a to b": 0.11 * x}
    assert find_collapse(watched, made, real) is None
    said = find_collapse(watched, made | {"a to b": 0.09 * x}, real)
    assert said and said.startswith('samples "a to b" are 4.5% as diverse as')
    assert find_collapse(watched, 0.04 * x, {"image": x}) and not find_collapse(
        watched, 0.06 * x, {"image": x}
    )
    assert find_collapse(watched, x * np.nan, {"image": x}) == "samples are not finite"
    assert find_collapse(Sentinel(), 0 * x, {"image": x}) is None
    with pytest.raises(InputError, match="nothing to compare the samples with"):
        check_sentinel(watched, [], x, {"label": np.arange(16)})
    with pytest.raises(InputError, match="at least two samples"):
        check_sentinel(watched, [], x[:1], {"image": x[:1]})


def test_what_a_game_does_not_log_cannot_be_watched(tmp_path: Path) -> None:
    game = BEGAN(Generator((2,), (8,)), Generator((2,), (8,)), Latents(4))
    recipe = replace(RECIPE, gan=game, optimizers=CALM, sentinel=Sentinel(saturation=10))
    with pytest.raises(InputError, match=r"this game's metrics are .*discriminator/convergence"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_rate_of_every_optimizer() -> None:
    """Numbers and schedules alike: gradient descent moves half as far, and begins in the same state."""
    schedules = (0.1, Linear(0.1, 0.3, 0.0, 1.0), Exponential(0.1, 0.016, floor=0.06))
    gradient, states = jnp.ones(2), dict[str, Any]()
    for schedule in schedules:
        optimizers = {"discriminator": Optimizer("sgd", schedule, b1=0.9), "generator": Optimizer()}
        recipe = replace(RECIPE, optimizers=optimizers)
        moves = []
        for rate in (1.0, 0.5):
            rule = StageProgram(recipe, 0, {}, rate).optimizers["discriminator"]
            state = rule.init(gradient)
            for _ in range(4):
                move, state = rule.update(gradient, state, gradient)
            moves.append(move)
            chex.assert_trees_all_equal_shapes_and_dtypes(state, states.setdefault(str(schedule), state))
        np.testing.assert_allclose(0.5 * moves[0], moves[1], rtol=1e-6)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--kimg", "inf"), "kimg, the length in thousands of images, must be positive; got inf"),
        (("--log-kimg", "inf"), "log_kimg must be positive; got inf"),
        (("--sample-kimg", "nan"), "sample_kimg must be positive; got nan"),
        (("--checkpoint-kimg", "inf"), "checkpoint_kimg must be positive; got inf"),
    ],
)
def test_lengths_that_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, str], said: str
) -> None:
    recipe = runs.write_recipe(tmp_path)
    assert cli.main(["train", str(recipe), "--workdir", str(tmp_path / "run"), *flags]) == 2
    assert capsys.readouterr().err == f"error: {said}\n" and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({"diversity": 5.0}, "sentinel.diversity is a share, from 0 to below 1; got 5.0"),
        ({"diversity": math.nan}, "sentinel.diversity is a share, from 0 to below 1; got nan"),
        ({"saturation": math.inf}, "sentinel.saturation must be 0 or more, and finite; got inf"),
        ({"rollbacks": -1}, "sentinel.rollbacks must be 0 or more; got -1"),
        ({"factor": 1.0}, "sentinel.factor must be between 0 and 1; got 1.0"),
    ],
)
def test_limits_that_are_refused(field: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(said)}$"):
        Sentinel(**field)


def test_finished_run_again(whole: Path, tmp_path: Path) -> None:
    """It has gone back once, but is finished all the same."""
    workdir = Path(shutil.copytree(whole, tmp_path / "run"))
    train(RECIPE, workdir)
    assert_same(whole, workdir)
