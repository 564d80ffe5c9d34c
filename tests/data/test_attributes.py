"""Folders with a file of attributes: which row is which image's, what columns become, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from folders import save

from gaxjax.data import Data, Source, open_source
from gaxjax.errors import InputError

NAMES = ("1.png", "2.png", "b/3.png")
CSV = "\ufeffimage_id, Male,Young,tone\r\nb/3.png,1,1,m\r\n1.png,0,1,f\r\n9.png,0,0,n\r\n2.png,1,0,f\r\n"
CELEBA = "4\nMale Young Bald\nb/3.png  1  1 -1\n1.png   -1  1 -1\n9.png   -1 -1 -1\n2.png    1 -1 -1\n"
MALE_YOUNG = {10: [0.0, 1.0], 20: [1.0, 0.0], 30: [1.0, 1.0]}
"""By the gray of the image, whatever the format."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, of gray 10, 20 and 30, in the folder train."""
    for number, name in enumerate(NAMES, 1):
        save(tmp_path / "train" / name, 10 * number, side=4)
    return tmp_path


def open_folder(folder: Path, *attributes: str, **options: Any) -> Source:
    return open_source(Data("folder", (4, 4, 1), str(folder), attributes=attributes, **options))


def pairs(source: Source) -> dict[int, list[float]]:
    """Attributes by the gray of their image."""
    batch = source.take(np.arange(len(source)), seed=3)
    assert batch["attributes"].dtype == np.float32
    rows = zip(batch["image"], batch["attributes"], strict=True)
    return {int(image[0, 0, 0]): row.tolist() for image, row in rows}


@pytest.mark.parametrize("place", ["", "train"])
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("attributes.csv", CSV),
        ("list_attr_celeba.txt", CELEBA),
        ("list_attr_celeba.csv", CSV.replace("0,", "-1,")),
    ],
)
def test_all_formats_say_the_same(
    folder: Path, place: str, file: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the folder of images or beside it, with rows of other images, in the order that is asked for."""
    (folder / place / file).write_text(text)
    source = open_folder(folder, "Male", "Young", memory=2.0 if place else 0.0)
    assert pairs(source) == MALE_YOUNG and set(source.spec) == {"image", "attributes"}
    assert dict(source.attributes) == {"Male": 2, "Young": 2}
    assert "passed over" not in capsys.readouterr().err
    turned = open_folder(folder, "Young", "Male")
    assert pairs(turned) == {gray: row[::-1] for gray, row in MALE_YOUNG.items()}
    assert turned.digest() != source.digest(), "what is known of an image is a part of it"
    assert "attributes" not in open_folder(folder).spec


def test_other_values_are_an_attribute_each(folder: Path) -> None:
    """Of all rows, so that every split has the same; in the order of people."""
    (folder / "attributes.csv").write_text("file,tone\n1.png,2\n2.png,10\nb/3.png,2.0\n9.png,m\n")
    source = open_folder(folder, "tone")
    assert dict(source.attributes) == {"tone=2": 2, "tone=10": 1, "tone=m": 0}
    assert pairs(source) == {10: [1, 0, 0], 20: [0, 1, 0], 30: [1, 0, 0]}


def test_what_no_row_says_is_not_known(folder: Path) -> None:
    """As of images of two sets in one folder."""
    (folder / "attributes.csv").write_text("file,Male,tone\n1.png,,f\n2.png,1.0,\nb/3.png,0.0,m\n")
    assert pairs(open_folder(folder, "Male", "tone")) == {10: [-1, 1, 0], 20: [1, -1, -1], 30: [0, 0, 1]}


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("attributes.csv", CSV.replace("Male", "Mole"), "no column 'Male', .*: Mole, Young, tone"),
        ("attributes.csv", CSV.replace("Young", "Male"), "no column 'Male', or more than one"),
        ("attributes.csv", CSV.replace("2.png,1,0,f", ""), "has no row of '2.png'; files are named as in"),
        ("attributes.csv", CSV + "1.png,1,1,m\n", "more than one row of '1.png'"),
        ("attributes.csv", CSV.replace("1,0,f", "1,f"), "row 5: 3 values for the 4 names of row 1"),
        ("attributes.csv", "", "no column 'Male'"),
        ("list_attr_celeba.txt", CELEBA.replace("4", "5"), "is of 5 images, and has rows of 4"),
        ("list_attr_celeba.txt", CELEBA.removeprefix("4\n"), "row 1: the number of images comes first"),
        ("list_attr_celeba.txt", "", "row 1: the number of images comes first"),
        ("list_attr_celeba.txt", CELEBA.replace("1  1 -1", "1  1", 1), "row 3: 3 values for the 4 names"),
        ("attributes.CSV", CSV, "attributes.csv, list_attr_celeba.txt or .*, and there is none in .*train"),
    ],
)
def test_files_that_do_not_fit(folder: Path, file: str, text: str, message: str) -> None:
    (folder / "train" / file).write_text(text)
    with pytest.raises(InputError, match=message):
        open_folder(folder, "Male")


def test_a_column_of_anything_is_none(folder: Path) -> None:
    rows = "".join(f"{number}.png,{number}\n" for number in range(3, 70))
    (folder / "attributes.csv").write_text("file,age\n1.png,1\n2.png,2\nb/3.png,3\n" + rows)
    with pytest.raises(InputError, match=r"age has 69 values, such as '1', .* columns of 64 or fewer"):
        open_folder(folder, "age")


def test_what_else_cannot_be_meant(folder: Path) -> None:
    for name in ("attributes.csv", "list_attr_celeba.txt"):
        (folder / name).write_text(CSV)
    with pytest.raises(InputError, match=r"has attributes.csv and list_attr_celeba.txt: leave one of them"):
        open_folder(folder, "Male")
    with pytest.raises(InputError, match="columns, each once; got Male, Male"):
        open_folder(folder, "Male", "Male")
    with pytest.raises(InputError, match=r"single images in a folder .*, and this is layout=halves"):
        open_folder(folder, "Male", layout="halves")
    with pytest.raises(InputError, match="this is name=digits"):
        open_source(Data("digits", (8, 8, 1), attributes=("Male",)))
