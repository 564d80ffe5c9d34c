"""~/.cache/gaxjax: what took long to make or to fetch, for the next command. No command depends on it."""

import contextlib
import functools
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gaxjax.errors import summarize_error


def cache_path(*names: str) -> Path:
    """Where something is kept: in ~/.cache/gaxjax; what is not there yet, where it can be written."""
    # What is there is read even where the folder cannot be written: only what is new needs another place.
    path = Path(cache_folder(), *names)
    return path if os.path.exists(path) else Path(writable_folder(cache_folder()), *names)


def cache_folder() -> str:
    """~/.cache/gaxjax, whether it can be written or not."""
    return os.path.expanduser("~/.cache/gaxjax")


# Cached: one warning and one temporary folder, however many files a command would keep.
@functools.cache
def writable_folder(folder: str) -> str:
    """That folder, or, with a word, one that ends with this process where that one cannot be written."""
    try:
        # `expanduser` leaves the ~ where it finds no home, and a folder of that name would be made right
        # here.
        if folder.startswith("~"):
            raise OSError("there is no home directory")
        try_to_write(folder)
        return folder
    except OSError as error:
        print(
            f"warning: nothing is kept for the next command: {summarize_error(error)}",
            file=sys.stderr,
            flush=True,
        )
        _temporary.append(tempfile.TemporaryDirectory(prefix="gaxjax-"))
        return _temporary[-1].name


def try_to_write(folder: str) -> None:
    """OSError where a folder cannot be made or written."""
    os.makedirs(folder, exist_ok=True)
    # By a file, for permission bits say little: root passes over them, and a read-only mount is not in them.
    with tempfile.TemporaryFile(dir=folder):
        pass


_temporary: list[tempfile.TemporaryDirectory[str]] = []
"""Removed when the process ends."""


@contextlib.contextmanager
def cache_settings(**settings: Any) -> Iterator[None]:
    """Other settings of JAX's compilation cache meanwhile, such as its folder or whether there is one."""
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    before = {name: jax.config.values[name] for name in settings}
    try:
        for name, value in settings.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()  # JAX opens a cache once, and is told to forget the one that is open
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
