"""gaxjax status DIR..."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from gaxjax.cli.parsing import parse


@dataclasses.dataclass(frozen=True)
class StatusOf:
    """How far runs are, how fast, who is at them, and what stopped them."""

    directories: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="DIR...")]
    """directories of runs, or folders of them"""


def main(arguments: list[str]) -> None:
    """Prints a line for each run; touches no device, and writes nothing."""
    from gaxjax.errors import InputError
    from gaxjax.runs.status import find_runs, read_status

    options = parse(StatusOf, arguments, "status")
    if not options.directories:
        raise InputError("usage: gaxjax status DIR...")
    runs = [run for directory in options.directories for run in find_runs(directory)]
    damaged = 0
    for run in runs:
        try:
            print(read_status(run).describe())
        except InputError as error:
            if len(runs) == 1:
                raise
            # The others are told of all the same.
            print(f"{run}: {error}")
            damaged += 1
    if damaged:
        raise InputError(f"{damaged} of {len(runs)} runs cannot be read: see their lines above")
