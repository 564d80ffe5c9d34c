"""gaxjax compile CONFIG[:name] --target v5e:4x4 --out DIR [--stage K] [--any.field value]"""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from gaxjax.cli.parsing import parse, recipe_argument


def main(arguments: list[str]) -> None:
    """Compiles a recipe's steps for a slice that is not here, so that training starts at once there."""
    config, flags = recipe_argument(arguments, "compile CONFIG[:name] --target TARGET --out DIR")
    from gaxjax.recipe import Recipe
    from gaxjax.recipe.serialization import load_recipe

    @dataclasses.dataclass  # here, not above: see train.py
    class Compile:
        recipe: Annotated[Recipe, tyro.conf.arg(name="")]
        target: str
        """a TPU slice, such as v5e:4x4"""
        out: Path
        """a folder for the programs, which goes to every host of the slice"""
        stage: int | None = None
        """which of the recipe's stages, -1: the last; none: all"""

    recipe, _ = load_recipe(config)
    options = parse(
        Compile,
        flags,
        f"compile {config}",
        "Compiles a recipe's steps for a slice that is not here.",
        Compile(recipe, "", Path("compiled")),
    )
    from gaxjax.bench.targets import executables, report, topology

    target = topology.parse_target(options.target)
    stages = () if options.stage is None else (options.stage,)
    report.check_stages(options.recipe, stages)
    topology.configure_compilers()
    for number, path in executables.keep_executables(options.recipe, target, options.out, stages):
        print(f"stage {number}: {path}, {path.stat().st_size / 2**20:,.1f} MiB")
    environment = executables.ENVIRONMENT.format(folder=options.out)
    print(f"on {target}, with the same packages: {environment} gaxjax train {config}")
