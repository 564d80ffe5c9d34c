"""The path of a run's checkpoints, which orbax and tensorstore would not take as it is written."""

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gaxjax.errors import InputError
from gaxjax.files.places import is_remote
from gaxjax.runs.bucket import store_spec


def check_place(directory: Path) -> None:
    """Refuses a directory whose path tensorstore takes for another one, before anything is in it.

    And one in a bucket that Orbax saves nothing to.
    """
    if is_remote(directory):
        store_spec(directory)
        return
    path, effective = str(absolute_path(directory)), str(literal_path(directory))
    text = path.encode(errors="backslashreplace").decode()
    if "\\" in path:  # it would write to a folder of another name, with / in its place
        reason = "has a backslash"
    elif text != path:
        reason = "is not UTF-8"
    elif effective != path:
        reason = f"would be taken for {effective}"
    else:
        return
    raise InputError(f"{text} cannot hold checkpoints, for its path {reason}: use another --workdir")


def literal_path(directory: Path) -> Any:
    """The directory as orbax's own kind of path, which for `glob` would be a pattern as a whole."""
    return directory if is_remote(directory) else path_class()(str(absolute_path(directory)))


def absolute_path(directory: Path) -> Path:
    """The directory from the root on, without the `..` that tensorstore reads nothing through."""
    if is_remote(directory):
        return directory
    # As the system goes, for `link/..` is beside what the link points to. A path without one stays as it was
    # given, links and all, so that messages name it as its owner does.
    return directory.resolve() if ".." in directory.parts else directory.absolute()


@functools.cache
def path_class() -> Any:
    """Orbax's kind of path, with a `glob` in which only the pattern is one."""
    from etils import epath

    # By inheritance, for orbax asks its paths for their type, and makes others of the same.
    class Literal(type(epath.Path("/"))):  # type: ignore[misc]
        def glob(self, pattern: str) -> Iterator[Any]:
            return (self._new(path) for path in Path(os.fspath(self)).glob(pattern))

    return Literal
