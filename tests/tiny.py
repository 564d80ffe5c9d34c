"""Finished runs that are trained once for all tests of a session, whichever of its processes they are in."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import runs

from gaxjax import cli


def make_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first process of the session that asks for it has filled; not to be changed."""
    base = factory.getbasetemp()
    # Of pytest-xdist each process has a folder inside of the session's.
    home = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"once_{name}"
    home.mkdir(exist_ok=True)
    with open(home / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "whole").exists():
            make(home)
            (home / "whole").touch()
    return home


def copy(factory: pytest.TempPathFactory, folder: Path) -> tuple[Path, Path]:
    """The file of the recipe of `runs`, and a copy of its run."""

    def make(home: Path) -> None:
        assert train(runs.write_recipe(home), home / "run") == 0

    home = make_once(factory, "tiny", make)
    return home / "tiny.py", Path(shutil.copytree(home / "run", folder / "run"))


def train(recipe: Path | str, workdir: Path, *flags: str) -> int:
    """The command; its exit status."""
    return cli.main(["train", str(recipe), "--workdir", str(workdir), *flags])


def contents(workdir: Path) -> dict[str, bytes]:
    """Every file of a directory."""
    return {
        str(path.relative_to(workdir)): path.read_bytes() for path in workdir.rglob("*") if path.is_file()
    }
