"""A damaged file of a prepared set ends a run in a traceback that does not name the file.

Right: files are looked at before the first step, by size and by their own index; a record that cannot be read
later is named with its file. Both exit with 2 and say how the set is prepared again.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
import runs

from gaxjax import cli
from gaxjax.data import Data, Loader, open_source, prepare
from gaxjax.errors import InputError

SHARD = "digits/1.0.0/digits-train.array_record-00000-of-00001"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sets")
    prepare("digits", str(root))
    return root


@pytest.fixture
def sets(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "sets"))


DAMAGES = {
    "cut off": (lambda content: content[:-100], "its index, at its end, cannot be read: it was cut off at"),
    "half": (lambda content: content[: len(content) // 2], "its index, at its end, cannot be read"),
    "empty": (lambda content: b"", "the file is empty"),
    "zeros": (lambda content: bytes(len(content)), "its index, at its end, cannot be read"),
    "another file": (lambda content: b"<html>404</html>", "its index, at its end, cannot be read"),
    "missing": (None, "No such file"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_before_the_first_step(
    damage: str, sets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, reason = DAMAGES[damage]
    shard = sets / SHARD
    if change:
        shard.write_bytes(change(shard.read_bytes()))
    else:
        shard.unlink()
    recipe = runs.write_recipe(tmp_path)
    for memory in ("0", "1"):
        flags = ("--data.directory", str(sets), "--data.memory", memory, "--workdir", str(tmp_path / "run"))
        assert cli.main(["train", str(recipe), *flags]) == 2
        said = capsys.readouterr().err
        assert f"error: 1 of 1 files cannot be used:\n  {shard}: {reason}" in said
        assert f"gaxjax prepare digits --directory {sets}" in said
    assert not (tmp_path / "run").exists()


def test_a_file_of_another_length(sets: Path) -> None:
    info = sets / "digits/1.0.0/dataset_info.json"
    info.write_text(info.read_text().replace('"1797"', '"1800"'))
    with pytest.raises(InputError, match="it has 1,797 records, and should have 1,800"):
        open_source(Data(directory=str(sets)))


@pytest.fixture
def flipped(sets: Path) -> tuple[Path, int]:
    """A set with a flipped byte in one record, and which."""
    shard = sets / SHARD
    content = bytearray(shard.read_bytes())
    images = open_source(Data(shape=(8, 8, 1), directory=str(sets), memory=0)).pictures  # type: ignore[attr-defined]
    record = images.fetch([900])[0]
    pixels = record[record.index(b"IDAT") :][:40]
    assert content.count(pixels) == 1
    content[content.index(pixels) + 20] ^= 255
    shard.write_bytes(content)
    return sets, 900


def test_a_record(flipped: tuple[Path, int]) -> None:
    sets, number = flipped
    data = Data(shape=(8, 8, 1), directory=str(sets))
    expected = rf"train, number {number}, record {number} of .*{SHARD}: its record cannot be read \("
    with pytest.raises(InputError, match=f"1 of 1797 images cannot be used:\n.*{expected}"):
        open_source(data)
    with pytest.warns(UserWarning, match=expected):
        assert len(open_source(Data(shape=(8, 8, 1), directory=str(sets), strict=False))) == 1796


def test_a_record_that_is_read_when_it_is_needed(flipped: tuple[Path, int]) -> None:
    sets, number = flipped
    source = open_source(Data(shape=(8, 8, 1), directory=str(sets), memory=0))
    assert source.take(np.arange(number - 3, number))["image"].shape == (3, 8, 8, 1)
    with Loader(source, 1797) as loader, pytest.raises(InputError, match=f"record {number} of .*{SHARD}"):
        next(loader)
    with pytest.raises(InputError, match=f"record {number} of .*{SHARD}"):
        source.decode_all()


def test_a_record_of_a_part_of_the_split(flipped: tuple[Path, int]) -> None:
    sets, number = flipped
    with pytest.raises(InputError, match=f"number 100, record {number} of .*{SHARD}"):
        open_source(Data(shape=(8, 8, 1), directory=str(sets), split="train[800:1000]"))
