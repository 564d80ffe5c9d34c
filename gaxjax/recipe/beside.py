"""Modules beside a recipe file, which it imports as a script would: found with it, and kept with its run."""

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from gaxjax.files import write_bytes

MODULES = "modules"
"""The folder of a run that holds its recipe file's modules."""
_imported: dict[Path, dict[str, Path]] = {}
"""Folder -> what was imported from it: module -> file."""


def folder_of(config: Path) -> Path:
    """Where a recipe file's own modules are: beside it; those of a run's config.py in a folder of theirs."""
    folder = config.resolve().parent
    return folder / MODULES if (folder / "recipe.json").is_file() else folder


@contextlib.contextmanager
def importing_from(folder: Path) -> Iterator[None]:
    """Imports look in that folder first.

    Modules of other recipes' folders are forgotten: another's may have the same name.
    """
    for other, modules in _imported.items():
        for name in modules if other != folder else ():
            if getattr(sys.modules.get(name), "__file__", None) == str(modules[name]):
                del sys.modules[name]
    # The import system knows folders by their times, which a file of this second may not have changed.
    importlib.invalidate_caches()
    bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # the folder may be a run's
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # the recipe may have changed the path itself
            sys.path.remove(str(folder))
        sys.dont_write_bytecode = bytecode
        _imported[folder] = imported_modules(folder)


def imported_modules(folder: Path) -> dict[str, Path]:
    """The modules that were found in a folder, and their files; not this package, should it lie there."""
    modules: dict[str, Path] = {}
    for name, module in sys.modules.copy().items():
        file = getattr(module, "__file__", None) or ""
        if file.startswith(f"{folder}{os.sep}") and name.partition(".")[0] not in ("gaxjax", "__main__"):
            parts = Path(file).relative_to(folder).with_suffix("").parts
            # Found as a module of this folder: a file below it may be of a package that was found elsewhere.
            if ".".join(parts).removesuffix(".__init__") == name:
                modules[name] = Path(file)
    return modules


def copy_modules(config: Path, workdir: Path) -> None:
    """Copies into a run what its recipe file has imported from beside it, for the run to be read anywhere."""
    folder = folder_of(config)
    for file in _imported.get(folder, {}).values():
        write_bytes(workdir / MODULES / file.relative_to(folder), file.read_bytes())
