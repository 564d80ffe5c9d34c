"""Where files are: on a disk, or in a bucket, whose address etils and fsspec make a path of."""

import errno
import os
from pathlib import Path, PurePosixPath
from typing import Any, cast

from gaxjax.errors import InputError, summarize_error

PACKAGES = {"gs": "gcsfs", "s3": "s3fs"}
"""Kinds of addresses that name a place in a bucket, and the package through which fsspec reaches each, which
an extra of this package's, of the kind's name, brings."""


def as_path(place: Path | str) -> Path:
    """The place on a disk, or, where it is an address, gs://BUCKET/FOLDER or s3://BUCKET/FOLDER, in a bucket.

    What comes back for an address is a path of etils, which has pathlib's methods; Python's own `open`, and
    what goes through it, knows nothing of it. InputError for an address of another kind, and for one whose
    package is missing. Asks for nothing over the network.
    """
    text = os.fspath(place)
    kind, mark, rest = text.partition("://")
    if not mark:
        # Of `gs://a` pathlib makes `gs:/a`, which would be a folder here of the name `gs:`.
        if text.split("/")[0].endswith(":"):
            raise InputError(f"{text} has lost a slash of its address: give the address as text, gs://...")
        return Path(place)
    if kind not in PACKAGES or not rest.strip("/"):
        known = " or ".join(f"{name}://BUCKET/FOLDER" for name in PACKAGES)
        raise InputError(f"{text} is no place that is known: give {known}, or a directory")
    import fsspec

    # TensorFlow, where it happens to be installed, would be asked in fsspec's place.
    os.environ.setdefault("EPATH_USE_TF", "false")
    # A listing that is kept would not show what other processes write.
    fsspec.config.conf.setdefault(kind, {}).setdefault("use_listings_cache", False)
    try:
        fsspec.get_filesystem_class(kind)
    except ImportError as error:
        raise InputError(
            f"{text} needs the package {PACKAGES[kind]}: pip install 'gaxjax[{kind}]', or mount the "
            "bucket and name the mounted path"
        ) from error
    from etils import epath

    return cast(Path, epath.Path(text))


def is_remote(path: Path) -> bool:
    """Whether a path is in a bucket, and not on a disk."""
    return "://" in os.fspath(path)


def disk_path(place: Path | str, what: str) -> Path:
    """The place on a disk of what is read or written by libraries that know no buckets."""
    path = as_path(place)
    if is_remote(path):
        raise InputError(f"{path}: {what} on a disk alone: copy it, or mount the bucket and name that path")
    return path


def check_reachable(path: Path) -> None:
    """Refuses a place in a bucket that cannot be asked for, whether it is there or not.

    Afterwards what is not there is not there: a network, or a right, that is missing has been ruled out.
    """
    if not is_remote(path):
        return
    try:
        is_there(path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be reached ({error.strerror}): see that the bucket is there, and that "
            "this machine has the right to it"
        ) from error


def is_there(path: Path) -> bool:
    """Whether there is such a file; OSError where a bucket cannot tell, which `exists` would take for no."""
    if not is_remote(path):
        return path.exists()
    system, name = find_system(path)
    try:
        # It tells what is missing from what may not be asked for, as `exists` does not.
        system.info(name)
    except FileNotFoundError:
        return False
    except Exception as error:
        raise as_remote_error(path, error) from error
    return True


def read_remote(path: Path) -> bytes:
    """What an object of a bucket holds, by one request: a path that is opened asks for its size before."""
    system, name = find_system(path)
    return cast(bytes, system.cat_file(name))


def find_system(path: Path) -> tuple[Any, str]:
    """The file system of fsspec that a path in a bucket is of, and the path's name there."""
    import fsspec

    return cast(tuple[Any, str], fsspec.core.url_to_fs(os.fspath(path)))


def modification_time(path: Path) -> float:
    """When a file was last written, in seconds of the system's clock; of a bucket in whole ones."""
    about: Any = path.stat()
    return float(about.mtime if is_remote(path) else about.st_mtime)


def list_folders(folder: Path) -> list[Path]:
    """The folders in a folder; OSError where it may not be listed."""
    if not is_remote(folder):
        return [path for path in folder.iterdir() if path.is_dir()]
    # One listing says all, where `is_dir` would be a request for each.
    system, name = find_system(folder)
    try:
        entries = system.ls(name, detail=True)
    except Exception as error:
        raise as_remote_error(folder, error) from error
    return [folder / PurePosixPath(entry["name"]).name for entry in entries if entry["type"] == "directory"]


def as_remote_error(path: Path, error: Exception) -> OSError:
    """What a bucket's libraries raise, each its own, as the error that a disk would give."""
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    reason = summarize_error(error)
    return OSError(errno.EREMOTEIO, reason, str(path))
