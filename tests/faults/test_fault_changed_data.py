"""A folder that has changed before a resume, from 64 images to 65, goes on in another order without a word.

Right: data.json keeps what a run was trained on: how many, the classes, and a digest of names and sizes.
Where that has changed, the run is refused, with what changed and how to accept it.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import folders
import pytest
import runs
import styled

from gaxjax import cli
from gaxjax.data import Data, open_source
from gaxjax.errors import InputError
from gaxjax.recipe import Recipe
from gaxjax.recipe.serialization import load_recipe
from gaxjax.runs.inventory import FILE, compare_data, inventory_of

COUNT = 64


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images `in`, a recipe, and a run of it in `run`; not to be changed."""
    root = tmp_path_factory.mktemp("changed")
    for number in range(COUNT):
        folders.save(root / "in" / f"class {number % 2}" / f"{number}.png", number)
    assert train(root) == 0
    return root


@pytest.fixture
def root(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "moved"))


def train(root: Path) -> int:
    recipe = runs.write_recipe(root)
    data = ("--data.name", "folder", "--data.directory", str(root / "in"))
    return cli.main(["train", f"{recipe}:short", "--workdir", str(root / "run"), *data])


def test_it_is_kept_with_the_run(original: Path) -> None:
    kept = json.loads((original / "run" / FILE).read_text())
    assert (kept["examples"], kept["classes"], kept["counts"]) == (COUNT, 2, [32, 32])
    assert kept["names"] == ["class 0", "class 1"]
    assert kept["spec"]["image"] == {"shape": [8, 8, 1], "dtype": "uint8"}


def test_refused_and_accepted(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (root / "run" / FILE).read_bytes()
    assert train(root) == 0  # in another place, the same data
    folders.save(root / "in" / "class 1" / "one more.png")
    capsys.readouterr()
    assert train(root) == 2
    path = root / "run" / FILE
    assert capsys.readouterr().err == (
        f"error: {root / 'run'} was trained on other data than are read now:\n"
        "  64 examples then, 65 now\n  1 = class 1: 32 then, 33 now\n"
        f"Bring those back, use another --workdir, or go on with these: echo {{}} > {path}\n"
    )
    assert path.read_bytes() == before
    path.write_text("{}\n")
    assert train(root) == 0
    assert json.loads(path.read_text())["examples"] == 65


@pytest.fixture
def recipe(root: Path) -> Recipe:
    recipe = load_recipe(f"{root / 'tiny.py'}:short")[0]
    return replace(recipe, data=Data("folder", (8, 8, 1), str(root / "in"), memory=0))


def compare(root: Path, recipe: Recipe) -> None:
    compare_data(root / "run", recipe, inventory_of(open_source(recipe.data)))


def test_what_has_changed_is_named(root: Path, recipe: Recipe) -> None:
    compare(root, recipe)
    compare(root, replace(recipe, data=replace(recipe.data, memory=1, strict=False)))
    one = root / "in" / "class 0" / "0.png"
    folders.save(one, side=9)
    with pytest.raises(InputError, match="\n  as many examples, but with other names or sizes\n"):
        compare(root, recipe)
    folders.save(one, 0)
    compare(root, recipe)
    (root / "in" / "class 0").rename(root / "in" / "class 9")
    expected = "\n  classes 0 = class 0, 1 = class 1 then, 0 = class 1, 1 = class 9 now\n"
    with pytest.raises(InputError, match=expected):
        compare(root, recipe)


def test_a_run_that_begins_anew_takes_what_is_there(root: Path, recipe: Recipe) -> None:
    folders.save(root / "in" / "class 0" / "one more.png")
    shutil.rmtree(root / "run" / "checkpoints")
    compare(root, recipe)


def test_an_older_run(root: Path, recipe: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "run" / FILE).unlink()
    compare(root, recipe)
    assert f"{root / 'run'} is older than data.json, which is written now, of 64" in capsys.readouterr().err
    for number in (2, 10):
        folders.save(root / "in" / f"class {number}" / "0.png")
    compare(root, recipe)  # its game is told no classes
    labeled = load_recipe(str(runs.write_recipe(root / "labeled", styled.CONDITIONAL)))[0]
    conditional = replace(labeled, data=recipe.data)
    with pytest.raises(
        InputError, match=r"numbered as text, class 0, class 1, class 10, class 2; now they are"
    ):
        compare(root, conditional)
    (root / "run" / FILE).write_text("{}")
    compare(root, conditional)
