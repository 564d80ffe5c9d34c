"""What an installed gaxjax has, away from the repository: a wheel is built of a copy, and unpacked."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gaxjax.recipe import catalog

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that pip would have put the package into."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "repository"
    for name in ("gaxjax", "configs"):
        shutil.copytree(REPOSITORY / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, copy)
    build = "from setuptools import build_meta; build_meta.build_wheel('..')"  # what pip calls
    ended = subprocess.run([sys.executable, "-c", build], cwd=copy, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_it_has_every_module_and_every_recipe(installed: Path) -> None:
    package = {path.relative_to(REPOSITORY) for path in (REPOSITORY / "gaxjax").rglob("*.py")}
    recipes = {Path("gaxjax", path.relative_to(REPOSITORY)) for path in (REPOSITORY / "configs").glob("*.py")}
    there = {path.relative_to(installed) for path in installed.rglob("*") if path.is_file()}
    assert {path for path in there if ".dist-info" not in path.parts[0]} == {
        *package,
        *recipes,
        Path("gaxjax/py.typed"),
    }


def test_recipes_go_by_name_in_any_folder(installed: Path, tmp_path: Path) -> None:
    """And `python -m gaxjax` is the command."""
    code = "import gaxjax.recipe.catalog as c; print(c.locate('quickstart')[0]); print(c.listing())"
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    said = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert said.stdout == f"{installed}/gaxjax/configs/quickstart.py\n{catalog.listing()}\n"
