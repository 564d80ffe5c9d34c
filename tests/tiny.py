"""A finished run of the recipe of `runs`, trained once for all tests of a session."""

import shutil
from pathlib import Path

import pytest
import runs

from gaxjax import cli


def copy(factory: pytest.TempPathFactory, folder: Path) -> tuple[Path, Path]:
    """The recipe's file, and a copy of the run."""
    home = factory.getbasetemp() / "tiny"
    recipe = home / "tiny.py"
    if not (home / "run" / "samples.gif").exists():
        runs.write_recipe(home)
        assert train(recipe, home / "run") == 0
    return recipe, Path(shutil.copytree(home / "run", folder / "run"))


def train(recipe: Path | str, workdir: Path, *flags: str) -> int:
    """The command; its exit status."""
    return cli.main(["train", str(recipe), "--workdir", str(workdir), *flags])


def contents(workdir: Path) -> dict[str, bytes]:
    """Every file of a directory."""
    return {
        str(path.relative_to(workdir)): path.read_bytes() for path in workdir.rglob("*") if path.is_file()
    }
