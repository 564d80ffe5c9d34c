"""gaxjax bench CONFIG[:name] [--devices N] [--stage K] [--calls N] [--memory] [--any.field value]"""

import dataclasses
from typing import Annotated

import tyro

from gaxjax.cli.parsing import parse, recipe_argument


def main(arguments: list[str]) -> None:
    """Prints how fast a recipe trains here, or what its step needs of memory."""
    target, flags = recipe_argument(arguments, "bench CONFIG[:name]")
    from gaxjax.recipe import Recipe
    from gaxjax.recipe.serialization import load_recipe

    @dataclasses.dataclass  # here, not above: see train.py
    class Bench:
        recipe: Annotated[Recipe, tyro.conf.arg(name="")]
        devices: int = 0
        """how many are used; 0: all there are (on the CPU that is one, and more are parts of it)"""
        stage: int = -1
        """which of the recipe's stages; -1: the last"""
        calls: int = 20
        """that are timed"""
        memory: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
        """only tell what the compiled step needs of memory, and run nothing"""
        sides: tuple[int, ...] = ()
        """with --memory: shorter sides of images; none: the recipe's"""
        batch_sizes: tuple[int, ...] = ()
        """with --memory: examples of a minibatch; none: the recipe's"""

    recipe, _ = load_recipe(target)
    options = parse(Bench, flags, f"bench {target}", "How fast a recipe trains here.", Bench(recipe))
    from gaxjax.parallel.configure import configure_jax

    # After the flags, which say how many devices: what is parsed above touches none.
    configure_jax(options.devices)
    from gaxjax.bench import footprint
    from gaxjax.bench import speed as bench

    if options.memory:
        print(footprint.report(options.recipe, options.sides, options.batch_sizes))
    else:
        print(bench.bench(options.recipe, options.stage, options.calls))
