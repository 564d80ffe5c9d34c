"""The tables of docs/targets.md: recipes compiled for targets that are not here, a row each as it is done.

    python benchmarks/targets.py v5e:2x2 configs/dcgan_fashion_mnist.py configs/stylegan2.py:config_f
    python benchmarks/targets.py v5e:2x2,v6e:2x2,h100 configs/gan_mnist.py

Of each recipe the stage with the largest minibatch of pixels, in bfloat16 where its networks have it, at the
recipe's own batch size on all devices together, or the next that they can share. What cannot be compiled is
said in its row.
"""

import argparse
import os
import time
from dataclasses import replace

from gaxjax.bench import footprint
from gaxjax.bench.targets import report, topology
from gaxjax.bench.targets.costs import measure_cost
from gaxjax.bench.targets.largest import with_batch_size
from gaxjax.errors import InputError
from gaxjax.recipe import Recipe
from gaxjax.recipe.serialization import load_recipe


def in_bfloat16(recipe: Recipe) -> Recipe:
    """The recipe at that precision, or as it is where a network has none."""
    try:
        half = replace(recipe, precision="bfloat16")
        assert half.all_stages  # where networks are asked for the field
        return half
    except InputError:
        return recipe


def processor_seconds() -> float:
    """Of this process and of the assemblers that it has started."""
    return sum(os.times()[:4])


def format_target(recipe: Recipe, name: str, target: topology.Target) -> str:
    """The recipe's row for a target, and what it took to compile."""
    wall, processor = time.perf_counter(), processor_seconds()
    mesh = topology.target_mesh(target)
    program = footprint.heaviest_program(recipe, footprint.example_spec(recipe))
    unit = mesh.size * recipe.accumulate
    program = with_batch_size(program, -(-program.stage.batch_size // unit) * unit)
    try:
        row = report.format_row(name, measure_cost(program, mesh, target.chip), target.chip)
    except InputError as error:
        row = f"| {name} | {error} |"
    taken = (time.perf_counter() - wall, processor_seconds() - processor)
    return f"| {target} {row} {' | '.join(f'{seconds:.0f}' for seconds in taken)} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", help="such as v5e:2x2, or several with commas")
    parser.add_argument("configs", nargs="+", help="recipes' files, or FILE:NAME")
    arguments = parser.parse_args()
    targets = [topology.parse_target(text) for text in arguments.targets.split(",")]
    topology.configure_compilers()
    columns = ("target", *report.ROW_COLUMNS, "seconds to compile", "of the processor")
    print(f"| {' | '.join(columns)} |\n|{len(columns) * '---|'}", flush=True)
    for config in arguments.configs:
        recipe = in_bfloat16(load_recipe(config)[0])
        name = config.removeprefix("configs/").replace(".py", "")
        for target in targets:
            print(format_target(recipe, name, target), flush=True)


if __name__ == "__main__":
    main()
