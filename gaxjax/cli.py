"""The command line: gaxjax train | sample | edit | evaluate | show | bench | table | classifier | prepare."""

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

USAGE = """gaxjax: generative adversarial networks, as pure functions

  gaxjax train CONFIG.py[:name] --workdir DIR [--any.field value] [--dry-run]
  gaxjax train CONFIG.py --help        every field of the recipe and its networks
  gaxjax show CONFIG.py[:name]         parameters per network, the recipe resolved
  gaxjax bench CONFIG.py[:name] [--devices N] [--any.field value]   how fast it trains here, and why
  gaxjax bench CONFIG.py[:name] --memory --sides 64 128   what its step needs of memory
  gaxjax sample DIR --n 64 --out grid.png
  gaxjax sample DIR --seeds 0-63 --psi 0.7   a picture of these latents, and the latents
  gaxjax edit DIR NAME [--help]        mixes styles, interpolates, projects an image; without NAME, lists more
  gaxjax evaluate DIR --metrics fid,kid [--features inception --level 768 --n 10000 --split test]
  gaxjax evaluate --images FAKE REAL --metrics fid   two folders of images
  gaxjax classifier NAME               trains the features that need no download, once
  gaxjax table NAME --out DIR          trains what a table compares, and writes it; without NAME, lists them
  gaxjax prepare NAME [--directory DIR]   make a tensorflow-datasets set readable, once
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0, 1 for a run that stopped, 2 for what cannot be done.

    It is 3 (`errors.GONE`) for a run of several processes one of which is gone.
    """
    from gaxjax import processes

    status = run([with_home(word) for word in (sys.argv[1:] if arguments is None else arguments)])
    processes.leave(status)
    return status


def run(arguments: list[str]) -> int:
    """The same for a process alone."""
    from gaxjax import processes
    from gaxjax.errors import Diverged, InputError, Interrupted, Unwritable, brief

    commands = {
        "train": train,
        "show": show,
        "bench": bench,
        "sample": sample,
        "edit": edit,
        "evaluate": evaluate,
        "table": table,
        "classifier": classifier,
        "prepare": prepare,
    }
    helpless = ("-h", "--help", "train -h", "train --help", "show -h", "show --help")  # without a recipe
    if not arguments or " ".join(arguments) in helpless:
        print(USAGE)
        return 0 if arguments else 2
    if arguments[0] not in commands:
        print(f"error: unknown command {arguments[0]!r}; known: {', '.join(commands)}", file=sys.stderr)
        return 2
    try:
        with processes.ending():
            commands[arguments[0]](arguments[1:])
        return 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (Diverged, Unwritable) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        return 128 + stop.signal
    except KeyboardInterrupt:  # before the loop, where there is nothing to save, or after it
        return 130
    except OSError as error:
        print(f"error: {brief(error)}", file=sys.stderr)
        return 2
    except (RuntimeError, AssertionError):
        from gaxjax.configure import has_device

        if has_device():
            raise
        asked = os.environ.get("JAX_PLATFORMS", "")
        advice = f"JAX_PLATFORMS is {asked!r}: unset it, or make it cpu"
        print(f"error: JAX finds no device, and {advice}", file=sys.stderr)
        return 2


def train(arguments: list[str]) -> None:
    """gaxjax train CONFIG.py[:name] --workdir DIR [--any.field value] [--dry-run]"""
    import tyro

    from gaxjax.recipe import Recipe

    target, flags = first_argument(arguments, "train CONFIG.py[:name] --workdir DIR")
    recipe, path = load(target)

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
        decode: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
        """with --dry-run: decode every image too, also of a set that is too large to be kept"""

    description = sys.modules[CONFIG].__doc__
    chosen = parse(Train, Train(recipe), flags, f"gaxjax train {target}", description)
    from gaxjax.configure import configure_jax

    configure_jax(workdir=chosen.workdir)
    from gaxjax.errors import InputError

    if chosen.dry_run:
        from gaxjax.record import check_run
        from gaxjax.show import outline

        if chosen.restart:
            raise InputError("--restart is for a run; a --dry-run begins none: leave one of them out")
        if chosen.workdir is not None:
            check_run(chosen.workdir, chosen.recipe)
        print(outline(chosen.recipe, chosen.decode))
        return
    if chosen.decode:
        raise InputError("--decode goes with --dry-run: it looks at every image and trains nothing")
    if chosen.workdir is None:
        raise InputError("say where the run is kept: --workdir DIR")
    from gaxjax.train import train

    picture = train(chosen.recipe, chosen.workdir, path, chosen.restart)
    if picture:
        print(f"samples: {picture}")


def show(arguments: list[str]) -> None:
    """gaxjax show CONFIG.py[:name] [--any.field value]"""
    from gaxjax.plain import describe
    from gaxjax.recipe import Recipe

    target, flags = first_argument(arguments, "show CONFIG.py[:name]")
    recipe, _ = load(target)
    recipe = parse(Recipe, recipe, flags, f"gaxjax show {target}", None)
    from gaxjax.configure import configure_jax

    configure_jax()
    from gaxjax.data import open_source
    from gaxjax.show import parameters

    print(parameters(recipe, open_source(recipe.data).spec))
    print(json.dumps(describe(recipe), indent=2))


def bench(arguments: list[str]) -> None:
    """gaxjax bench CONFIG.py[:name] [--devices N] [--stage K] [--calls N] [--memory] [--any.field value]"""
    import tyro

    from gaxjax.recipe import Recipe

    target, flags = first_argument(arguments, "bench CONFIG.py[:name]")
    recipe, _ = load(target)

    @dataclasses.dataclass
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

    chosen = parse(Bench, Bench(recipe), flags, f"gaxjax bench {target}", "How fast a recipe trains here.")
    from gaxjax.configure import configure_jax

    configure_jax(chosen.devices)
    from gaxjax import bench, footprint

    if chosen.memory:
        print(footprint.report(chosen.recipe, chosen.sides, chosen.batch_sizes))
    else:
        print(bench.bench(chosen.recipe, chosen.stage, chosen.calls))


def sample(arguments: list[str]) -> None:
    """gaxjax sample DIR [--n 64] [--seed 0] | [--seeds 0-63] [--out grid.png] [--psi 0.7] [--cutoff 8]"""
    parser = argparse.ArgumentParser("gaxjax sample", description="Samples from a run's last checkpoint.")
    parser.add_argument("workdir", type=Path, help="directory of a run")
    parser.add_argument("--n", type=int, help="how many (default: 64)")
    parser.add_argument("--out", type=Path, default=Path("grid.png"), help="picture (default: grid.png)")
    parser.add_argument("--seed", type=int, help="of the latents (default: 0)")
    seeds = "one for each latent, such as 0-63,70, in place of --n and --seed; the latents are kept beside it"
    parser.add_argument("--seeds", help=seeds)
    parser.add_argument("--psi", default="1", help="truncation of styles: a number, or one for each layer")
    parser.add_argument("--cutoff", type=int, help="layers that are truncated (default: all)")
    parser.add_argument("--label", type=int, help="with --seeds: class of a conditional game (default: 0)")
    chosen = parser.parse_args(arguments)
    from gaxjax.configure import configure_jax

    configure_jax()
    from gaxjax.errors import InputError

    if chosen.seeds is not None:
        from gaxjax.edit.samples import sample as sample_seeds

        if chosen.n is not None or chosen.seed is not None:
            raise InputError("--seeds names every latent: leave --n and --seed out")
        options = {name: getattr(chosen, name) for name in ("seeds", "out", "psi", "cutoff", "label")}
        picture: str | Path = sample_seeds(chosen.workdir, **options)
    else:
        from gaxjax.generate import generate
        from gaxjax.truncation import psi_of

        if chosen.label is not None:
            raise InputError("--label goes with --seeds: without them, samples are of every class")
        n, seed = 64 if chosen.n is None else chosen.n, chosen.seed or 0
        picture = generate(chosen.workdir, n, chosen.out, seed, psi_of(chosen.psi), chosen.cutoff)
    print(f"samples: {picture}")


def edit(arguments: list[str]) -> None:
    """gaxjax edit DIR NAME [--any-option value]"""
    from gaxjax.configure import configure_jax

    configure_jax()
    from gaxjax.edit import main

    main(arguments)


def evaluate(arguments: list[str]) -> None:
    """gaxjax evaluate DIR [--metrics fid,kid] [...], gaxjax evaluate --images FAKE REAL [...]"""
    import tyro

    from gaxjax.evaluation import Evaluation

    @dataclasses.dataclass
    class Evaluate:
        evaluation: Annotated[Evaluation, tyro.conf.arg(name="")]
        images: Annotated[tuple[Path, Path] | None, tyro.conf.arg(metavar="FAKE REAL")] = None
        """two folders of images, in place of a run"""
        checkpoint: Literal["last", "best"] = "last"
        """of the run"""
        data_directory: str = ""
        """where the data are, if not where the run found them"""

    workdir, flags = None, arguments
    if arguments and not arguments[0].startswith("-"):
        workdir, flags = Path(arguments[0]), arguments[1:]
    default = Evaluation(metrics="fid")
    if workdir and (workdir / "recipe.json").exists():
        from gaxjax.record import read_run

        stored = read_run(workdir).evaluation
        default = dataclasses.replace(stored, best="") if stored.metrics else default
    program = f"gaxjax evaluate {workdir or '(DIR | --images FAKE REAL)'}"
    asked = parse(Evaluate, Evaluate(default), flags, program, "Measures a run, or a folder of images.")
    from gaxjax.configure import configure_jax

    configure_jax()
    from gaxjax.errors import InputError
    from gaxjax.evaluate import evaluate_folders, evaluate_run

    if asked.images and workdir is None:
        fake, real = asked.images
        results = evaluate_folders(fake, real, asked.evaluation)
    elif workdir and asked.images is None:
        best = asked.checkpoint == "best"
        results = evaluate_run(workdir, asked.evaluation, best, asked.data_directory)
    else:
        raise InputError("say what is measured: gaxjax evaluate DIR, or gaxjax evaluate --images FAKE REAL")
    for result in results:
        print(result)


def classifier(arguments: list[str]) -> None:
    """gaxjax classifier NAME [--data-directory DIR]"""
    from gaxjax.configure import configure_jax

    configure_jax()
    from gaxjax.features.classifier import main

    main(arguments)


def table(arguments: list[str]) -> None:
    """gaxjax table [NAME] [--out DIR] [--any-option value]"""
    import functools

    import tyro

    from gaxjax import tables

    if not arguments or arguments[0] in ("-h", "--help"):
        print(f"gaxjax table NAME [--out DIR] [--help]\n\n{tables.listing()}")
        return
    name, flags = first_argument(arguments, "table NAME [--out DIR]")
    make = functools.partial(tables.named(name), out=Path("tables") / name)
    from gaxjax.configure import configure_jax

    configure_jax()
    print(tyro.cli(make, args=flags, prog=f"gaxjax table {name}"))


def prepare(arguments: list[str]) -> None:
    """gaxjax prepare NAME [--directory DIR]"""
    parser = argparse.ArgumentParser("gaxjax prepare", description="Prepares a tensorflow-datasets set.")
    parser.add_argument("name", help="of the set, such as mnist")
    parser.add_argument("--directory", default="", help="where sets are kept (default: tfds' own)")
    chosen = parser.parse_args(arguments)
    from gaxjax.data import prepare

    prepare(chosen.name, chosen.directory)


CONFIG = "gaxjax_config"


def load(target: str) -> Any:
    """The recipe that the command names, and its file."""
    from gaxjax.plain import load_recipe

    return load_recipe(target)


def parse(kind: Any, default: Any, flags: list[str], program: str, description: str | None) -> Any:
    """The flags over the recipe. An InputError from a field's own check stays one."""
    import tyro

    config, text = (tyro.conf.AvoidSubcommands,), description or ""
    return tyro.cli(kind, default=default, args=flags, prog=program, description=text, config=config)


def first_argument(arguments: list[str], usage: str) -> tuple[str, list[str]]:
    """The recipe that a command begins with, and the flags after it."""
    from gaxjax.errors import InputError

    if not arguments or arguments[0].startswith("-"):
        raise InputError(f"usage: gaxjax {usage}")
    return arguments[0], arguments[1:]


def with_home(word: str) -> str:
    """An argument with a path's ~ as the home directory, also where a shell leaves it: `--workdir=~/run`."""
    flag, equals, value = word.partition("=")
    if equals and flag.startswith("--"):
        return f"{flag}={os.path.expanduser(value)}"
    return os.path.expanduser(word)


if __name__ == "__main__":
    sys.exit(main())
