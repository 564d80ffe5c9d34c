"""Edits: what is done with a trained game's latents and styles, one file each.

A module that is named here has a class of that name, capitalized, an `Edit`: its fields are the command's
options, its `draw` makes the picture and says which latents it used.
"""

import importlib
from typing import Any

from gaxjax.errors import InputError

NAMES = ("mix", "interpolate", "noise", "project", "arithmetic", "directions", "traverse", "nearest")


def find_edit(name: str) -> Any:
    """The class of the edit of that name: `mix.Mix`, and so on."""
    if name not in NAMES:
        raise InputError(f"unknown edit {name!r}; known: {', '.join(NAMES)}")
    # Imported when asked for: directions takes scikit-learn along, project tqdm.
    return getattr(importlib.import_module(f"gaxjax.generators.edits.{name}"), name.capitalize())


def list_edits() -> str:
    """Every edit with the first line of its docstring."""
    modules = {name: importlib.import_module(f"gaxjax.generators.edits.{name}") for name in NAMES}
    return "\n".join(f"  {name:16}{str(module.__doc__).splitlines()[0]}" for name, module in modules.items())
