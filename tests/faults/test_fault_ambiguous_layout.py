"""A class "train" is taken for the split, a folder "test" is trained on, trainA and trainB are cut in halves.

Right: where a layout may be meant in two ways, the run is refused with what to write for each; CycleGAN's own
(trainA and trainB) is a layout, "domains".
"""

from pathlib import Path
from typing import Any

import folders
import numpy as np
import pytest

from gaxjax.data import Data, Loader, Source, assemble_batch, open_source
from gaxjax.errors import InputError


def opened(folder: Path, **options: Any) -> Source:
    return open_source(Data("folder", (8, 8, 3), str(folder), **options))


def fill(folder: Path, *names: str) -> None:
    for name in names:
        for number in range(2):
            folders.save(folder / name / f"{number}.png")


def test_a_class_called_train(tmp_path: Path) -> None:
    fill(tmp_path, "bus", "car", "train")
    with pytest.raises(
        InputError, match=r"train may be the split or a class, for beside it are bus, car: use"
    ):
        opened(tmp_path)
    assert list(opened(tmp_path, split="").class_names) == ["bus", "car", "train"]
    assert len(opened(tmp_path / "train")) == 2


def test_a_split_beside_other_splits_is_one(tmp_path: Path) -> None:
    fill(tmp_path, "train/a", "train/b", "test/a", "extra")
    (tmp_path / "notes").mkdir()
    assert len(opened(tmp_path)) == 4
    assert len(opened(tmp_path, split="extra")) == 2


@pytest.mark.parametrize("beside", ["", "bus"])
def test_a_test_set_is_not_trained_on(beside: str, tmp_path: Path) -> None:
    fill(tmp_path, beside, "test")
    with pytest.raises(InputError, match="has no subfolder train, and would be trained on with test in it"):
        opened(tmp_path)
    assert len(opened(tmp_path, split="")) == 4
    assert len(opened(tmp_path, split="test")) == 2


@pytest.fixture
def horses(tmp_path: Path) -> Path:
    """Five images of one domain, their numbers, and three of another, 100 more; and their tests."""
    for name, first, count in (("trainA", 0, 5), ("trainB", 100, 3), ("testA", 200, 2), ("testB", 210, 2)):
        for number in range(count):
            folders.save(tmp_path / name / f"{number}.png", first + number)
    return tmp_path


def test_two_domains_are_not_cut_in_halves(horses: Path) -> None:
    for layout in ("halves", "auto", "flat"):
        with pytest.raises(InputError, match="has trainA and trainB, two domains: layout=domains"):
            opened(horses, layout=layout, paired=False)
    with pytest.raises(InputError, match=r"2 of 5 images cannot be used:\n.*3\.png: it has no partner"):
        opened(horses, layout="domains")
    with pytest.raises(
        InputError, match=r"from two folders, valA and valB, or a and b in .*val; .* only testA, testB, tr"
    ):
        opened(horses, layout="domains", paired=False, split="val")


@pytest.mark.parametrize("memory", [0, 1])
def test_two_domains_in_orders_of_their_own(memory: int, horses: Path) -> None:
    source = opened(horses, layout="domains", paired=False, memory=memory)
    assert (len(source), set(source.spec), source.has_tables) == (5, {"a", "b"}, bool(memory))
    assert source.take(np.arange(5))["b"][:, 0, 0, 0].tolist() == [100, 101, 102, 100, 101]
    batch = source.take(np.arange(15), seed=3)
    a, b = (batch[name][:, 0, 0, 0] for name in "ab")
    assert (np.sort(a.reshape(3, 5)) == np.arange(5)).all()
    assert (np.sort(b.reshape(5, 3)) == 100 + np.arange(3)).all()
    assert len(opened(horses, layout="domains", paired=False, split="test")) == 2
    if memory:
        with Loader(source, 10, flip=True) as loaded, Loader(source, 10, flip=True, choose=True) as chosen:
            expected, made = next(loaded), assemble_batch(source, source.tables or {}, next(chosen))
        np.testing.assert_array_equal(made["a"], expected["a"])
        np.testing.assert_array_equal(made["b"], expected["b"])
