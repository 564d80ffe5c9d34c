"""Tables: each module trains what a table compares, and writes it with its pictures.

A module of this package has `make(out, ...) -> str`: writes into the directory `out`, where what is finished
is not trained again, and returns the table as Markdown. Its keyword arguments are the command's options.
"""

import importlib
from collections.abc import Callable

from gaxjax.errors import InputError

NAMES = ("goodfellow2014", "lucic2018", "metz2017", "toys", "objectives", "theory")


def named(name: str) -> Callable[..., str]:
    """The `make` of the table of that name."""
    if name not in NAMES:
        raise InputError(f"unknown table {name!r}; known: {', '.join(NAMES)}")
    return importlib.import_module(f"gaxjax.tables.{name}").make


def listing() -> str:
    """Every table with the first line of its docstring."""
    modules = {name: importlib.import_module(f"gaxjax.tables.{name}") for name in NAMES}
    return "\n".join(f"  {name:16}{str(module.__doc__).splitlines()[0]}" for name, module in modules.items())
