"""Where recipes are: those that come with gaxjax, by name (`quickstart`, `stylegan2:config_f`), and files.

The former are the folder configs, which is beside the package in a checkout and inside it where that was
installed. Nothing here runs a recipe, so that a list of them needs no JAX.
"""

import ast
import difflib
import os
import re
from pathlib import Path

from gaxjax.errors import InputError


def locate(target: str) -> tuple[Path, str]:
    """The file that `NAME`, `NAME:variant`, `FILE.py` or `FILE.py:variant` means, and the variant ("recipe").

    Raises InputError, with what is close to it, where there is none.
    """
    if is_path(target):
        file, variant = split_path(target)
        path = find_file(file)
    else:
        name, _, variant = target.partition(":")
        path = find_name(name)
    return path, variant or "recipe"


def is_path(target: str) -> bool:
    """Whether a target is a file, which has a separator or ends in .py; a name has neither.

    >>> is_path("mine.py:short"), is_path("./mine"), is_path("stylegan2:config_f")
    (True, True, False)
    """
    separators = {os.sep, os.altsep or os.sep}
    return not separators.isdisjoint(target) or bool(re.search("[.]py(:|$)", target))


def split_path(target: str) -> tuple[str, str]:
    """The file and the variant, which may be "", of a target that is a path."""
    if not Path(target).is_file():
        file, _, variant = target.rpartition(":")
        if file and (variant.isidentifier() or not variant):  # any other colon is the path's own
            return file, variant
    return target, ""


def find_file(file: str) -> Path:
    """The path of a file that is there."""
    path = Path(file)
    if not path.is_file():
        siblings = sorted(str(p) for p in path.parent.glob("*.py")) if path.parent.is_dir() else []
        close = difflib.get_close_matches(file, siblings, cutoff=0.3)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise InputError(f"no recipe file {file!r}{hint}")
    return path


def find_name(name: str) -> Path:
    """The file of a recipe that comes with gaxjax."""
    known = files()
    if name in known:
        return known[name]
    # First what lies here under that name, whose suffix was left out; then the same method on other data.
    own = [f"{name}.py"] if Path(f"{name}.py").is_file() else []
    akin = [other for other in known if other.partition("_")[0] == name.partition("_")[0]]
    close = list(dict.fromkeys([*own, *akin, *difflib.get_close_matches(name, known)]))
    hint = f" did you mean {' or '.join(close)}?" if close else ""
    advice = "gaxjax train --list shows the names, and a file of your own ends in .py"
    raise InputError(f"no recipe is named {name!r};{hint} {advice}")


def files() -> dict[str, Path]:
    """Name -> file, of the recipes that come with gaxjax."""
    return {path.stem: path for path in sorted(folder().glob("*.py"))}


def folder() -> Path:
    """Where they are."""
    package = Path(__file__).parents[1]
    # In it first: beside an installed package there may be any other folder of that name.
    for path in (package / "configs", package.parent / "configs"):
        if path.is_dir():
            return path
    raise InputError(f"{package} has no recipes in it, nor beside it: install gaxjax again")


def listing() -> str:
    """Each of them with the first line of its docstring, and its variants, which that has commands for."""
    lines = ["gaxjax train NAME[:variant] --workdir DIR", ""]
    for name, path in files().items():
        about = ast.get_docstring(ast.parse(path.read_bytes())) or ""
        # Every recipe has its command there, as a test makes sure.
        variants = re.findall(rf"gaxjax train {name}:(\w+)", about)
        lines.append(f"  {name:22}  {about.splitlines()[0] if about else ''}".rstrip())
        if variants:
            lines.append(f"  {'':22}  variants: {', '.join(variants)}")
    return "\n".join(lines)
