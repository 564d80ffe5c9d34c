"""The one way back from a run's directory: its recipe, the game of a checkpoint and its state."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from gaxjax.data.source import Spec
from gaxjax.errors import InputError
from gaxjax.files.places import as_path
from gaxjax.game import GAN, State
from gaxjax.parallel.seeds import Seeds
from gaxjax.programs.program import StageProgram, stage_programs
from gaxjax.recipe import Recipe
from gaxjax.runs import examples
from gaxjax.runs.checkpoint import Checkpoints
from gaxjax.runs.record import read_run


class Run(NamedTuple):
    """What was trained."""

    recipe: Recipe
    """as the run was begun, or prolonged"""
    gan: GAN
    """of the checkpoint's stage"""
    state: State
    """of the checkpoint, on the devices; of several seeds, with an axis for them before all others"""


class Start(NamedTuple):
    """What a start of the loop goes on from: a checkpoint, or the beginning."""

    stage: int = 0
    """its number"""
    step: int = 0
    """of the run"""
    carry: Any = None
    """the state and sums of logs, on the devices; None at the beginning"""


def open(workdir: Path | str, best: bool = False, data: Spec | None = None) -> Run:
    """The run in a directory, at its last checkpoint, or at the best one that was measured.

    Needs no data set: shapes are kept with the run. Only those begun before that was so have their data
    opened, unless `data`, shapes and types of one example, says them. Writes nothing: the run may still be
    going on, in another process.

    Raises InputError where there is no run, no checkpoint that can be read, or one of other networks.
    """
    workdir = as_path(workdir)
    recipe = read_run(workdir)
    # Of all stages, since the checkpoint says which it is of; shapes are traced for that one alone.
    programs = stage_programs(recipe, data or examples.read_shapes(workdir, recipe)[0])
    folder = workdir / ("best" if best else "checkpoints")
    # Not writable: damaged ones are passed over, and left for the run to set aside.
    with Checkpoints(folder, writable=False) as checkpoints:
        start = start_from(checkpoints, programs, like=stored_carry)
    if start.carry is None:
        why = "train it with --evaluation.best" if best else "train it first"
        raise InputError(f"{folder} has no checkpoint that can be read: {why}")
    return Run(recipe, programs[start.stage].stage.gan, start.carry[0])


def open_first_seed(workdir: Path | str, best: bool = False) -> Run:
    """The same for who only makes images: of several seeds the first, and no sums of the optimizers."""
    recipe, gan, states = open(workdir, best)
    # Let go first: Adam's moments are twice the parameters.
    states = states._replace(optimizers={})
    return Run(recipe, gan, Seeds(recipe.seed, recipe.seeds).select(states))


def start_from(
    checkpoints: Checkpoints,
    programs: Sequence[StageProgram],
    restart: bool = False,
    like: Callable[[Checkpoints, int, StageProgram], Any] | None = None,
) -> Start:
    """The newest checkpoint that can be read, restored onto the devices, or the beginning.

    restart: the beginning too where there are checkpoints and all are damaged, which is refused otherwise.
    like: shapes, types and places of a checkpoint's carry; by default those with which the step goes on.
    """

    def load(step: int) -> Start:
        stage = checkpoints.meta(step)["stage"]
        # The sums of logs too: a run goes on in the middle of a row of metrics.
        program = programs[stage]
        carry = like(checkpoints, step, program) if like else program.saved_carry
        # Who looks at the state alone may have none of the files that training needs.
        return Start(stage, step, program.from_saved(checkpoints.restore(step, carry), needed=like is None))

    return checkpoints.load_newest(load, restart) or Start()


def stored_carry(checkpoints: Checkpoints, step: int, program: StageProgram) -> Any:
    """A checkpoint's carry for who looks at the state alone: sums of logs are whatever it has.

    What a step logs only its trace can tell, which takes longer than to read a checkpoint.
    """
    kinds = checkpoints.kinds(step)
    if kinds is None:
        return program.saved_carry
    # As `StageProgram.carry` has them; names of logs may have dots of their own.
    totals: dict[str, Any] = {"sums": {}}
    for name, (kind, shape) in kinds.items():
        array = jax.ShapeDtypeStruct(shape, kind)
        if name.startswith("1.sums."):
            totals["sums"][name.removeprefix("1.sums.")] = array
        elif name.startswith("1."):
            totals[name.removeprefix("1.")] = array
    return program.place_saved((program.seeds.add_axis(program.first_state), totals))
