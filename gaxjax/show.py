"""What a recipe amounts to, before it is run."""

import jax
import numpy as np

from gaxjax.game import Batch
from gaxjax.inventory import class_summary, inventory_of
from gaxjax.recipe import Recipe, outputs, plan
from gaxjax.train import prepare


def outline(recipe: Recipe, decode: bool = False) -> str:
    """Checks everything that `train` would refuse, and says what it would run.

    decode: also decodes every image that a run would only decode when it comes to it.
    """
    mesh, source, courses = prepare(recipe)
    examples = ", ".join(f"{name} {x.dtype}{list(x.shape)}" for name, x in source.spec.items())
    lines = [
        f"data     {recipe.data.name}, {len(source):,} examples: {examples}",
        f"devices  {mesh.size} {mesh.devices.flat[0].platform}, {jax.process_count()} process(es)",
    ]
    if decode:
        lines.append(f"decoded  {source.decode_all():,} images, all that can be used")
    for stage, planned, *_ in courses:
        moves = ", then ".join(f"{player} x {count}" for player, count in stage.updates.items())
        lines.append(
            f"stage    {planned.steps:,} steps of {planned.images} images ({stage.kimg:g} kimg): {moves}, "
            f"{stage.batch_size // mesh.shape['data']} examples of a minibatch on each device"
        )
    lines += [classes] if (classes := class_summary(recipe, inventory_of(source))) else []
    return "\n".join([*lines, parameters(recipe, source.spec), "nothing was written"])


def parameters(recipe: Recipe, spec: Batch) -> str:
    """Parameters per network and stage, as a table, for examples of this spec."""
    rows = []
    for stage in recipe.all_stages:
        state, _ = outputs(stage, plan(recipe, stage), spec)
        for network, tree in state.params.items():
            count = sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree))
            rows.append(f"  {network:24}{type(getattr(stage.gan, network)).__name__:24}{count:>14,}")
        total = sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(state.params))
        rows.append(f"  {'parameters':48}{total:>14,}")
    return "\n".join([type(recipe.gan).__name__, *rows])
