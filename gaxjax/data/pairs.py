"""Pairs of images in two folders, which belong together by their names."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar, final

import jax
import numpy as np

from gaxjax.data.config import Data
from gaxjax.data.images import DamagedError, open_picture, pixels_for, upright_size, verify
from gaxjax.data.layout import domain_folders
from gaxjax.data.listing import list_images
from gaxjax.data.pictures import Pictures
from gaxjax.data.source import Batch
from gaxjax.errors import InputError
from gaxjax.parallel import tell

Answer = TypeVar("Answer")


@final
class Pairs(Pictures):
    """{"a", "b"} of images of one name in both folders; their kinds of file (.jpg, .png) may differ."""

    remedy = (
        "Bring what is missing, repair or remove them, or use paired=False (--data.no-paired) for two sets "
        "without pairs"
    )

    def __init__(self, data: Data):
        self.data, self.folders = data, domain_folders(data)
        self.listings = {side: list_images(folder) for side, folder in self.folders.items()}
        # By name without what says the kind of file: photographs are JPEGs, and their label maps are not.
        self.files: dict[str, dict[Path, list[Path]]] = {"a": {}, "b": {}}
        for side, listing in self.listings.items():
            tell(listing.describe_others())
            for file in listing.files:
                self.files[side].setdefault(file.with_suffix(""), []).append(file)
        # Of both: one that either lacks is told as an example that cannot be used.
        self.names = sorted({*self.files["a"], *self.files["b"]}, key=lambda path: path.parts)
        if self.files["a"].keys().isdisjoint(self.files["b"]):
            a, b = self.folders.values()
            raise InputError(f"{a} and {b} have no name in common, so that there are no pairs. {self.remedy}")
        # One stream: both follow one order, so that pairs stay together.
        picture = jax.ShapeDtypeStruct(data.shape, np.uint8)
        self.spec, self.streams = {"a": picture, "b": picture}, {"a": 0, "b": 0}

    def __len__(self) -> int:
        return len(self.names)

    def name(self, index: int) -> str:
        name = self.names[index]
        side = "a" if name in self.files["a"] else "b"
        return str(self.folders[side] / self.files[side][name][0])

    def identity(self, index: int) -> tuple[str, int]:
        a, b = (self.file(side, index) for side in "ab")
        # Of both: a pair is another once either of its files is.
        return f"{a.as_posix()} {self.listings['a'].size(a)} {b.as_posix()}", self.listings["b"].size(b)

    def fetch(self, indices: Sequence[int]) -> Sequence[int]:
        return indices

    def check(self, index: int) -> None:
        self.look(verify, index)
        check_sizes(*self.look(upright_size, index))

    def decode(self, fetched: int) -> Batch:
        pictures = self.look(lambda file: open_picture(file, upright=True), fetched)
        check_sizes(*(picture.size for picture in pictures))
        a, b = (pixels_for(picture, self.data) for picture in pictures)
        return {"a": a, "b": b}

    def file(self, side: str, index: int) -> Path:
        """One of a pair's files, relative to its folder; DamagedError if there is none, or more than one."""
        folder, files = self.folders[side], self.files[side].get(self.names[index], [])
        if not files:
            raise DamagedError(f"it has no partner, an image of this name in {folder}")
        if len(files) > 1:
            raise DamagedError(f"{folder} has several of this name: {', '.join(map(str, files))}")
        return files[0]

    def look(self, function: Callable[[Path], Answer], index: int) -> list[Answer]:
        """What a function says of both files; a DamagedError names the one that it is of."""
        # Both are found before either is opened: that a partner is missing is the better reason.
        files = [self.folders[side] / self.file(side, index) for side in "ab"]
        results = []
        for file in files:
            try:
                results.append(function(file))
            except DamagedError as error:
                # The example has the name of a; what is of b needs its own.
                raise DamagedError(str(error) if file is files[0] else f"{file}: {error}") from error
        return results


def check_sizes(a: tuple[int, int], b: tuple[int, int]) -> None:
    """DamagedError for a pair whose images (width, height) differ in size: pixels would not correspond."""
    if a != b:
        raise DamagedError("it is {}x{} pixels and its partner {}x{}".format(*a, *b))
