"""Objects of a bucket that several processes write: each replaces only what it has read.

A disk appends to a file, and makes one that is not there, in one step. A bucket does neither, but refuses
what is to take the place of an object that has changed since: by its generation, which tensorstore sends.
"""

import functools
import os
from pathlib import Path
from typing import Any

from gaxjax.errors import InputError
from gaxjax.files import name_file_in_error
from gaxjax.files.places import is_remote

Generation = bytes
"""Which state of an object it is, its absence too; in tensorstore's words."""
COMMIT = "commit_success.txt"
"""What orbax writes last into a checkpoint in a bucket, where nothing can be renamed at once."""


def store_spec(folder: Path) -> dict[str, str]:
    """A folder, on a disk or in a bucket, as tensorstore describes it."""
    # Not a URL, in which some characters of a path would mean something else.
    if not is_remote(folder):
        return {"driver": "file", "path": f"{folder}/"}
    kind, _, rest = os.fspath(folder).partition("://")
    if kind != "gs":
        raise InputError(
            f"{folder}: runs are kept on a disk or at gs:// alone, for Orbax saves to no other: name one, or "
            "mount the bucket"
        )
    bucket, _, path = rest.partition("/")
    return {"driver": "gcs", "bucket": bucket, "path": f"{path}/" if path else ""}


@functools.lru_cache(maxsize=16)
def open_store(folder: Path) -> Any:
    """The objects below a folder of a bucket, of tensorstore's kind."""
    import tensorstore

    return tensorstore.KvStore.open(store_spec(folder)).result()


def read_object(path: Path) -> tuple[bytes | None, Generation]:
    """What an object holds, None where it is not there, and its generation; OSError where none can tell."""
    with name_file_in_error(path):
        result = open_store(path.parent).read(path.name).result()
    return (result.value if result.state == "value" else None), result.stamp.generation


def replace_object(path: Path, content: bytes | None, generation: Generation) -> Generation | None:
    """Writes an object, or removes it (None), if it is of that generation still; its new one, or None."""
    with name_file_in_error(path):
        stamp = open_store(path.parent).write(path.name, content, if_equal=generation).result()
    return stamp.generation or None  # empty where the condition did not hold


def append_object(path: Path, content: bytes) -> None:
    """Adds to the end of an object, whoever else does so meanwhile."""
    # Whoever comes second reads again what the first one wrote, so that no row is lost.
    while True:
        text, generation = read_object(path)
        if replace_object(path, (text or b"") + content, generation):
            return
