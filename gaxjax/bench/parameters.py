"""What a recipe amounts to, before it is run."""

from collections.abc import Sequence

import jax
import numpy as np

from gaxjax.data.config import has_clips
from gaxjax.data.layout import describe_clips, describe_pairs
from gaxjax.layers.modules import submodules
from gaxjax.programs.program import StageProgram
from gaxjax.recipe import Recipe
from gaxjax.runs.inventory import class_summary, inventory_of
from gaxjax.training.train import open_evaluator, prepare


def outline(recipe: Recipe, decode: bool = False) -> str:
    """Checks everything that `train` would refuse, and says what it would run.

    But for the networks that a measurement takes features from, which a start reads or trains first.
    decode: also decodes every image that a run would only decode when it comes to it.
    """
    # `train`'s own preparation: there is no second list of checks that could fall behind.
    source, programs = prepare(recipe)
    open_evaluator(recipe, source, programs, prepare=False)
    mesh = programs[0].mesh
    examples = ", ".join(f"{name} {x.dtype}{list(x.shape)}" for name, x in source.spec.items())
    lines = [
        f"data     {recipe.data.name}, {len(source):,} examples: {examples}",
        f"devices  {mesh.size} {mesh.devices.flat[0].platform}, {jax.process_count()} process(es)",
    ]
    if pairs := describe_pairs(recipe.data):
        lines.insert(1, f"pairs    {pairs}")
    if clips := describe_clips(recipe.data):
        lines.insert(1, f"clips    {clips}")
    if decode:
        noun = "clips" if has_clips(recipe.data) else "images"
        lines.append(f"decoded  {source.decode_all():,} {noun}, all that can be used")
    for program in programs:
        stage = program.stage
        moves = ", then ".join(f"{player} x {count}" for player, count in stage.updates.items())
        lines.append(
            f"stage    {program.steps:,} steps of {program.images_per_step} images ({stage.kimg:g} kimg): "
            f"{moves}, {stage.batch_size // mesh.shape['data']} examples of a minibatch on each device"
        )
    lines += [classes] if (classes := class_summary(recipe, inventory_of(source))) else []
    return "\n".join([*lines, parameters(programs), "nothing was written"])


def parameters(programs: Sequence[StageProgram]) -> str:
    """Parameters per network and stage, as a table."""
    rows = []
    for program in programs:
        # Shapes alone: a network of any size is counted without being made.
        params, modules = program.state.params, submodules(program.stage.gan)
        for network, tree in params.items():
            count = sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree))
            rows.append(f"  {network:24}{type(modules[network]).__name__:24}{count:>14,}")
        total = sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(params))
        rows.append(f"  {'parameters':48}{total:>14,}")
    return "\n".join([type(programs[0].recipe.gan).__name__, *rows])
