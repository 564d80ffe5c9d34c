"""Writing files, and what is added to them, whole or not at all."""

import contextlib
import errno
import io
import math
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gaxjax.files.places import as_remote_error, find_system, is_remote


def write_bytes(path: Path, content: bytes) -> Path:
    """Writes a file so that whoever reads it, also after a crash, sees the old one or the new one."""
    if is_remote(path):
        # An object appears whole or not at all, and needs no folder.
        with name_file_in_error(path):
            path.write_bytes(content)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside the file, as os.replace is atomic within one file system alone; of this process, as two may write
    # the same file.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with name_file_in_error(path):
        try:
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                # The content before the name: a crash in between must not leave the new name with nothing in
                # it.
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            # Missing after a replace; there where something has failed, and then in nobody's way.
            temporary.unlink(missing_ok=True)
    return path


def move(path: Path, to: Path) -> None:
    """Gives a file or folder another name, of nothing yet: at once on a disk, one by one in a bucket."""
    if not is_remote(path):
        path.rename(to)
        return
    with name_file_in_error(path):
        system, name = find_system(path)
        whole = system.isdir(name)
        system.copy(name, find_system(to)[1], recursive=whole)
        system.rm(name, recursive=whole)


def append(file: io.FileIO, content: bytes) -> None:
    """Adds to the end of an unbuffered file; the part that a full disk has taken is cut off again."""
    with name_file_in_error(Path(str(file.name))):
        end = file.seek(0, os.SEEK_END)
        try:
            # Unbuffered, a write to a full disk may stop short without an exception.
            if file.write(content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            # Half a row would trip every later reader; the first error is the one to tell of.
            with contextlib.suppress(OSError):
                file.truncate(end)
            raise


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> Path:
    """Arrays by name as a file of NumPy's (npz), without a date in it: the same arrays are the same bytes."""
    import numpy as np  # here: a command's help asks for places of files, and need not wait for it

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
            # A ZipInfo of one's own is of 1980; by name alone it would have the time of writing.
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    return write_bytes(path, buffer.getvalue())


@contextlib.contextmanager
def name_file_in_error(path: Path) -> Iterator[None]:
    """Lets an OSError say which file it is about: one from writing or closing does not.

    In a bucket whatever goes wrong, with its network or a right that is missing, is one.
    """
    try:
        yield
    except Exception as error:
        if is_remote(path):
            raise as_remote_error(path, error) from error
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def with_null(row: dict[str, Any]) -> dict[str, Any]:
    """A row with None for what is not finite: strict JSON has no word for nan or infinity."""
    return {name: None if isinstance(x, float) and not math.isfinite(x) else x for name, x in row.items()}
