"""Labels past the game's classes become zeros, classes count 1, 10, 2, and a rare class's row shows another.

Right: more classes than the game has are refused, classes are numbered as people count and listed at first,
and a sheet's rows are of the classes that they stand for.
"""

from dataclasses import replace
from pathlib import Path

import folders
import numpy as np
import pytest
import runs
import styled

from gaxjax import cli
from gaxjax.data import Data, Source, open_source
from gaxjax.errors import InputError
from gaxjax.layers.modules import set_fields
from gaxjax.recipe.serialization import load_recipe
from gaxjax.runs.examples import fixed_batch
from gaxjax.runs.inventory import check_classes, classes_of

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def classes(folder: Path, *names: str, count: int = 1) -> Source:
    for name in names:
        for number in range(count):
            folders.save(folder / name / f"{number}.png", side=16)
    return open_source(Data("folder", (16, 16, 1), str(folder)))


def test_more_classes_than_the_game(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = classes(tmp_path, *map(str, range(12)))
    arguments = ["train", str(CONFIGS / "quickstart.py"), "--dry-run", "--data.name", "folder"]
    assert cli.main([*arguments, "--data.directory", str(tmp_path)]) == 2
    assert (
        "the data have 12 classes and gan.generator.classes=10: use gan.generator.classes=12"
        in capsys.readouterr().err
    )
    gan = load_recipe(str(CONFIGS / "stylegan_small.py"))[0].gan
    inner = set_fields(gan, classes=3)
    assert classes_of(gan) == {} and classes_of(inner) == {
        "gan.generator.classes": 3,
        "gan.discriminator.classes": 3,
    }
    check_classes(gan, source)
    with pytest.raises(InputError, match=r"12 classes and gan\.generator\.classes=3"):
        check_classes(inner, source)
    told = load_recipe(str(CONFIGS / "acgan_mnist.py"))[0].gan
    assert classes_of(told) == {"gan.generator.classes": 10, "gan.discriminator.size": 10}
    told = replace(told, generator=set_fields(told.generator, classes=12))
    with pytest.raises(InputError, match=r"12 classes and gan\.discriminator\.size=10"):
        check_classes(told, source)


def test_domains_are_no_classes(tmp_path: Path) -> None:
    # Told which of two domains an image is of: that of digits there are more than two is nothing to it.
    gan = load_recipe(f"{CONFIGS / 'cogan_mnist.py'}:conditional_negatives")[0].gan
    assert classes_of(gan) == {}
    check_classes(gan, classes(tmp_path, "0", "1", "2"))


def test_they_are_numbered_as_people_count_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = classes(tmp_path / "in", "1", "2", "10", "b")
    assert list(source.class_names) == ["1", "2", "10", "b"]
    assert source.take(np.arange(4))["label"].tolist() == [0, 2, 1, 3]  # files stay in their order as text
    recipe = runs.write_recipe(tmp_path / "recipe", styled.CONDITIONAL)
    arguments = ["train", str(recipe), "--dry-run", "--data.name", "folder"]
    assert cli.main([*arguments, "--data.directory", str(tmp_path / "in")]) == 0
    told = "classes  0 = 1, 1 = 2, 2 = 10, 3 = b (the game is told of 10 classes)"
    assert told in capsys.readouterr().out


@pytest.mark.parametrize("memory", [0, 1])
def test_rows_are_what_they_say(memory: int, tmp_path: Path) -> None:
    classes(tmp_path, "common", "usual", count=300)
    folders.save(tmp_path / "rare" / "0.png", 200, side=16)
    source = open_source(Data("folder", (16, 16, 1), str(tmp_path), memory=memory))
    batch = fixed_batch(source, 9)
    assert batch["label"].tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert batch["image"][:, 0, 0, 0].tolist() == [100] * 3 + [200] * 3 + [100] * 3
    assert list(source.class_names) == ["common", "rare", "usual"]
