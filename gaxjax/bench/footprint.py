"""What a step of a recipe needs of memory, from its compiled program: nothing is allocated, nothing runs.

Rows are the stage with the largest batches of pixels, at some resolutions and batch sizes, with networks that
keep their activations or compute them again. Numbers are the compiler's own, for one device of those that
there are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
from jax.sharding import Mesh

from gaxjax import parallel
from gaxjax.data import open_source, spec_of
from gaxjax.errors import InputError
from gaxjax.game import Batch
from gaxjax.layers.modules import set_fields
from gaxjax.layers.recomputation import recomputes
from gaxjax.parallel.memory import Memory, memory_of
from gaxjax.programs.feed import as_loaded
from gaxjax.programs.log_sums import with_log_sums
from gaxjax.programs.program import StageProgram, stage_programs
from gaxjax.recipe import Recipe

MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Footprint(Memory):
    """A compiled step's memory on one device, and what it is of."""

    shape: tuple[int, ...]
    """of the images"""
    batch_size: int
    """examples of a minibatch, over all devices"""
    accumulate: int
    """parts that a minibatch is taken in"""
    recompute: bool
    """whether networks compute activations again"""


def measure_footprint(recipe: Recipe, spec: Batch) -> Footprint:
    """Compiles the step of a recipe's heaviest stage, for examples of this spec, and reads what it needs.

    spec: shapes and types of one example, as of `gaxjax.data.open_source(data).spec`.
    """
    program = heaviest_program(recipe, spec)
    stage, mesh = program.stage, program.mesh
    # Refused as training would, and before minutes of compiling.
    parallel.check_batch(stage.batch_size, mesh, recipe.accumulate)
    return Footprint(
        shape=example_shape(program),
        batch_size=stage.batch_size,
        accumulate=recipe.accumulate,
        recompute=recomputes(stage.gan),
        **vars(read_memory(compile_step(program, mesh), mesh)),
    )


def read_memory(compiled: Any, mesh: Mesh) -> Memory:
    """What a compiled program needs. InputError where its compiler does not say."""
    memory = memory_of(compiled)
    if memory is None:
        raise InputError(
            f"the compiler for {mesh.devices.flat[0].platform} does not say what a program needs"
        )
    return memory


def compile_step(program: StageProgram, mesh: Mesh) -> Any:
    """The program that trains a stage as JAX has compiled it for the devices of the mesh.

    Of one step in a call, with batches that are loaded.
    """
    # One step a call: more of them hold more batches, but no more state or activations.
    batches = program.seeds.add_axis(program.batches)
    batch = {name: jax.ShapeDtypeStruct((1, *x.shape), x.dtype) for name, x in batches.items()}
    # No tables: a resident set would count as this step's arguments, where it is the data's.
    key = program.seeds.add_axis(jax.eval_shape(lambda: jax.random.key(0)))
    # With their places, for those that the trace of the step was made for: it is not made again.
    whole = parallel.replicated_sharding(mesh)
    inputs = parallel.CallInput(
        {},
        parallel.with_sharding(batch, parallel.batch_sharding(mesh, calls=True)),
        parallel.with_sharding(jax.ShapeDtypeStruct((), "int32"), whole),
    )
    carry, key = parallel.with_sharding((program.carry, key), parallel.state_sharding(mesh))
    calls = parallel.Calls(1, as_loaded)
    mapped = parallel.compilable(with_log_sums(program.step), mesh, calls)
    return mapped.lower(carry, inputs, key).compile()


def example_shape(program: StageProgram) -> tuple[int, ...]:
    """Of what a stage's examples are made of, that with the most axes: the image, the clip."""
    return max((x.shape for x in program.spec.values()), key=len)


def heaviest_program(recipe: Recipe, spec: Batch) -> StageProgram:
    """Of the stage whose minibatch has the most numbers; of equals the last."""

    def numbers(program: StageProgram) -> int:
        return program.stage.batch_size * sum(x.size for x in program.spec.values())

    # max takes the first of equals: reversed, the last, whose networks are the largest of those.
    return max(reversed(stage_programs(recipe, spec)), key=numbers)


def measure_footprints(
    recipe: Recipe,
    spec: Batch,
    sides: Sequence[int] = (),
    batch_sizes: Sequence[int] = (),
    recompute: Sequence[bool] = (False, True),
) -> Iterator[Footprint]:
    """Of the recipe at every side and batch size (none: its own), with and without recomputation."""
    for side in sides or (0,):
        for batch_size in batch_sizes or (0,):
            for again in recompute:
                # A field of all networks that have it, whatever the game calls them.
                variant = replace(recipe, gan=set_fields(recipe.gan, recompute=again))
                variant, variant_spec = change_size(variant, spec, side, batch_size)
                if again and not recomputes(variant.gan):
                    continue  # there is nothing that could
                yield measure_footprint(variant, variant_spec)


def change_size(recipe: Recipe, spec: Batch, side: int, batch_size: int) -> tuple[Recipe, Batch]:
    """The recipe and its examples' spec at this shorter side and batch size; 0: as they are."""
    if side:
        recipe, spec = resize_recipe(recipe, side), resize_spec(spec, side)
    if batch_size:
        # Growth may have a batch size of its own for each resolution, which would win over the one asked for.
        recipe = replace(recipe, batch_size=batch_size, growth=replace(recipe.growth, batch_sizes=()))
    return recipe, spec


def resize_recipe(recipe: Recipe, side: int) -> Recipe:
    """The recipe for images of this shorter side; its networks' shapes too, where they have some."""
    if recipe.stages:
        raise InputError("a recipe of given stages has the shapes of its stages: leave sides out")
    if len(recipe.data.shape) != 3:
        raise InputError(f"examples of shape {recipe.data.shape} are no images: leave sides out")
    # Networks that take their shape from the data have no such field, and are left as they are.
    shape = scale_shape(recipe.data.shape, side)
    return replace(recipe, gan=set_fields(recipe.gan, shape=shape), data=replace(recipe.data, shape=shape))


def scale_shape(shape: tuple[int, ...], side: int) -> tuple[int, int, int]:
    """The shape with this shorter side.

    >>> scale_shape((384, 512, 3), 96)
    (96, 128, 3)
    """
    height, width, channels = shape
    shorter = min(height, width)
    return height * side // shorter, width * side // shorter, channels


def resize_spec(spec: Batch, side: int) -> Batch:
    """The spec with images of that side."""
    return {
        name: jax.ShapeDtypeStruct(scale_shape(x.shape, side), x.dtype) if len(x.shape) == 3 else x
        for name, x in spec.items()
    }


def as_markdown(rows: Sequence[Footprint]) -> str:
    """Markdown, in MiB."""
    names = (
        "image",
        "batch",
        "parts",
        "recompute",
        "arguments",
        "outputs",
        "aliased",
        "temporaries",
        "total",
    )
    lines = [f"| {' | '.join(names)} |", "|---|---:|---:|---|" + "---:|" * 5]
    for row in rows:
        sizes = (row.arguments, row.outputs, row.alias, row.temporaries, row.total)
        image, again = " x ".join(map(str, row.shape)), "yes" if row.recompute else "no"
        cells = [image, str(row.batch_size), str(row.accumulate), again, *(f"{x / MIB:.1f}" for x in sizes)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def report(recipe: Recipe, sides: Sequence[int] = (), batch_sizes: Sequence[int] = ()) -> str:
    """The table of a recipe, at sides and batch sizes (none: its own)."""
    if min((*sides, *batch_sizes), default=1) < 1:
        raise InputError(f"sides and batch_sizes are at least 1, not {(*sides, *batch_sizes)}")
    rows = list(measure_footprints(recipe, example_spec(recipe), sides, batch_sizes))
    device = jax.devices()[0]
    heading = f"{jax.device_count()} {device.device_kind} ({device.platform}), jax {jax.__version__}"
    return f"{heading}; MiB on each\n\n{as_markdown(rows)}"


def example_spec(recipe: Recipe) -> Batch:
    """Shapes and types of one example: the data's, or, where they cannot be opened, images as declared."""
    try:
        return open_source(recipe.data).spec
    except InputError:
        # Memory is told of a recipe whose data are elsewhere: shapes are all that is needed of them.
        return spec_of(recipe.data)
