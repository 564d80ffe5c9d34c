"""Edits: what is done with a trained game's latents and styles, one file each.

A module that is named here has a class of that name, capitalized, an `Edit`: its fields are the command's
options, its `draw` makes the picture and says which latents it used.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gaxjax.errors import InputError

NAMES = ("mix", "interpolate", "noise", "project", "arithmetic", "directions")


def named(name: str) -> Any:
    """The class of the edit of that name: `mix.Mix`, and so on."""
    if name not in NAMES:
        raise InputError(f"unknown edit {name!r}; known: {', '.join(NAMES)}")
    return getattr(importlib.import_module(f"gaxjax.edit.{name}"), name.capitalize())


def listing() -> str:
    """Every edit with the first line of its docstring."""
    modules = {name: importlib.import_module(f"gaxjax.edit.{name}") for name in NAMES}
    return "\n".join(f"  {name:16}{str(module.__doc__).splitlines()[0]}" for name, module in modules.items())


def main(arguments: Sequence[str]) -> None:
    """gaxjax edit DIR NAME [--any-option value]; help is given without a run, too: gaxjax edit NAME --help"""
    usage = f"gaxjax edit DIR NAME [--help], NAME one of {', '.join(NAMES)}"
    first, *rest = [*arguments, "--help"] if len(arguments) < 2 else arguments
    if first in ("-h", "--help") or (rest == ["--help"] and first not in NAMES):
        print(f"gaxjax edit DIR NAME [--help]\n\n{listing()}")
        return
    if first in NAMES and rest[0] in ("-h", "--help"):
        first, rest = "DIR", [first, *rest]
    if first.startswith("-") or rest[0].startswith("-"):
        raise InputError(f"usage: {usage}")
    import tyro

    asked = tyro.cli(named(rest[0]), args=rest[1:], prog=f"gaxjax edit {first} {rest[0]}")
    from gaxjax.edit.edit import perform

    for line in perform(Path(first), asked):
        print(line)
