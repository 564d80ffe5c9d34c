"""A recipe in a folder with a colon in its name is not found.

Right: a path that is there is taken as it is; otherwise what follows the last colon names the recipe, if it
can be a name at all.
"""

from pathlib import Path

import pytest

from gaxjax.errors import InputError
from gaxjax.recipe.serialization import load_recipe

TEXT = """
from gaxjax.gans.adversarial import Adversarial
from gaxjax.networks.mlp import Discriminator, Generator
from gaxjax.recipe import Data, Optimizer, Recipe

game = Adversarial(Generator((2,)), Discriminator())
players = {"discriminator": Optimizer(), "generator": Optimizer()}
recipe = Recipe(game, players, Data("ring", shape=(2,)), batch_size=4, kimg=1)
other = Recipe(game, players, Data("ring", shape=(2,)), batch_size=8, kimg=1)
"""


def test_colons(tmp_path: Path) -> None:
    file = tmp_path / "a:b" / "c:d.py"
    file.parent.mkdir()
    file.write_text(TEXT)
    for target, batch_size in ((file, 4), (f"{file}:recipe", 4), (f"{file}:", 4), (f"{file}:other", 8)):
        recipe, path = load_recipe(str(target))
        assert (recipe.batch_size, path) == (batch_size, file)


def test_a_drive_is_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(r"C:\mine.py").write_text(TEXT)
    assert load_recipe(r"C:\mine.py:other")[0].batch_size == 8
    assert load_recipe(r"C:\mine.py")[0].batch_size == 4


def test_what_is_not_there_is_named_whole(tmp_path: Path) -> None:
    for target in (f"{tmp_path}/a:b/c.py", f"{tmp_path}/a:b/c.py:other"):
        with pytest.raises(InputError, match=f"no recipe file '{tmp_path}/a:b/c.py'"):
            load_recipe(target)
