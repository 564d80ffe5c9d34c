"""What holds for every recipe of configs/: shrunk, they are played for two steps; each one is traced."""

import dataclasses
import functools
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import chex
import jax
import numpy as np
import pytest
import quick
import shrinking
from shrinking import CONFIGS, KEY_OF_PLAY, batches, shrunk, with_gates

from gaxjax import cli, parallel
from gaxjax.data import open_source, spec_of
from gaxjax.game import State, networks
from gaxjax.layers.modules import set_fields
from gaxjax.objectives import Objective
from gaxjax.programs.program import check_programs, stage_programs
from gaxjax.recipe import Recipe, Stage
from gaxjax.recipe.optimizers import Exponential, Linear
from gaxjax.recipe.serialization import (
    CONFIG,
    describe,
    differences,
    fields_of,
    rebuild,
)
from gaxjax.runs.checkpoint import Checkpoints
from gaxjax.solvers import Solver
from gaxjax.transforms import WeightTransform

RECIPES = shrinking.recipes()
KEY = jax.random.key(KEY_OF_PLAY)
TRACED: list[Any] = []
"""What `check` has traced without a refusal."""
every_recipe = pytest.mark.parametrize("name", RECIPES)
PARTS = {
    name: shrinking.parts_of(describe(recipe.gan))
    for name, recipe in RECIPES.items()
    if not shrinking.is_variant(name)
}

COVERING = shrinking.covering(PARTS, "gaxjax.gans:")
"""Every class of game, with each term of its losses, is in one of these; networks, solvers, penalties, layers
and transforms have tests of their own."""


def every_game(test: Callable[..., None]) -> Callable[..., None]:
    """For what has to be compiled, in float64: other recipes of the same games come on request."""
    names = [pytest.param(name, marks=[] if name in COVERING else pytest.mark.slow) for name in RECIPES]
    return pytest.mark.usefixtures("float64")(pytest.mark.parametrize("name", names)(test))


class Run(NamedTuple):
    """The first two steps of a shrunk recipe."""

    recipe: Recipe
    stage: Stage
    step: Callable[..., Any]
    states: list[State]
    logs: list[Any]


@functools.cache
def first_state(name: str) -> State:
    return shrinking.begin(shrunk(RECIPES[name]))


@functools.cache
def run_of(name: str) -> Run:
    recipe = shrunk(RECIPES[name])
    program, state = shrinking.program_of(recipe), first_state(name)
    stage, states, logs = program.stage, [state], []
    step = quick.compiled(program.step, state, batches(recipe, stage, 0), KEY)
    for number in range(2):
        state, log = step(state, batches(recipe, stage, number), KEY)
        states.append(state)
        logs.append(log)
    return Run(recipe, stage, step, states, logs)


def differ(a: Any, b: Any) -> bool:
    """Whether any bit does."""
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return any(np.asarray(x).tobytes() != np.asarray(y).tobytes() for x, y in pairs)


@pytest.fixture(scope="module")
def on_two_devices(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Path]]:
    """Waits for the file of what each recipe comes to on two devices, in one other process."""
    asked = [
        item.callspec.params["name"]  # type: ignore[attr-defined]
        for item in request.session.items
        if getattr(item, "originalname", "") == "test_two_devices_agree_with_one"
    ]
    folder = tmp_path_factory.mktemp("two")
    with jax.enable_x64(True):
        for name in asked:
            shrinking.save(folder / f"{name}.begun.npz", first_state(name))
    # Compiled for the processor that this process compiles for: elsewhere draws of float32 have other bits.
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=2"
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1", "XLA_FLAGS": flags}
    command = [sys.executable, shrinking.__file__, str(folder), *asked]
    with open(folder / "errors", "w+") as errors:
        process = subprocess.Popen(command, env=environment, stderr=errors)

        def ended(name: str) -> Path:
            path = folder / f"{name}.2.npz"
            while not path.exists() and process.poll() is None:
                time.sleep(0.05)
            assert path.exists(), (folder / "errors").read_text()
            return path

        yield ended
        process.kill()
        process.wait()


@every_game
def test_two_devices_agree_with_one(name: str, on_two_devices: Callable[[str], Path]) -> None:
    """To 1e-9, for what a split batch rounds otherwise grows 1e5-fold in two steps of CycleGAN."""
    run = run_of(name)
    one = shrinking.descending(run.states[0])
    for number in range(shrinking.STEPS):
        one, _ = run.step(one, batches(run.recipe, run.stage, number), KEY)
    two = shrinking.load(on_two_devices(name), one)
    # Not the optimizers, which keep sums of gradients: those are compared as the moves that they make.
    one, two = one._replace(optimizers={}), two._replace(optimizers={})
    chex.assert_trees_all_close(two, one, rtol=1e-9, atol=1e-9)


@every_recipe
def test_it_is_written_as_json_and_read_again(name: str) -> None:
    recipe = RECIPES[name]
    stored = json.loads(json.dumps(describe(recipe), allow_nan=False))
    back = rebuild(stored, CONFIGS / name.split(":")[0])
    assert differences(describe(back), describe(recipe)) == []
    if f"{CONFIG}:" not in json.dumps(
        stored
    ):  # a class of the file itself is another one every time it is read
        assert back == recipe


@every_recipe
def test_all_of_it_fits_its_data(name: str) -> None:
    """Of what grows the first two stages: the others follow from them as the second does.

    Of what is played below the losses, without gradients; so of variants, whose gradients are as those of
    the file's recipe. Two that trace the same are traced once, for one of them is the file's recipe.
    """
    recipe, begin, variant = RECIPES[name], 0, shrinking.is_variant(name)
    if recipe.data.shape[0] == 1024:
        # Levels are like one another, and test_style.py counts the parameters of all. What does not grow is
        # as large as its networks say.
        small = (16, 16, 3)
        gan, data = set_fields(recipe.gan, shape=small), dataclasses.replace(recipe.data, shape=small)
        recipe = dataclasses.replace(recipe, gan=gan, data=data)
        # The file's own recipe is traced in both stages, of which the second has all that the first has.
        begin = min(1, len(recipe.all_stages) - 1) if variant else 0
    stages = recipe.all_stages[begin:2]
    # Of blocks in a row, and of a mapping's layers, each is as the one before it.
    fewer = [set_fields(stage.gan, blocks=1, mapping_layers=2) for stage in stages]
    stages = tuple(dataclasses.replace(x, gan=gan) for x, gan in zip(stages, fewer, strict=True))
    first = dataclasses.replace(recipe, stages=stages)
    traced_from = first.all_stages, first.solver, first.accumulate, spec_of(recipe.data)
    if traced_from not in TRACED:
        with jax.enable_x64(False):  # as it trains
            programs = stage_programs(first, spec_of(recipe.data))
            trace = shrinking.trace_losses if variant or name in COVERING else check_programs
            trace(programs)
        TRACED.append(traced_from)


@every_game
def test_two_steps_are_finite_and_keep_the_shape_of_the_state(name: str) -> None:
    run = run_of(name)
    for state, log in zip(run.states[1:], run.logs, strict=True):
        chex.assert_trees_all_equal_shapes_and_dtypes(state, run.states[0])
        chex.assert_tree_all_finite((state, log))
    end = run.states[2]
    assert (end.step, end.images) == (2, 2 * run.stage.images_per_step)
    for network, params in end.params.items():
        assert differ(params, run.states[0].params[network]), f"{network} stands still"
    assert {f"{player}/loss" for player in run.stage.gan.players} <= set(run.logs[0])


@every_game
def test_a_move_leaves_the_other_players_parameters_alone(name: str) -> None:
    run = run_of(name)
    begun, players = run.states[0], run.stage.gan.players
    for mover in players:
        state, _ = run.step(with_gates(begun, {mover: (1, 0)}), batches(run.recipe, run.stage, 0), KEY)
        changed = {
            network for network in begun.params if differ(state.params[network], begun.params[network])
        }
        assert changed == set(networks(run.stage.gan, players[mover]))


@every_game
def test_saved_restored_and_continued_is_not_stopped(name: str, tmp_path: Path) -> None:
    run = run_of(name)
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        checkpoints.save(1, run.states[1], {"stage": 0, "step": 1})
        checkpoints.wait()
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
        restored = checkpoints.restore(1, parallel.with_sharding(run.states[1], here))
    chex.assert_trees_all_equal(restored, run.states[1])
    continued, logs = run.step(restored, batches(run.recipe, run.stage, 1), KEY)
    chex.assert_trees_all_equal((continued, logs), (run.states[2], run.logs[1]))


def flags_of(value: Any, path: str = "") -> Iterator[str]:
    """The flag of every number, string and tuple of them in a recipe."""
    as_text = Linear | Exponential | Objective | Solver | WeightTransform
    if dataclasses.is_dataclass(value) and not isinstance(value, as_text):
        value = fields_of(value)
    elif isinstance(value, tuple) and any(map(dataclasses.is_dataclass, value)):
        value = dict(enumerate(value))
    if not isinstance(value, dict):
        yield "--" + path.replace("_", "-")
        return
    for key, inner in value.items():
        yield from flags_of(inner, f"{path}.{key}" if path else str(key))


@every_recipe
def test_help_lists_every_field_with_what_it_is(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", str(CONFIGS / name), "--help"])
    assert stop.value.code == 0
    lines = [line.strip("│ ") for line in capsys.readouterr().out.splitlines()]
    listed = {
        line.split()[0].rstrip(","): lines[i + 1] for i, line in enumerate(lines) if line.startswith("--")
    }
    # Stages that there are none of have no flags either.
    missing = set(flags_of(RECIPES[name])) - set(listed) - {"--stages"}
    assert not missing
    assert not [flag for flag, text in listed.items() if not text or text.startswith("(default")]


@every_recipe
def test_its_docstring_has_the_command_and_the_paper(name: str) -> None:
    file, variant = name.split(":")
    text = (CONFIGS / file).read_text().split('"""')[1]
    stem = file.removesuffix(".py")
    target = stem if variant == "recipe" else f"{stem}:{variant}"
    assert re.search(rf"^    gaxjax train {re.escape(target)} --workdir runs/\w+", text, re.MULTILINE)
    assert re.search(r"arXiv \d{4}\.\d{4,5}", text), "name the paper: arXiv 0000.00000"


@pytest.mark.parametrize("file", sorted(path.name for path in CONFIGS.glob("*.py")))
def test_every_file_has_a_recipe_of_that_name(file: str) -> None:
    assert f"{file}:recipe" in RECIPES


def test_digits_are_as_the_synthetic_ones(tmp_path: Path) -> None:
    recipe = RECIPES["quickstart.py:recipe"]
    data = dataclasses.replace(recipe.data, directory=str(tmp_path))
    assert open_source(data).spec == spec_of(data)


@every_recipe
def test_real_data_are_as_the_synthetic_ones(name: str, shared_data: Path) -> None:
    data = RECIPES[name].data
    places = {"mnist": "tfds", "stacked_mnist": "tfds", "fashion_mnist": "tfds", "folder": "facades"}
    if data.name not in places or (data.name == "folder" and data.layout != "halves"):
        pytest.skip(f"no real {data.name} there")
    data = dataclasses.replace(data, directory=str(shared_data / places[data.name]), memory=0.0)
    if data.labeled:  # which are labeled follows from labels, which lie beside the images
        data = dataclasses.replace(data, labeled=20, split="train[:500]")
    assert open_source(data).spec == spec_of(data)


def test_shrinking_is_what_it_says() -> None:
    """So that the suite does not play other games than the recipes'."""
    for name, recipe in RECIPES.items():
        changed = differences(describe(recipe), describe(shrunk(recipe)))
        fields = {line.split(":")[0] for line in changed}
        known = {*shrinking.SIZES, "shape", "class", "content", "transformations"}
        assert all(known & set(field.split(".")) for field in fields), name
