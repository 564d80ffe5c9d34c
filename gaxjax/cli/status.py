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
    for directory in options.directories:
        for run in find_runs(directory):
            print(read_status(run).describe())
