"""Attributes of the images of a folder, such as CelebA's: yes or no each, read from a file of rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gaxjax.data.listing import natural_key
from gaxjax.data.rows import Table, check_lengths, match_files, read_lines, read_table
from gaxjax.errors import InputError
from gaxjax.files.places import is_there

NAME = "attributes"
"""Of the attributes among an example's arrays, float32 [A]."""
FILES = ("attributes.csv", "list_attr_celeba.txt", "list_attr_celeba.csv")
"""In a folder of images, or beside it."""
MOST = 64
"""Values that a column may have, each of which becomes an attribute."""


class Attributes(NamedTuple):
    """Of the images of a folder."""

    path: Path
    """of the file"""
    names: tuple[str, ...]
    """what each attribute is called"""
    values: np.ndarray
    """float32 [n, A], 0, 1, or -1 where nothing is known, in the order of the images"""

    @property
    def counts(self) -> dict[str, int]:
        """How many images have each."""
        return dict(zip(self.names, np.sum(self.values == 1, axis=0).tolist(), strict=True))


def read_attributes(folder: Path, files: Sequence[Path], columns: Sequence[str]) -> Attributes:
    """Columns of the file of attributes in a folder, or in the folder that this is in.

    A CSV file begins with names, and each row with an image's file; CelebA's text file has a row before, the
    number of images. A column of 0 and 1, or -1 and 1, is an attribute; one of other values is one attribute
    for each of them, "skin_tone=0". Rows of other images are passed over, as one file is of all splits.

    InputError for a file that is not there or does not fit the images, and for a column that it has not.
    """
    path = find_file(folder)
    head, rows = read_celeba(path) if path.suffix == ".txt" else read_table(path)
    if unknown := [name for name in columns if head[1:].count(name) != 1]:
        raise InputError(
            f"{path} has no column {unknown[0]!r}, or more than one; its columns: {', '.join(head[1:])}"
        )
    # Not all rows need be of images here: one file is of all splits.
    order = match_files(path, [row[0] for row in rows], files, whole=False)
    # Of all rows, and not of the images that are there: every split has the same attributes.
    parts = [spread_column(path, name, [row[head.index(name, 1)] for row in rows]) for name in columns]
    names = tuple(name for part, _ in parts for name in part)
    values = np.concatenate([values for _, values in parts], axis=1)
    return Attributes(path, names, values[order].astype(np.float32))


def find_file(folder: Path) -> Path:
    """The file of attributes; InputError where there is none, or more than one."""
    for place in (folder, folder.parent):
        paths = [place / name for name in FILES if is_there(place / name)]
        # CelebA comes as text and as CSV: which of two is meant nobody could tell later on.
        if len(paths) > 1:
            names = " and ".join(path.name for path in paths)
            raise InputError(f"{place} has {names}: leave one of them there")
        if paths:
            return paths[0]
    raise InputError(
        f"attributes are read from {', '.join(FILES[:-1])} or {FILES[-1]}, and there is none in {folder} or "
        f"in {folder.parent}"
    )


def read_celeba(path: Path) -> Table:
    """CelebA's own format: the number of images, the names, and rows of a file and its values."""
    # Two empty rows more: of a file that is too short these are the number and the names.
    count, names, *rows = [line.split() for line in read_lines(path) if line.strip()] + [[]] * 2
    rows = [row for row in rows if row]
    head = ("file", *names)
    if len(count) != 1 or not count[0].isdecimal():
        raise InputError(f"{path}, row 1: the number of images comes first, and then the names; got {count}")
    check_lengths(path, head, rows, first=2)
    # A file that was cut off has fewer, and images without a row would only be told one by one.
    if int(count[0]) != len(rows):
        raise InputError(f"{path} says that it is of {count[0]} images, and has rows of {len(rows)}")
    return head, rows


def spread_column(path: Path, column: str, texts: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Names of the attributes that a column is, and values [rows, names]; -1 where it has no text."""
    # 1.0 is 1: a column of numbers with gaps is often written so.
    texts = [shorten_number(text) for text in texts]
    kinds = sorted({*texts} - {""}, key=natural_key)
    known = np.array([[text != ""] for text in texts])
    if {*kinds} <= {"0", "1"} or {*kinds} <= {"-1", "1"}:
        return [column], np.where(known, [[text == "1"] for text in texts], -1)
    if len(kinds) > MOST:
        raise InputError(
            f"{path}: {column} has {len(kinds):,} values, such as {kinds[0]!r}, each of which would be an "
            f"attribute: choose columns of {MOST} or fewer, or of 0 and 1"
        )
    values = np.where(known, np.array(texts)[:, None] == np.array(kinds), -1)
    return [f"{column}={kind}" for kind in kinds], values


def shorten_number(text: str) -> str:
    """A whole number as such, other text as it is.

    >>> shorten_number("1.0"), shorten_number(" 1"), shorten_number("m")
    ('1', '1', 'm')
    """
    try:
        return str(int(number)) if (number := float(text)).is_integer() else text
    except ValueError:
        return text
