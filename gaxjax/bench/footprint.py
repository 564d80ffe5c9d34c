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
from gaxjax.data import open_source
from gaxjax.errors import InputError
from gaxjax.game import Batch
from gaxjax.layers.modules import setting
from gaxjax.layers.recomputation import recomputes
from gaxjax.programs.feed import as_loaded
from gaxjax.programs.program import StageProgram, stage_programs, with_log_sums
from gaxjax.recipe import Recipe

MIB = 2**20


@dataclass(frozen=True)
class Footprint:
    """A compiled step's memory on one device, in bytes."""

    shape: tuple[int, ...]
    """of the images"""
    batch_size: int
    """examples of a minibatch, over all devices"""
    accumulate: int
    """parts that a minibatch is taken in"""
    recompute: bool
    """whether networks compute activations again"""
    arguments: int
    """the state and the minibatches"""
    outputs: int
    """the state and the logs"""
    alias: int
    """what outputs share with arguments"""
    temporaries: int
    """what it needs besides"""

    @property
    def total(self) -> int:
        """At the most."""
        return self.arguments + self.outputs - self.alias + self.temporaries


def footprint(recipe: Recipe, spec: Batch) -> Footprint:
    """Compiles the step of a recipe's heaviest stage, for examples of this spec, and reads what it needs.

    spec: shapes and types of one example, as of `gaxjax.data.open_source(data).spec`.
    """
    program = heaviest(recipe, spec)
    stage, mesh = program.stage, program.mesh
    parallel.check_batch(stage.batch_size, mesh, recipe.accumulate)
    found = compiled(program, mesh).memory_analysis()
    if found is None:
        raise InputError(
            f"the compiler for {mesh.devices.flat[0].platform} does not say what a program needs"
        )
    return Footprint(
        shape=max((x.shape for x in program.spec.values()), key=len),
        batch_size=stage.batch_size,
        accumulate=recipe.accumulate,
        recompute=recomputes(stage.gan),
        arguments=found.argument_size_in_bytes,
        outputs=found.output_size_in_bytes,
        alias=found.alias_size_in_bytes,
        temporaries=found.temp_size_in_bytes,
    )


def compiled(program: StageProgram, mesh: Mesh) -> Any:
    """The program that trains a stage as JAX has compiled it for the devices of the mesh.

    Of one step in a call, with batches that are loaded.
    """
    batches = program.seeds.shaped(program.batches)
    chosen = {name: jax.ShapeDtypeStruct((1, *x.shape), x.dtype) for name, x in batches.items()}
    fed = parallel.Fed({}, chosen, jax.ShapeDtypeStruct((), "int32"))
    key = program.seeds.shaped(jax.eval_shape(lambda: jax.random.key(0)))
    calls = parallel.Calls(1, as_loaded)
    mapped = parallel.compilable(with_log_sums(program.step), mesh, calls)
    return mapped.lower(program.carry, fed, key).compile()


def heaviest(recipe: Recipe, spec: Batch) -> StageProgram:
    """Of the stage whose minibatch has the most numbers; of equals the last."""

    def numbers(program: StageProgram) -> int:
        return program.stage.batch_size * sum(x.size for x in program.spec.values())

    return max(reversed(stage_programs(recipe, spec)), key=numbers)


def footprints(
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
                changed = replace(recipe, gan=setting(recipe.gan, recompute=again))
                changed, here = changed_to(changed, spec, side, batch_size)
                if again and not recomputes(changed.gan):
                    continue  # there is nothing that could
                yield footprint(changed, here)


def changed_to(recipe: Recipe, spec: Batch, side: int, batch_size: int) -> tuple[Recipe, Batch]:
    """The recipe and its examples' spec at this shorter side and batch size; 0: as they are."""
    if side:
        recipe, spec = resized(recipe, side), sized(spec, side)
    if batch_size:
        recipe = replace(recipe, batch_size=batch_size, growth=replace(recipe.growth, batch_sizes=()))
    return recipe, spec


def resized(recipe: Recipe, side: int) -> Recipe:
    """The recipe for images of this shorter side; its networks' shapes too, where they have some."""
    if recipe.stages:
        raise InputError("a recipe of given stages has the shapes of its stages: leave sides out")
    if len(recipe.data.shape) != 3:
        raise InputError(f"examples of shape {recipe.data.shape} are no images: leave sides out")
    shape = scaled(recipe.data.shape, side)
    return replace(recipe, gan=setting(recipe.gan, shape=shape), data=replace(recipe.data, shape=shape))


def scaled(shape: tuple[int, ...], side: int) -> tuple[int, int, int]:
    """The shape with this shorter side.

    >>> scaled((384, 512, 3), 96)
    (96, 128, 3)
    """
    height, width, channels = shape
    shorter = min(height, width)
    return height * side // shorter, width * side // shorter, channels


def sized(spec: Batch, side: int) -> Batch:
    """The spec with images of that side."""
    return {
        name: jax.ShapeDtypeStruct(scaled(x.shape, side), x.dtype) if len(x.shape) == 3 else x
        for name, x in spec.items()
    }


def table(rows: Sequence[Footprint]) -> str:
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
    rows = list(footprints(recipe, spec_of(recipe), sides, batch_sizes))
    device = jax.devices()[0]
    named = f"{jax.device_count()} {device.device_kind} ({device.platform}), jax {jax.__version__}"
    return f"{named}; MiB on each\n\n{table(rows)}"


def spec_of(recipe: Recipe) -> Batch:
    """Shapes and types of one example: the data's, or, where they cannot be opened, images as declared."""
    try:
        return open_source(recipe.data).spec
    except InputError:
        image = jax.ShapeDtypeStruct(recipe.data.shape, "uint8")
        if recipe.data.layout in ("halves", "domains"):
            return {"a": image, "b": image}
        return {"image": image, "label": jax.ShapeDtypeStruct((), "int32")}
