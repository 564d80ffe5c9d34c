"""What is imported is declared, and what is declared is imported."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from runs import REPOSITORY

WITHOUT_IMPORT = {"chex", "importlib-resources"}
"""What the tests compare trees with, and what tensorflow-datasets imports without declaring it."""


def imported(folder: Path) -> Iterator[str]:
    """The top-level modules of others that the files of a folder import, wherever in them."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            yield from (name.partition(".")[0] for name in names)


def test_imports_are_declared() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    declared = {canonical(re.split(r"[^\w-]", text)[0]) for text in project["dependencies"]}
    others = set(imported(REPOSITORY / "gaxjax")) - sys.stdlib_module_names - {"gaxjax"}
    providers = packages_distributions()
    assert {canonical(providers[name][0]) for name in others} == declared - WITHOUT_IMPORT


def canonical(name: str) -> str:
    """A distribution's name as package indices compare it."""
    return name.replace("_", "-").lower()
