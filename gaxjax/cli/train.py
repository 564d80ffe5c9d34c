"""gaxjax train CONFIG[:name] --workdir DIR [--any.field value] [--dry-run]; gaxjax train --list"""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Any

import tyro

from gaxjax.cli.parsing import parse, recipe_argument
from gaxjax.errors import InputError
from gaxjax.recipe import catalog


def main(arguments: list[str]) -> None:
    """Trains a recipe, or looks at all of it and trains nothing, or lists the recipes that there are."""
    if arguments == ["--list"]:  # alone: a recipe's own flags are its fields
        print(catalog.listing())
        return
    target, flags = recipe_argument(arguments, "train CONFIG[:name] --workdir DIR, or gaxjax train --list")
    options, path = read_options(target, flags)
    from gaxjax.parallel.configure import configure_jax

    configure_jax(workdir=options.workdir)  # joins the run's other processes, which tell of the workdir
    if options.dry_run:
        dry_run(options)
        return
    # Refused and not ignored: somebody expects every image to be looked at.
    if options.decode:
        raise InputError("--decode goes with --dry-run: it looks at every image and trains nothing")
    if options.workdir is None:
        raise InputError("say where the run is kept: --workdir DIR")
    from gaxjax.training.train import train

    picture = train(options.recipe, options.workdir, path, options.restart, options.profile)
    if picture:
        print(f"samples: {picture}")


def read_options(target: str, flags: list[str]) -> tuple[Any, Path]:
    """The options, with the recipe among them, and the recipe's file."""
    from gaxjax.recipe import Recipe
    from gaxjax.recipe.serialization import CONFIG, load_recipe

    # A class of its own for each call: its annotations are read, and the recipe's type brings JAX.
    @dataclasses.dataclass
    class Train:
        recipe: Annotated[Recipe, tyro.conf.arg(name="")]
        workdir: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
        """directory of the run: made, or resumed if it is there"""
        dry_run: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
        """check everything, say what would run, and write nothing"""
        restart: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
        """go on from what checkpoints are left, or begin again, where some were lost; what was recorded after
        them is kept in a folder before_restart_N of the run"""
        profile: int = 0
        """steps to write a JAX profile of, into the run's folder profile/, once they are compiled and warm"""
        decode: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
        """with --dry-run: decode every image too, also of a set that is too large to be kept"""

    recipe, path = load_recipe(target)
    description = sys.modules[CONFIG].__doc__
    return parse(Train, flags, f"train {target}", description, Train(recipe)), path


def dry_run(options: Any) -> None:
    """Checks all of it and says what would run."""
    from gaxjax.bench.parameters import outline
    from gaxjax.runs.record import check_run

    for name in ("restart", "profile"):
        if getattr(options, name):
            raise InputError(f"--{name} is for a run; a --dry-run begins none: leave one of them out")
    if options.workdir is not None:
        # Looked at, and not made.
        check_run(options.workdir, options.recipe)
    print(outline(options.recipe, options.decode))
