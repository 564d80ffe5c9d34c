"""Factors of images: the numbers in [0, 1] that each is made from; all combinations, or read from a file."""

import io
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gaxjax.data.listing import natural_key
from gaxjax.data.rows import match_files, read_table
from gaxjax.errors import InputError
from gaxjax.files.places import is_there

NAME = "factors"
"""Of the factors among an example's arrays, float32 [F]."""
FILES = ("factors.csv", "factors.npz")
"""In a folder of images."""
FILE = "file"
"""The column of names of files."""


def factor_values(index: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """The factors of images that are numbered through all combinations, float32 [n, F].

    index [n]: a number in mixed radix, the first factor its most significant digit; each factor's values are
    spaced uniformly from 0 to 1. As Isaac3D and Falcor3D are ordered (Nie et al. 2020).

    >>> factor_values(np.array([0, 1, 2, 3, 5]), (2, 3))
    array([[0. , 0. ],
           [0. , 0.5],
           [0. , 1. ],
           [1. , 0. ],
           [1. , 1. ]], dtype=float32)
    """
    digits = np.stack(np.unravel_index(index, tuple(sizes)), axis=-1)
    # A factor of one value is always 0, and not 0 / 0.
    return (digits / np.maximum(np.asarray(sizes) - 1, 1)).astype(np.float32)


class Factors(NamedTuple):
    """Of the images of a folder."""

    names: tuple[str, ...]
    """what each factor is called"""
    values: np.ndarray
    """float32 [n, F] in [0, 1], in the order of the images"""

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many values each factor has."""
        # As they occur: a file says values and not how many there could be.
        return tuple(len(np.unique(column)) for column in self.values.T)


def read_factors(folder: Path, files: Sequence[Path]) -> Factors | None:
    """What factors.csv or factors.npz in a folder says of its images; None where there is neither.

    factors.csv: a line of names, then one for each image: its factors, after its file where the first name is
    "file". factors.npz: "names" [F], with "factors" [n, F], and "files" [n] if need be; or with "sizes" [F],
    where the images are all combinations of so many values (`factor_values`). Without files, in the order of
    the images as people count: 2.png before 10.png.

    InputError for one that does not fit the images, or with values outside of [0, 1].
    """
    # Beside the images of a split, as each split has its own.
    found = [folder / name for name in FILES if is_there(folder / name)]
    if len(found) > 1:
        raise InputError(f"{folder} has both {' and '.join(FILES)}: remove one of them")
    if not found:
        return None
    path = found[0]
    names, values, rows = read_csv(path) if path.suffix == ".csv" else read_npz(path, len(files))
    if not names or len(set(names)) < len(names) or "" in names:
        raise InputError(f"{path}: factors have names, each its own; got {', '.join(names) or 'none'}")
    check_range(path, names, values)
    # Rows come in whatever order; from here on they are in that of the images.
    order = match_files(path, rows, files) if rows else count_order(path, len(values), files)
    return Factors(names, values[order].astype(np.float32))


def read_csv(path: Path) -> tuple[tuple[str, ...], np.ndarray, list[str]]:
    """Names, values in the order of the lines, and the file of each, if they have one."""
    names, lines = read_table(path)
    # No factor is called so, nor could a file's name be a number in [0, 1].
    named = names[:1] == (FILE,)
    try:
        values = [[float(value) for value in line[named:]] for line in lines]
    except ValueError as error:
        is_near = not named and names[:1] and names[0].lower() in (FILE, "files", "filename", "name", "image")
        hint = f'; a first column of files is called "{FILE}", and here "{names[0]}"' if is_near else ""
        raise InputError(f"{path}: factors are numbers in [0, 1] ({error}){hint}") from error
    names = names[named:]
    array = np.array(values, np.float64).reshape(len(lines), len(names))
    return names, array, [line[0] for line in lines] if named else []


def read_npz(path: Path, count: int) -> tuple[tuple[str, ...], np.ndarray, list[str]]:
    """The same of arrays; count: of the images, where all combinations are meant."""
    try:
        # No pickles: a file of factors from elsewhere must not run code.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            arrays = dict(stored)
        names = tuple(str(name) for name in arrays["names"])
        if "sizes" in arrays:
            sizes = [int(size) for size in arrays["sizes"]]
            if len(sizes) != len(names) or (product := math.prod(sizes)) != count:
                raise InputError(
                    f"{path}: {len(names)} names with sizes {sizes}, whose product must be the number of "
                    f"images, {count:,}; got {math.prod(sizes):,}"
                )
            return names, factor_values(np.arange(product), sizes), []
        values = np.asarray(arrays["factors"], np.float64)
        files = [str(file) for file in arrays.get("files", ())]
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path} must have the arrays names [F], and factors [n, F] or sizes [F] ({error})"
        ) from error
    if values.ndim != 2 or values.shape[1] != len(names):
        raise InputError(f"{path}: factors must be [n, {len(names)}], for its names; got {values.shape}")
    return names, values, files


def check_range(path: Path, names: Sequence[str], values: np.ndarray) -> None:
    """Refuses values that are not in [0, 1]."""
    for name, column in zip(names, values.T, strict=True):
        # Not `< 0 or > 1`, which nan is neither of.
        wrong = column[~((column >= 0) & (column <= 1))]
        if np.isnan(wrong).any():
            raise InputError(
                f"{path}: {name} has values that are missing (nan): give them, or leave {name} out"
            )
        if wrong.size:
            raise InputError(
                f"{path}: {name} has values outside of [0, 1], such as {wrong[0]:g}: subtract its smallest "
                f"value and divide by the largest less the smallest"
            )


def count_order(path: Path, rows: int, files: Sequence[Path]) -> np.ndarray:
    """For each image its place among all as people count."""
    if rows != len(files):
        raise InputError(
            f"{path} has {rows:,} rows of factors, and there are {len(files):,} images: give one row each, "
            f'or name the files in a first column "{FILE}"'
        )
    # The images themselves come sorted as text, where 10.png is before 2.png.
    keys = [[natural_key(part) for part in file.parts] for file in files]
    order = np.empty(len(files), np.int64)
    order[sorted(range(len(files)), key=keys.__getitem__)] = np.arange(len(files))
    return order
