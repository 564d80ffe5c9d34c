"""Writing files, and what is added to them, whole or not at all."""

import contextlib
import errno
import io
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np


def write_bytes(path: Path, content: bytes) -> Path:
    """Writes a file so that whoever reads it, also after a crash, sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with naming(path):
        try:
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    return path


def append(file: io.FileIO, content: bytes) -> None:
    """Adds to the end of an unbuffered file; the part that a full disk has taken is cut off again."""
    with naming(Path(str(file.name))):
        end = file.seek(0, os.SEEK_END)
        try:
            if file.write(content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(end)
            raise


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> Path:
    """Arrays by name as a file of NumPy's (npz), without a date in it: the same arrays are the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    return write_bytes(path, buffer.getvalue())


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Lets an OSError say which file it is about: one from writing or closing does not."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
