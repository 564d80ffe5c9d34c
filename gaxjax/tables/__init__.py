"""Tables: each module trains what a table compares, and writes it with its pictures.

A module of this package has `make(out, ...) -> str`: writes into the directory `out`, where what is finished
is not trained again, and returns the table as Markdown. Its keyword arguments are the command's options.
"""

import importlib
from collections.abc import Callable
from typing import Any

from gaxjax.errors import InputError

NAMES = (
    "goodfellow2014",
    "mirza2014",
    "chen2016",
    "isola2017",
    "ledig2017",
    "liu2016",
    "lucic2018",
    "metz2017",
    "nie2020",
    "odena2016",
    "salimans2016",
    "tulyakov2018",
    "zhu2017",
    "stylegan-ladder",
    "stylegan-mixing",
    "toys",
    "objectives",
    "theory",
)


def find_table(name: str) -> Callable[..., str]:
    """The `make` of the table of that name."""
    if name not in NAMES:
        raise InputError(f"unknown table {name!r}; known: {', '.join(NAMES)}")
    return import_table(name).make


def list_tables() -> str:
    """Every table with the first line of its docstring."""
    return "\n".join(f"  {name:16}{str(import_table(name).__doc__).splitlines()[0]}" for name in NAMES)


def import_table(name: str) -> Any:
    """The module of a table."""
    # A command's names have hyphens, modules cannot.
    return importlib.import_module(f"gaxjax.tables.{name.replace('-', '_')}")
