"""Programs compiled before there is a slice to run them on, kept where training will look for them there.

They are entries of JAX's compilation cache, which finds them by the program, the compiler's version and the
topology: a run with the same recipe and packages on such a slice starts without compiling its steps.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
from jax.sharding import Mesh

from gaxjax import parallel
from gaxjax.bench.targets.topology import Target, target_mesh
from gaxjax.data import Source
from gaxjax.errors import InputError
from gaxjax.files.places import disk_path
from gaxjax.parallel.cache import cache_settings
from gaxjax.programs.feed import Feed
from gaxjax.programs.program import StageProgram
from gaxjax.recipe import Recipe
from gaxjax.training.train import prepare

ENVIRONMENT = "JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES=none JAX_COMPILATION_CACHE_DIR={folder}"
"""Under which training looks there."""
SETTINGS = {
    "jax_enable_compilation_cache": True,
    # However quickly it was compiled.
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    # Else the folder's path is an option of the compiler, and so part of what a program is found by.
    "jax_persistent_cache_enable_xla_caches": "none",
}
"""Of JAX, while what is compiled is kept."""


def keep_executables(
    recipe: Recipe, target: Target, folder: Path, stages: Sequence[int] = ()
) -> Iterator[tuple[int, Path]]:
    """(stage, file) of the steps of these stages (none: all), each once it is compiled and kept.

    InputError for a platform that keeps none, and for data that are not here: whether they live on the
    devices decides what the program is.
    """
    if target.chip.platform != "tpu":
        # XLA tries algorithms on the GPU itself: what is compiled without one is another program.
        raise InputError(f"programs for {target} are compiled where they run; give a TPU slice, as v5e:4x4")
    folder, mesh = disk_path(folder, "programs are kept"), target_mesh(target)
    source, programs = prepare(recipe)
    folder.mkdir(parents=True, exist_ok=True)
    for number in stages or range(len(programs)):
        with cache_settings(jax_compilation_cache_dir=str(folder), **SETTINGS):
            before = set(folder.iterdir())
            compile_training(programs[number], source, mesh)
            for path in sorted(set(folder.iterdir()) - before):
                yield programs[number].number, path


def compile_training(program: StageProgram, source: Source, mesh: Mesh) -> Any:
    """The program that `gaxjax train` calls, with the feed that it would have, for the devices of a mesh."""
    recipe = program.recipe
    parallel.check_batch(program.stage.batch_size, mesh, recipe.accumulate)
    with contextlib.closing(Feed(program, source)) as feed:
        inputs = next(feed.calls([recipe.steps_per_call]))
        step = program.compilable(feed.assemble, mesh)
    # Shapes alone: what was loaded lies on this machine.
    inputs = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), inputs)
    key = jax.eval_shape(lambda: jax.random.key(0))
    return step.lower(program.carry, inputs, key).compile()
