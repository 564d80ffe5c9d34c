"""Recipes as JSON and back, and recipe files: configurations are dataclasses of plain data, or modules."""

import dataclasses
import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

from gaxjax.errors import InputError
from gaxjax.recipe import Recipe
from gaxjax.recipe.beside import MODULES, folder_of, importing_from
from gaxjax.recipe.catalog import locate

CONFIG = "gaxjax_config"
"""The name under which a recipe file is imported; classes of its own are stored under it."""
NOT_PART_OF_EXAMPLES = {"directory", "strict", "workers", "memory", "resident"}
"""Fields of `Data` that say where and how images are read, and not what they are."""
NOT_PART_OF_TRAINING = {f"data.{name}" for name in NOT_PART_OF_EXAMPLES} | {
    "steps_per_call",
    "evaluation",
    "evaluation_kimg",
    "keep",
    "keep_kimg",
    "keep_hours",
    "log",
    "sentinel.largest_loss",
}
"""Paths of fields that change no number of the training, and so may change between two starts of a run: how
data are read, how steps are sent off, what is measured, what is kept, who is told of it, what loss stops it.
"""


def load_recipe(target: Path | str) -> tuple[Recipe, Path]:
    """The recipe `NAME` or `NAME:variant` of those that come with gaxjax, or at `FILE.py`, and its file.

    Without a variant it is the one that the file calls recipe.
    """
    path, variant = locate(str(target))
    recipes = {key: value for key, value in vars(import_file(path)).items() if isinstance(value, Recipe)}
    if variant not in recipes:
        raise InputError(f"{path} has no recipe {variant!r}; it has {', '.join(recipes) or 'none'}")
    return recipes[variant], path


def import_file(path: Path) -> Any:
    """Runs a recipe file as the module `gaxjax_config`; it may import the files beside it."""
    spec = importlib.util.spec_from_file_location(CONFIG, path)
    if spec is None:
        raise InputError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Before it runs, for a dataclass looks for its module there.
    sys.modules[CONFIG] = module
    try:
        with importing_from(folder_of(path)):
            # Compiled here, for a loader would leave its bytecode in the folder, which may be a run's.
            exec(compile(path.read_bytes(), path, "exec"), vars(module))
    except SyntaxError as error:
        raise InputError(f"{error.filename}, line {error.lineno}: {error.msg}") from error
    except ImportError as error:
        raise InputError(f"{path} cannot be imported: {error}") from error
    return module


def fields_of(value: Any) -> dict[str, Any]:
    """The fields of a dataclass or a linen module that say what it is."""
    # flax's own fields of any module: where it is in another one, and what it is called there.
    hidden = {"parent", "name"} if hasattr(value, "unbind") else set()
    return {
        f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init and f.name not in hidden
    }


def describe(value: Any) -> Any:
    """As JSON: a dataclass is an object with its class under "class".

    >>> from gaxjax.latents import Latents
    >>> describe(Latents(2))
    {'class': 'gaxjax.latents:Latents', 'size': 2, 'prior': 'normal', 'bound': 1.0, 'name': ''}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {name: describe(inner) for name, inner in fields_of(value).items()}
        return {"class": public_path(type(value)), **fields}
    if isinstance(value, dict):
        return {str(key): describe(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [describe(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InputError(f"a recipe holds plain data alone (numbers, strings, tuples, modules); got {value!r}")


def public_path(kind: type) -> str:
    """Where a class is found by its users, which stays when a file is moved or divided: PACKAGE:NAME.

    That of the package around its module, where that gives the class by name; else the module's own.

    >>> from gaxjax.solvers import Alternating
    >>> public_path(Alternating), Alternating.__module__
    ('gaxjax.solvers:Alternating', 'gaxjax.solvers.values')
    """
    package = kind.__module__.rpartition(".")[0]
    # Not the top: its names are of modules of this one, which are as public.
    if package.count(".") and getattr(importlib.import_module(package), kind.__name__, None) is kind:
        return f"{package}:{kind.__qualname__}"
    return f"{kind.__module__}:{kind.__qualname__}"


def rebuild(value: Any, config: Path | None = None) -> Any:
    """The inverse of `describe`; `config` is the recipe file, for classes that it defines or finds itself."""
    if config is None:
        return _rebuild(value)
    # Only for classes of the file or of what lies beside it: most recipes need none of its code.
    if f'"{CONFIG}:' in json.dumps(value) or (config.parent / MODULES).is_dir():
        import_file(config)
    with importing_from(folder_of(config)):
        return _rebuild(value)


def _rebuild(value: Any) -> Any:
    if isinstance(value, list):
        # Recipes have tuples, which JSON has as lists: modules of flax must be hashable.
        return tuple(_rebuild(inner) for inner in value)
    if not isinstance(value, dict):
        return value
    fields = {key: _rebuild(inner) for key, inner in value.items() if key != "class"}
    if "class" not in value:
        return fields
    module, _, name = value["class"].partition(":")
    try:
        return getattr(importlib.import_module(module), name)(**fields)
    except (ImportError, AttributeError, TypeError) as error:
        raise InputError(
            f"the stored recipe needs {value['class']} with {sorted(fields)}: {error}"
        ) from error


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """The fields in which two described recipes differ, a line each."""
    if isinstance(old, list):
        old = dict(enumerate(old))
    if isinstance(new, list):
        new = dict(enumerate(new))
    if isinstance(old, dict) and isinstance(new, dict) and (old or new):
        lines = []
        # In the order of the fields; one that only one of them has is None in the other.
        for key in dict.fromkeys([*old, *new]):
            inner = f"{path}.{key}" if path else str(key)
            if inner not in NOT_PART_OF_TRAINING:
                lines += differences(old.get(key), new.get(key), inner)
        return lines
    return [] if old == new else [f"{path}: {old!r} there, {new!r} asked for"]
