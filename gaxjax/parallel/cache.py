"""~/.cache/gaxjax: what took long to make or to fetch, for the next command. No command depends on it."""

import functools
import os
import sys
import tempfile
from pathlib import Path

from gaxjax.errors import brief


def cached(*names: str) -> Path:
    """Where something is kept: in ~/.cache/gaxjax; what is not there yet, where it can be written."""
    there = Path(home(), *names)
    return there if os.path.exists(there) else Path(writable(home()), *names)


def home() -> str:
    """~/.cache/gaxjax, whether it can be written or not."""
    return os.path.expanduser("~/.cache/gaxjax")


@functools.cache
def writable(folder: str) -> str:
    """That folder, or, with a word, one that ends with this process where that one cannot be written."""
    try:
        if folder.startswith("~"):
            raise OSError("there is no home directory")
        try_to_write(folder)
        return folder
    except OSError as error:
        print(f"warning: nothing is kept for the next command: {brief(error)}", file=sys.stderr, flush=True)
        _temporary.append(tempfile.TemporaryDirectory(prefix="gaxjax-"))
        return _temporary[-1].name


def try_to_write(folder: str) -> None:
    """OSError where a folder cannot be made or written."""
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


_temporary: list[tempfile.TemporaryDirectory[str]] = []
"""Removed when the process ends."""
