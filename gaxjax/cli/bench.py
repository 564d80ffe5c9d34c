"""gaxjax bench CONFIG[:name] [--devices N] [--stage K] [--memory | --target T] [--any.field value]"""

import dataclasses
from typing import Annotated, Any

import tyro

from gaxjax.cli.parsing import parse, recipe_argument


def main(arguments: list[str]) -> None:
    """Prints how fast a recipe trains here, what its step needs of memory, or what it costs elsewhere."""
    target, flags = recipe_argument(arguments, "bench CONFIG[:name]")
    from gaxjax.recipe import Recipe
    from gaxjax.recipe.serialization import load_recipe

    @dataclasses.dataclass  # here, not above: see train.py
    class Bench:
        recipe: Annotated[Recipe, tyro.conf.arg(name="")]
        devices: int = 0
        """how many are used; 0: all there are (on the CPU that is one, and more are parts of it)"""
        stage: int | None = None
        """which of the recipe's stages, -1: the last; none: the last, with --target all"""
        calls: int = 20
        """that are timed"""
        memory: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
        """only tell what the compiled step needs of memory, and run nothing"""
        sides: tuple[int, ...] = ()
        """with --memory: shorter sides of images; none: the recipe's"""
        batch_sizes: tuple[int, ...] = ()
        """with --memory: examples of a minibatch; none: the recipe's"""
        target: str = ""
        """cost the step on chips that are not here and run nothing: v5e:16x16, v4:2x2x1, h100, h100:8"""
        side: int = 0
        """with --target: shorter side of the images; 0: the recipe's"""
        largest: bool = True
        """with --target: search the largest batch that fits, which compiles a few times more"""

    recipe, _ = load_recipe(target)
    options = parse(Bench, flags, f"bench {target}", "How fast a recipe trains here.", Bench(recipe))
    from gaxjax.parallel.configure import configure_jax

    if options.target:
        print(cost_elsewhere(options))
        return
    # After the flags, which say how many devices: what is parsed above touches none.
    configure_jax(options.devices)
    from gaxjax.bench import footprint
    from gaxjax.bench import speed as bench

    if options.memory:
        print(footprint.report(options.recipe, options.sides, options.batch_sizes))
    else:
        print(bench.bench(options.recipe, -1 if options.stage is None else options.stage, options.calls))


def cost_elsewhere(options: Any) -> str:
    """The report of `--target`."""
    from gaxjax.bench.targets import report, topology

    target = topology.parse_target(options.target)
    topology.configure_compilers()
    recipe, spec = topology.prepare(options.recipe, options.side)
    stages = () if options.stage is None else (options.stage,)
    return report.report(recipe, spec, target, stages, options.largest)
