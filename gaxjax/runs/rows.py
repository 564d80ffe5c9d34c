"""Files of rows: one JSON object a line, added whole or not at all; what is damaged is named by its line."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from gaxjax.errors import InputError
from gaxjax.files import append, name_file_in_error, with_null
from gaxjax.parallel import tell

Row = TypeVar("Row")


def as_line(row: dict[str, Any]) -> bytes:
    """A row as a line of strict JSON."""
    # Without `allow_nan`, Python writes NaN, which no other reader of JSON takes.
    return json.dumps(with_null(row), allow_nan=False).encode() + b"\n"


def read_rows(path: Path, form: Callable[[dict[str, Any]], Row]) -> list[Row]:
    """What `form` makes of every row of a file; none where there is no file.

    A last line that was cut off is left out. InputError for any other that is no row, or that `form` refuses
    by a KeyError, TypeError or ValueError.
    """
    *lines, last = path.read_bytes().split(b"\n") if path.exists() else [b""]
    if is_row(last):  # all of it but its end
        lines.append(last)
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            if line.strip():
                rows.append(form(json.loads(line.decode())))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"{path}, line {number} is damaged, it begins with {line[:20]!r}: delete that line, or put "
                "the file back from a copy"
            ) from error
    return rows


def append_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Adds rows to a file, all or none, and waits for the disk; another process may do so too."""
    # Or the first new row would go on in the torn one, and both be lost.
    cut_torn(path)
    with open(path, "ab", buffering=0) as file:
        append(file, b"".join(as_line(row) for row in rows))
        with name_file_in_error(path):
            os.fsync(file.fileno())


def cut_torn(path: Path) -> None:
    """Drops a last line that a crash or full disk cut off, and says so; one that lacks its end gets it."""
    text = path.read_bytes() if path.exists() else b""
    whole = text.rfind(b"\n") + 1
    if whole == len(text):
        return
    with name_file_in_error(path), open(path, "r+b", buffering=0) as file:
        if is_row(text[whole:]):
            file.seek(0, os.SEEK_END)
            append(file, b"\n")
            return
        file.truncate(whole)
    tell(f"{path}: its last line was cut off after {len(text) - whole} bytes, and is dropped")


def is_row(line: bytes) -> bool:
    """Whether a line is a whole row: no part of one is."""
    try:
        return isinstance(json.loads(line.decode()), dict)
    except ValueError:
        return False
