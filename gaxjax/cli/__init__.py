"""The command line: gaxjax train | sample | translate | edit | evaluate | show | bench | table | ... .

Each verb is a module of its name, whose `main` takes the arguments after it. What is slow to import, JAX
before all, is imported there, where the arguments allow it only after they were read.
"""

import importlib
import os
import sys
from collections.abc import Sequence

USAGE = """gaxjax: generative adversarial networks, as pure functions

  gaxjax train CONFIG[:name] --workdir DIR [--any.field value] [--dry-run]
  gaxjax train CONFIG --help           every field of the recipe and its networks
  gaxjax train --list                  the recipes that come with gaxjax
  gaxjax status DIR...                 how far runs are, how fast, who is at them, what stopped them
  gaxjax show CONFIG[:name]            parameters per network, the recipe resolved
  gaxjax bench CONFIG[:name] [--devices N] [--any.field value]   how fast it trains here, and why
  gaxjax bench CONFIG[:name] --memory --sides 64 128   what its step needs of memory
  gaxjax bench CONFIG[:name] --target v5e:16x16   what it costs on chips that are not here
  gaxjax compile CONFIG[:name] --target v5e:16x16 --out DIR   its programs for them, before they are here
  gaxjax sample DIR --n 64 --out grid.png
  gaxjax sample DIR --seeds 0-63 --psi 0.7   a picture of these latents, and the latents
  gaxjax translate DIR IMAGES... --out OUT   images as a run's game translates them, and a page of them
  gaxjax edit DIR NAME [--help]        mixes styles, interpolates, projects an image; without NAME, lists more
  gaxjax evaluate DIR --metrics fid,kid [--features inception --level 768 --n 10000 --split test]
  gaxjax evaluate --images FAKE REAL --metrics fid   two folders of images, or with a --shape of clips
  gaxjax classifier NAME               trains the features that need no download, once
  gaxjax table NAME --out DIR          trains what a table compares, and writes it; without NAME, lists them
  gaxjax table NAME --workers ray | slurm | local:4   its runs as tasks of a cluster, or of processes here
  gaxjax prepare NAME [--directory DIR]   make a tensorflow-datasets set readable, once

CONFIG is the name of a recipe that comes with gaxjax, such as quickstart, or a file of your own: FILE.py
"""
VERBS = (
    "train",
    "status",
    "show",
    "bench",
    "compile",
    "sample",
    "translate",
    "edit",
    "evaluate",
    "table",
    "classifier",
    "prepare",
)
OF_A_RECIPE = ("train", "show", "bench", "compile")
"""Whose flags depend on the recipe: without one their help is the usage."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0, 1 for a run that stopped, 2 for what cannot be done.

    It is 3 (`errors.EXIT_PEER_LOST`) for a run of several processes one of which is gone.
    """
    from gaxjax.parallel import processes

    status = run_command([with_home(word) for word in (sys.argv[1:] if arguments is None else arguments)])
    # After the message: an error of this process alone ends it here, before JAX's exit, which waits.
    processes.leave(status)
    return status


def run_command(arguments: list[str]) -> int:
    """The same for a process alone."""
    from gaxjax.errors import Diverged, InputError, Interrupted, RunsFailed, Unwritable, summarize_error
    from gaxjax.parallel import processes

    if not arguments or asks_for_usage(arguments):
        print(USAGE)
        return 0 if arguments else 2
    # Looked up by name and imported only then: each has imports of its own, and none should wait for all.
    verb, *rest = arguments
    if verb not in VERBS:
        print(f"error: unknown command {verb!r}; known: {', '.join(VERBS)}", file=sys.stderr)
        return 2
    try:
        with processes.note_own_failure():
            importlib.import_module(f"gaxjax.cli.{verb}").main(rest)
        return 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (Diverged, RunsFailed, Unwritable) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        # As a shell has it of a program that the signal ended.
        return 128 + stop.signal
    except KeyboardInterrupt:  # before the loop, where there is nothing to save, or after it
        return 130
    except OSError as error:
        print(f"error: {summarize_error(error)}", file=sys.stderr)
        return 2
    except (RuntimeError, AssertionError):
        from gaxjax.parallel.configure import has_device

        # JAX says in several ways, by both of these errors, that there is no device; all others are defects,
        # and their traceback is wanted.
        if has_device():
            raise
        platforms = os.environ.get("JAX_PLATFORMS", "")
        advice = f"JAX_PLATFORMS is {platforms!r}: unset it, or make it cpu"
        print(f"error: JAX finds no device, and {advice}", file=sys.stderr)
        return 2


def asks_for_usage(arguments: Sequence[str]) -> bool:
    """Whether help is asked for that needs nothing read.

    >>> asks_for_usage(["-h"]), asks_for_usage(["train", "--help"]), asks_for_usage(["sample", "--help"])
    (True, True, False)
    """
    *before, last = arguments
    return last in ("-h", "--help") and (not before or (len(before) == 1 and before[0] in OF_A_RECIPE))


def with_home(word: str) -> str:
    """An argument with a path's ~ as the home directory, also where a shell leaves it: `--workdir=~/run`."""
    flag, equals, value = word.partition("=")
    # A shell expands ~ only at the beginning of a word.
    if equals and flag.startswith("--"):
        return f"{flag}={os.path.expanduser(value)}"
    return os.path.expanduser(word)
