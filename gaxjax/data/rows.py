"""Files with a row for each image of a folder, and which image each row is of."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from gaxjax.errors import InputError

Table = tuple[tuple[str, ...], list[list[str]]]
"""The names of columns, and the values of each row."""


def read_lines(path: Path) -> list[str]:
    """The lines of a text file; InputError for one that is not UTF-8."""
    try:
        # Spreadsheets begin a file with a mark, which is none of the first name.
        return path.read_bytes().decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8: save it as such") from error


def read_table(path: Path) -> Table:
    """A CSV file, whose first row is names; InputError where a row has more values than these, or fewer."""
    lines = [[value.strip() for value in line] for line in csv.reader(read_lines(path)) if line]
    head, *rows = lines or [[]]
    # As spreadsheets save them where the decimal point is a comma.
    if len(head) == 1 and ";" in head[0]:
        raise InputError(f"{path} is separated by semicolons: save it with commas, and points in numbers")
    check_lengths(path, head, rows, first=1)
    return tuple(head), rows


def check_lengths(path: Path, head: Sequence[str], rows: Sequence[Sequence[str]], first: int) -> None:
    """InputError for a row that has not as many values as there are names, which are in row `first`."""
    for number, row in enumerate(rows, first + 1):
        # Before they are read as numbers: a comma that is missing shifts all that follow.
        if len(row) != len(head):
            raise InputError(
                f"{path}, row {number}: {len(row)} values for the {len(head)} names of row {first}"
            )


def match_files(path: Path, rows: Sequence[str], files: Sequence[Path], whole: bool = True) -> list[int]:
    """For each image the row that names it; InputError for an image without one.

    whole: whether the rows are of these images alone, and one of another is refused too.
    """
    numbers = {row: number for number, row in enumerate(rows)}
    if len(numbers) < len(rows):
        (twice, _), *_ = Counter(rows).most_common(1)
        raise InputError(f"{path} has more than one row of {twice!r}")
    names = [file.as_posix() for file in files]
    others = sorted(set(rows) - set(names)) if whole else []
    for missing, what in (
        (sorted(set(names) - set(rows)), "no row of"),
        (others, "rows of files that are not there:"),
    ):
        if missing:
            more = f", and {len(missing) - 1} more" * (len(missing) > 1)
            raise InputError(f"{path} has {what} {missing[0]!r}{more}; files are named as in {names[0]!r}")
    return [numbers[name] for name in names]
