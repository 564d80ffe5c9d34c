"""The table of docs/targets.md: recipes compiled for a target that is not here, a row each as it is done.

    python benchmarks/targets.py v5e:2x2 configs/dcgan_fashion_mnist.py configs/stylegan2.py:config_f

Of each recipe the stage with the largest minibatch of pixels, in bfloat16 where its networks have it, at the
recipe's own batch size on all devices together, or the next that they can share. What cannot be compiled is
said in its row.
"""

import argparse
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", help="such as v5e:2x2")
    parser.add_argument("configs", nargs="+", help="recipes' files, or FILE:NAME")
    arguments = parser.parse_args()
    target = topology.parse_target(arguments.target)
    topology.configure_compilers()
    mesh = topology.target_mesh(target)
    print(f"| {' | '.join(report.ROW_COLUMNS)} | seconds to compile |")
    print(f"|{(len(report.ROW_COLUMNS) + 1) * '---|'}")
    for config in arguments.configs:
        start = time.perf_counter()
        recipe = in_bfloat16(load_recipe(config)[0])
        program = footprint.heaviest_program(recipe, footprint.example_spec(recipe))
        name = config.removeprefix("configs/").replace(".py", "")
        unit = mesh.size * recipe.accumulate
        program = with_batch_size(program, -(-program.stage.batch_size // unit) * unit)
        try:
            row = report.format_row(name, measure_cost(program, mesh, target.chip), target.chip)
        except InputError as error:
            row = f"| {name} | {error} |"
        print(f"{row} {time.perf_counter() - start:.0f} |", flush=True)


if __name__ == "__main__":
    main()
