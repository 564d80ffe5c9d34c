"""Pairs: which image is a's and which b's, partners by name, and crops that both of a pair have."""

from pathlib import Path
from typing import Any

import folders
import numpy as np
import pytest
from PIL import Image

from gaxjax.data import Data, Loader, Source, open_source, spec_of
from gaxjax.data.config import as_stored
from gaxjax.data.layout import describe_pairs
from gaxjax.data.pictures import InMemory, Streaming
from gaxjax.data.reduced import reduce_images
from gaxjax.errors import InputError
from gaxjax.evaluation.stored import source_files

SIDE = 12


def data_of(folder: Path, **options: Any) -> Data:
    given = {"shape": (8, 8, 1), "layout": "domains", "directory": str(folder)}
    return Data("folder", **{**given, **options})


def values(source: Source, seed: int | None = None) -> list[tuple[int, int]]:
    batch = source.take(np.arange(len(source)), seed)
    return [(int(a), int(b)) for a, b in zip(*(batch[name][:, 0, 0, 0] for name in "ab"), strict=True)]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Three pairs of a photograph and a map, 10 and 110, 11 and 111, 12 and 112."""
    for number in range(3):
        folders.save(tmp_path / "trainA" / "deep" / f"{number}.jpg", 10 + number)
        folders.save(tmp_path / "trainB" / "deep" / f"{number}.png", 110 + number)
    return tmp_path


@pytest.mark.parametrize("kind", [InMemory, Streaming])
def test_images_of_one_name_are_a_pair(kind: type, pairs: Path) -> None:
    data = data_of(pairs, memory=2.0 * (kind is InMemory))
    source = open_source(data)
    assert isinstance(source, kind) and source.spec == spec_of(data)
    assert values(source) == [(10, 110), (11, 111), (12, 112)]
    shuffled = values(source, seed=0)
    assert shuffled != values(source) and sorted(shuffled) == values(source)
    assert values(open_source(data_of(pairs, swap=True))) == [(110, 10), (111, 11), (112, 12)]
    assert {path.name for path in source_files(data)} == {
        f"{n}.{kind}" for n in range(3) for kind in ("jpg", "png")
    }
    # Of other names, sizes or partners there is another digest.
    digest = source.digest()
    folders.save(pairs / "trainB" / "deep" / "1.png", 111, side=9)
    folders.save(pairs / "trainA" / "deep" / "1.jpg", 11, side=9)
    assert open_source(data).digest() != digest


@pytest.mark.parametrize("inner", ["", "train", "val"])
def test_folders_a_and_b(inner: str, pairs: Path, tmp_path: Path) -> None:
    for side in "AB":
        (pairs / f"train{side}").rename(tmp_path / side.lower())
    if inner:
        (tmp_path / inner).mkdir()
        for side in "ab":
            (tmp_path / side).rename(tmp_path / inner / side)
    data = data_of(tmp_path, split=inner or "train")
    assert values(open_source(data)) == [(10, 110), (11, 111), (12, 112)]
    assert values(open_source(data_of(tmp_path, split=inner, swap=True, paired=False)))[0] == (110, 10)
    assert len(source_files(data)) == 6
    with pytest.raises(InputError, match=r"two folders, testA and testB, or a and b in .*test"):
        open_source(data_of(tmp_path, split="test"))


def test_a_dry_run_says_what_are_a_and_b(pairs: Path, tmp_path: Path) -> None:
    places = f"a is from {tmp_path / 'trainB'}, b is from {tmp_path / 'trainA'}"
    assert describe_pairs(data_of(pairs, swap=True)) == f"{places}, in pairs by name"
    options = {"layout": "halves", "paired": False, "jitter": 9, "flip": True}
    assert describe_pairs(data_of(pairs, **options)) == (
        "a is the left half of each image, b the right, each in an order of its own, cropped at random "
        "out of a height of 9, mirrored at random"
    )
    assert describe_pairs(data_of(pairs, layout="flat")) == ""


def test_halves_in_the_other_order(tmp_path: Path) -> None:
    pixels = np.full((8, 16), 1, np.uint8)
    pixels[:, 8:] = 2
    Image.fromarray(pixels).save(tmp_path / "x.png")
    assert values(open_source(data_of(tmp_path, layout="halves"))) == [(1, 2)]
    assert values(open_source(data_of(tmp_path, layout="halves", swap=True))) == [(2, 1)]
    with pytest.raises(InputError, match="swap exchanges a and b"):
        open_source(data_of(tmp_path, layout="flat", swap=True))


@pytest.mark.parametrize("memory", [0.0, 1.0])
def test_pairs_that_are_none_are_refused_by_name(memory: float, pairs: Path) -> None:
    folders.save(pairs / "trainA" / "alone.png")
    folders.save(pairs / "trainB" / "lonely.png")
    folders.save(pairs / "trainB" / "deep" / "1.png", 111, side=9)
    folders.save(pairs / "trainB" / "deep" / "2.gif", 112)
    with pytest.raises(InputError, match="4 of 5 images cannot be used") as raised:
        open_source(data_of(pairs, memory=memory))
    lines = str(raised.value).splitlines()
    a, b = pairs / "trainA", pairs / "trainB"
    assert f"  {a / 'alone.png'}: it has no partner, an image of this name in {b}" in lines
    assert f"  {b / 'lonely.png'}: it has no partner, an image of this name in {a}" in lines
    assert f"  {a / 'deep' / '1.jpg'}: it is 8x8 pixels and its partner 9x9" in lines
    assert any("has several of this name: deep/2.gif, deep/2.png" in line for line in lines)
    assert "paired=False" in lines[-1]
    with pytest.warns(UserWarning, match="left out 4 of 5"):
        assert values(open_source(data_of(pairs, memory=memory, strict=False))) == [(10, 110)]


def test_a_damaged_partner_is_named(pairs: Path) -> None:
    damaged = pairs / "trainB" / "deep" / "1.png"
    damaged.write_bytes(b"")
    with pytest.raises(InputError, match=f"1.jpg: {damaged}: the file is empty"):
        open_source(data_of(pairs))


def test_two_sets_without_a_name_in_common(tmp_path: Path) -> None:
    for name in ("trainA/horse.png", "trainB/zebra.png"):
        folders.save(tmp_path / name)
    with pytest.raises(InputError, match=r"no name in common, .*no-paired"):
        open_source(data_of(tmp_path))
    assert len(open_source(data_of(tmp_path, paired=False))) == 1


# jitter


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs of images in which each pixel says where it is, 16 times its row and its column."""
    folder = tmp_path_factory.mktemp("places")
    where = np.add.outer(16 * np.arange(SIDE), np.arange(SIDE)).astype(np.uint8)
    for number in range(4):
        Image.fromarray(np.concatenate([where, where], axis=1)).save(folder / f"{number}.png")
    return folder


def test_crops_are_of_seed_and_position_alone_and_the_same_for_both(places: Path) -> None:
    data = data_of(places, layout="halves", jitter=SIDE)
    source, streamed = open_source(data), open_source(as_stored(data_of(places, layout="halves")))
    assert source.spec == spec_of(data) == streamed.spec
    streamed = open_source(data_of(places, layout="halves", jitter=SIDE, memory=0))
    positions = np.arange(200)
    batch = source.take(positions, seed=3)
    np.testing.assert_array_equal(batch["a"], batch["b"])
    corners = batch["a"][:, 0, 0, 0]
    # Whole crops, from every corner that there is room for, each about as often as another.
    inside = np.add.outer(16 * np.arange(8), np.arange(8))[..., None]
    np.testing.assert_array_equal(batch["a"], corners[:, None, None, None] + inside)
    rows, columns = np.divmod(corners, 16)
    for offsets in (rows, columns):
        assert np.bincount(offsets, minlength=5).min() >= 25 and offsets.max() == SIDE - 8
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 0.2
    for other in (source, streamed):
        np.testing.assert_array_equal(other.take(positions[77:80], seed=3)["b"], batch["b"][77:80])
    assert not np.array_equal(source.take(positions, seed=4)["a"], batch["a"])
    # Without a seed, in the middle; of sets without pairs, each for itself.
    assert (source.take(positions[:4])["a"][:, 0, 0, 0] == 2 * 16 + 2).all()
    unpaired = open_source(data_of(places, layout="halves", jitter=SIDE, paired=False)).take(
        positions, seed=3
    )
    np.testing.assert_array_equal(unpaired["a"], batch["a"])
    assert not np.array_equal(unpaired["b"], batch["b"])


def test_a_resumed_loader_crops_and_mirrors_as_one_that_did_not_stop(places: Path) -> None:
    source = open_source(data_of(places, layout="halves", jitter=SIDE))
    with Loader(source, 4, 2, seed=7, flip=True) as whole, Loader(source, 4, 2, seed=7, flip=True) as resumed:
        resumed.set_state({"position": 16})
        batches = [next(whole) for _ in range(3)]
        expected, found = batches[2], next(resumed)
    for name in "ab":
        np.testing.assert_array_equal(found[name], expected[name])
        assert found[name].shape == (2, 4, 8, 8, 1)
    # Mirrored together: pixels of a and b still say the same place.
    np.testing.assert_array_equal(found["a"], found["b"])
    first, last = (expected["a"][..., 0, column, 0].astype(int) for column in (0, -1))
    assert set(np.unique(last - first)) == {-7, 7}


def test_what_cannot_be_cropped(places: Path) -> None:
    with pytest.raises(
        InputError, match="jitter=8 is the height of images before a crop of 8 is taken: use more"
    ):
        open_source(data_of(places, layout="halves", jitter=8))
    with pytest.raises(InputError, match="jitter moves what is in an image, whose factors"):
        open_source(Data("shapes", (8, 8, 3), jitter=9))
    with pytest.raises(InputError, match="jitter crops images for networks of one size"):
        reduce_images(open_source(data_of(places, layout="halves", jitter=SIDE)), (4, 4, 1))
