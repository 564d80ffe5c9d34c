"""Files of rows: one JSON object a line, added whole or not at all; what is damaged is named by its line."""

import io
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from gaxjax.errors import InputError
from gaxjax.files import append, name_file_in_error, with_null, write_bytes
from gaxjax.files.places import is_remote
from gaxjax.parallel import tell
from gaxjax.runs.bucket import append_object

Row = TypeVar("Row")
UPLOAD = 30.0
"""Seconds between two writes of a file of rows in a bucket, where an object is written as a whole."""


def as_line(row: dict[str, Any]) -> bytes:
    """A row as a line of strict JSON."""
    # Without `allow_nan`, Python writes NaN, which no other reader of JSON takes.
    return json.dumps(with_null(row), allow_nan=False).encode() + b"\n"


def read_rows(path: Path, form: Callable[[dict[str, Any]], Row]) -> list[Row]:
    """What `form` makes of every row of a file; none where there is no file.

    A last line that was cut off is left out. InputError for any other that is no row, or that `form` refuses
    by a KeyError, TypeError or ValueError.
    """
    *lines, last = read_if_there(path).split(b"\n")
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
    if is_remote(path):
        append_object(path, b"".join(as_line(row) for row in rows))
        return
    with open(path, "ab", buffering=0) as file:
        append(file, b"".join(as_line(row) for row in rows))
        with name_file_in_error(path):
            os.fsync(file.fileno())


def cut_torn(path: Path) -> None:
    """Drops a last line that a crash or full disk cut off, and says so; one that lacks its end gets it."""
    text = read_if_there(path)
    whole = text.rfind(b"\n") + 1
    if whole == len(text):
        return
    if is_remote(path):  # copied there from a disk: an object itself is whole
        write_bytes(path, text + b"\n" if is_row(text[whole:]) else text[:whole])
        return
    with name_file_in_error(path), open(path, "r+b", buffering=0) as file:
        if is_row(text[whole:]):
            file.seek(0, os.SEEK_END)
            append(file, b"\n")
            return
        file.truncate(whole)
    tell(f"{path}: its last line was cut off after {len(text) - whole} bytes, and is dropped")


def read_if_there(path: Path) -> bytes:
    """What a file holds; empty where there is none."""
    # Not asked about first: in a bucket, one that cannot be reached would count as one that is not there.
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


class RowWriter:
    """Adds rows to a file that no other process writes, each at once; in a bucket every `UPLOAD` seconds."""

    def __init__(self, path: Path):
        self._path = path
        self._text = bytearray(read_if_there(path)) if is_remote(path) else bytearray()
        self._written, self._pending = time.monotonic(), False
        self._file = None if is_remote(path) else self._open()

    def add(self, row: dict[str, Any]) -> None:
        """One row."""
        if self._file:
            append(self._file, as_line(row))
            return
        self._text += as_line(row)
        self._pending = True
        if time.monotonic() - self._written > UPLOAD:
            self.flush()

    def flush(self) -> None:
        """Waits until all rows are kept. Closes the file, for a mounted bucket keeps what is closed."""
        if self._file:
            with name_file_in_error(self._path):
                os.fsync(self._file.fileno())
                self._file.close()
                self._file = self._open()
        elif self._pending:
            write_bytes(self._path, bytes(self._text))
            self._written, self._pending = time.monotonic(), False

    def close(self) -> None:
        """Ends the file."""
        if self._file:
            self._file.close()
        else:
            self.flush()

    def _open(self) -> io.FileIO:
        # Unbuffered: a row goes to the system in one piece, and no part of one is left in a process that is
        # killed.
        return open(self._path, "ab", buffering=0)


def is_row(line: bytes) -> bool:
    """Whether a line is a whole row: no part of one is."""
    try:
        return isinstance(json.loads(line.decode()), dict)
    except ValueError:
        return False
