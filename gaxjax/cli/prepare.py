"""gaxjax prepare NAME [--directory DIR]"""

import dataclasses
from typing import Annotated

import tyro

from gaxjax.cli.parsing import parse


@dataclasses.dataclass(frozen=True)
class Prepare:
    """Prepares a tensorflow-datasets set."""

    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """of the set, such as mnist"""
    directory: Annotated[str, tyro.conf.arg(help_behavior_hint="(default: tfds' own)")] = ""
    """where sets are kept"""


def main(arguments: list[str]) -> None:
    """Makes a set readable, once."""
    options = parse(Prepare, arguments, "prepare")
    # No `configure_jax`: the set is written by tensorflow-datasets, and nothing is computed.
    from gaxjax.data import prepare

    prepare(options.name, options.directory)
