"""Folders with a file of factors: which row is which image's, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gaxjax.data import Data, Source, open_source
from gaxjax.errors import InputError

NAMES = ("1.png", "2.png", "10.png", "b/3.png")
"""As people count; as text 10.png is before 2.png."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four images, of gray 10, 20, 30, 40."""
    (tmp_path / "b").mkdir()
    for number, name in enumerate(NAMES, 1):
        Image.fromarray(np.full((4, 4), 10 * number, np.uint8)).save(tmp_path / name)
    return tmp_path


def open_folder(folder: Path, **options: Any) -> Source:
    return open_source(Data("folder", (4, 4, 1), str(folder), **options))


def pairs(source: Source) -> dict[int, list[float]]:
    """Factors by the gray of their image."""
    batch = source.take(np.arange(len(source)), seed=3)
    assert batch["factors"].dtype == np.float32
    return {
        int(image[0, 0, 0]): row.tolist() for image, row in zip(batch["image"], batch["factors"], strict=True)
    }


EXPECTED = {10: [0.0, 1.0], 20: [0.5, 1.0], 30: [1.0, 0.0], 40: [0.0, 0.5]}
ROWS = np.array(list(EXPECTED.values()))
IN_ORDER = "size,color\n0,1\n.5,1\n1,0\n0,0.5\n"
BY_NAME = "\ufefffile, size,color\r\nb/3.png,0,.5\r\n10.png,1,0\r\n\r\n1.png,0,1\r\n2.png,.5,1\r\n"


@pytest.mark.parametrize("memory", [0.0, 2.0])
@pytest.mark.parametrize("text", [IN_ORDER, BY_NAME])
def test_rows_are_the_images(
    folder: Path, text: str, memory: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """By name, or in the order of numbers; decoded each time or kept."""
    (folder / "factors.csv").write_text(text)
    source = open_folder(folder, memory=memory)
    assert pairs(source) == EXPECTED
    assert source.factor_names == ("size", "color") and source.factor_sizes == (3, 3)
    assert set(source.spec) == {"image", "factors"} and source.spec["factors"].shape == (2,)
    assert "passed over" not in capsys.readouterr().err  # it is read


@pytest.mark.parametrize(
    "arrays",
    [
        {"factors": ROWS},
        {"factors": ROWS[::-1], "files": NAMES[::-1]},
    ],
)
def test_arrays(folder: Path, arrays: dict[str, Any]) -> None:
    np.savez(folder / "factors.npz", names=["size", "color"], **arrays)
    assert pairs(open_folder(folder)) == EXPECTED


def test_all_combinations_need_sizes_alone(folder: Path) -> None:
    """As Isaac3D's and Falcor3D's images are numbered."""
    np.savez(folder / "factors.npz", names=["lamp", "camera"], sizes=[2, 2])
    assert pairs(open_folder(folder)) == {10: [0, 0], 20: [0, 1], 30: [1, 0], 40: [1, 1]}


def test_labels_go_with_them(folder: Path) -> None:
    for name in NAMES[:3]:
        (folder / "a").mkdir(exist_ok=True)
        (folder / name).rename(folder / "a" / name)
    (folder / "factors.csv").write_text(IN_ORDER)
    source = open_folder(folder)
    batch = source.take(np.arange(4))
    assert source.classes == 2 and set(batch) == {"image", "label", "factors"}
    # In the order of people within their folders: a/1, a/2, a/10, b/3.
    assert pairs(source) == EXPECTED


def test_other_factors_are_other_data(folder: Path) -> None:
    (folder / "factors.csv").write_text(IN_ORDER)
    before = open_folder(folder).digest()
    assert open_folder(folder).digest() == before
    (folder / "factors.csv").write_text(IN_ORDER.replace(".5,1", ".25,1"))
    assert open_folder(folder).digest() != before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (IN_ORDER + "1,1\n", 'has 5 rows of factors, and there are 4 images: .* a first column "file"'),
        (IN_ORDER.replace("1,0\n", "3,0\n"), r"size has values outside of \[0, 1\], such as 3: subtract"),
        (
            IN_ORDER.replace("1,0\n", "nan,0\n"),
            r"size has values that are missing \(nan\): give them",
        ),
        (IN_ORDER.replace(",", ";"), "is separated by semicolons: save it with commas"),
        (
            BY_NAME.replace("file", "File"),
            'b/3.png.*; a first column of files is called "file", and here "File"',
        ),
        (IN_ORDER.replace("1,0\n", "red,0\n"), r"factors are numbers in \[0, 1\] .*'red'"),
        (IN_ORDER.replace("1,0\n", "1\n"), "row 4: 1 values for the 2 names of row 1"),
        (IN_ORDER.replace("size", "color"), "factors have names, each its own; got color, color"),
        ("", "factors have names, each its own; got none"),
        (BY_NAME.replace("2.png,.5,1", ""), "has no row of '2.png'; files are named as in '1.png'"),
        (BY_NAME.replace("2.png", ""), "has no row of '2.png'"),
        (BY_NAME + "4.png,1,1\r\n5.png,1,1\r\n", "rows of files that are not there: '4.png', and 1 more"),
        (BY_NAME + "1.png,1,1\r\n", "more than one row of '1.png'"),
    ],
)
def test_files_that_do_not_fit(folder: Path, text: str, message: str) -> None:
    (folder / "factors.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        open_folder(folder)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"names": ["a", "b"], "sizes": [2, 3]}, r"the number of images, 4; got 6"),
        ({"names": ["a", "b"], "sizes": [4]}, "2 names with sizes"),
        ({"names": ["a"], "factors": ROWS}, r"factors must be \[n, 1\], for its names; got \(4, 2\)"),
        ({"names": ["a", "b"]}, r"must have the arrays names \[F\], and factors"),
        ({"names": np.array([{}]), "sizes": [4]}, "must have the arrays"),
    ],
)
def test_arrays_that_do_not_fit(folder: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(folder / "factors.npz", **arrays)
    with pytest.raises(InputError, match=message):
        open_folder(folder)


def test_one_file_alone(folder: Path) -> None:
    (folder / "factors.csv").write_text(IN_ORDER)
    np.savez(folder / "factors.npz", names=["a"], sizes=[4])
    with pytest.raises(InputError, match="remove one of them"):
        open_folder(folder)


def test_pairs_have_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Such a file is then told, as all that is not read."""
    (folder / "factors.csv").write_text(IN_ORDER)
    source = open_folder(folder, layout="halves")
    assert set(source.spec) == {"a", "b"} and "1 .csv" in capsys.readouterr().err
