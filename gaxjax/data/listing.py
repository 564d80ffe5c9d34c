"""Which files of a folder are images: links are followed, and what is passed over is counted."""

import itertools
import os
from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gaxjax.errors import InputError, summarize_error
from gaxjax.files.places import find_system, is_remote

SUFFIXES = {
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"),
    *(".avif", ".jp2", ".j2k", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".qoi"),
}
"""Of images that Pillow decodes; of several frames the first is read. Listed, so that every machine takes
the same files."""
SYSTEM = {"thumbs.db", "desktop.ini"}
"""Files that Windows leaves in folders; those that macOS leaves begin with a dot, as all that is hidden."""
# Counted and named among what is passed over, as files of other kinds are.
LOOP = "link to a folder that it lies in"


class Entry(NamedTuple):
    """A file below a folder that is not hidden."""

    path: Path
    """relative to the folder"""
    kind: str
    """why it is not an image; empty: it is one"""
    size: int | None = None
    """bytes, where the listing says it: in a bucket, where asking for each would be as many requests"""


@dataclass(frozen=True)
class Listing:
    """The images below a folder, relative to it, in one order on every system; and what else is there."""

    folder: Path
    files: list[Path]
    others: list[tuple[Path, str]]
    """files that are passed over, and of which kind"""
    sizes: dict[Path, int]
    """bytes of the images, where the listing says them"""

    def size(self, file: Path) -> int:
        """Bytes of one of the images."""
        return self.sizes[file] if file in self.sizes else (self.folder / file).stat().st_size

    def describe_others(self) -> str:
        """A line on what is not read; empty where there is nothing."""
        if not self.others:
            return ""
        counts = Counter(kind for _, kind in self.others).most_common()
        kinds, count = ", ".join(f"{n} {kind}" for kind, n in counts), len(self.others)
        files = f"{count} file" + "s" * (count > 1)
        return f"{self.folder}: {files} passed over ({kinds}), such as {self.others[0][0]}"


def list_images(folder: Path, others: Set[str] = frozenset()) -> Listing:
    """Looks below a folder, through links; InputError for one that may not be listed, or without images.

    others: suffixes of files that are listed as images are, such as those of movies.
    """
    # Sorted at once and not folder by folder: `os.scandir` gives an order of the file system's own.
    entries = list(walk(folder, others))
    # by the parts of the path, as text: the same order on every system
    files = sorted((entry.path for entry in entries if not entry.kind), key=lambda path: path.parts)
    sizes = {entry.path: entry.size for entry in entries if not entry.kind and entry.size is not None}
    passed = sorted((entry.path, entry.kind) for entry in entries if entry.kind)
    listing = Listing(folder, files, passed, sizes)
    if not files:
        there = f", and {listing.describe_others()}" if listing.others else ""
        what = "images or movies" if others else "images"
        raise InputError(f"{folder} holds no {what} ({', '.join(sorted(SUFFIXES | others))}){there}")
    return listing


def image_files(folder: Path, others: Set[str] = frozenset()) -> list[Path]:
    """Every image below a folder, and file with one of the other suffixes, relative to it, sorted."""
    return list_images(folder, others).files


def has_images(folder: Path, others: Set[str] = frozenset()) -> bool:
    """Whether there is an image anywhere below, or a file with one of the other suffixes."""
    return any(not entry.kind for entry in walk(folder, others))


def walk(folder: Path, others: Set[str] = frozenset()) -> Iterator[Entry]:
    """All files below that are not hidden; InputError for a folder that may not be listed."""
    for entry in _list_objects(folder) if is_remote(folder) else _walk(folder, Path(), ()):
        yield entry._replace(kind="") if entry.kind in others else entry


def _list_objects(folder: Path) -> Iterator[Entry]:
    system, name = find_system(folder)
    try:
        objects = system.find(name, detail=True)
    except Exception as error:  # whatever its package makes of the network, or of a right that is missing
        raise InputError(f"{folder} cannot be looked into ({summarize_error(error)})") from error
    for key, about in objects.items():
        path = Path(key.removeprefix(f"{name}/"))
        # Some tools leave an object with the name of a folder, which is none of its files.
        marker = about["type"] != "file" or key.endswith("/")
        if marker or any(part.startswith(".") for part in path.parts) or path.name.lower() in SYSTEM:
            continue
        yield Entry(path, kind_of_name(path.name), about["size"])


def _walk(folder: Path, below: Path, around: tuple[tuple[int, int], ...]) -> Iterator[Entry]:
    place = folder / below
    try:
        here = place.stat()
        # Links are followed, so that a folder may lie in itself: one that is among those around it is not
        # entered. Two links to one folder are no loop, and both are read.
        around = (*around, (here.st_dev, here.st_ino))
        entries = [entry for entry in os.scandir(place) if not entry.name.startswith(".")]
        folders = {entry.name for entry in entries if entry.is_dir()}
    except OSError as error:
        name = error.filename or place
        raise InputError(
            f"{name} cannot be looked into ({error.strerror}): let it be read, or move it elsewhere"
        ) from error
    for entry in entries:
        path = below / entry.name
        if entry.name not in folders:
            if entry.name.lower() not in SYSTEM:
                yield Entry(path, kind_of(entry))
            continue
        # Of the link's target, as `place.stat()` above: a link is told by where it leads.
        inner = entry.stat()
        if (inner.st_dev, inner.st_ino) in around:
            yield Entry(path, LOOP)
        else:
            yield from _walk(folder, path, around)


def kind_of(entry: os.DirEntry[str]) -> str:
    """What a file is that is no image; empty for one that is, by its name."""
    if kind := kind_of_name(entry.name):
        return kind
    # a link to nothing stays in: it is an image that cannot be used, and is reported as such
    return "" if entry.is_file() or entry.is_symlink() else "not a file"


def kind_of_name(name: str) -> str:
    """The same of a name alone."""
    suffix = Path(name).suffix.lower()
    return "" if suffix in SUFFIXES else suffix or "without a suffix"


def natural_key(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """A key that sorts names as people count: 1, 2, 10.

    >>> sorted(["10", "b", "2", "a10", "a9", "02"], key=natural_key)
    ['02', '2', '10', 'a9', 'a10', 'b']
    """
    parts = ("".join(group) for _, group in itertools.groupby(name, str.isdecimal))
    # Numbers sort before words, and a number never meets a word in a comparison. The name itself comes last:
    # 2 and 02 are equal as numbers, and the order must not depend on the file system's.
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts), name
