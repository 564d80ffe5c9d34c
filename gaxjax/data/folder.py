"""A folder of images of one's own, of any size, as labeled or unlabeled images or as pairs."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import final

import jax
import numpy as np

from gaxjax.data.attributes import NAME as ATTRIBUTES
from gaxjax.data.attributes import read_attributes
from gaxjax.data.config import Data, has_clips
from gaxjax.data.factors import FILES, read_factors
from gaxjax.data.factors import NAME as FACTORS
from gaxjax.data.images import (
    check_crop,
    check_halves,
    halves,
    open_picture,
    pixels_for,
    upright_size,
    verify,
)
from gaxjax.data.layout import domain_folders, folder_of_split, subfolders_of
from gaxjax.data.listing import image_files, list_images, natural_key
from gaxjax.data.pictures import Pictures
from gaxjax.data.source import Batch
from gaxjax.errors import InputError
from gaxjax.parallel import tell

__all__ = ["Folder", "folder_of_split", "image_files"]


def class_names(files: Sequence[Path], folder: Path, data: Data) -> list[str]:
    """The subfolders that are classes, as people count (1, 2, 10); none if the images have no labels.

    files: of images or clips, relative to the folder
    """
    loose = [path for path in files if len(path.parts) == 1]
    names = sorted({path.parts[0] for path in files if len(path.parts) > 1}, key=natural_key)
    if data.layout == "classes":
        if loose:
            raise InputError(
                f"layout=classes takes images from one subfolder for each class, and {len(loose)} of the "
                f"{len(files)} images lie beside the subfolders, such as {loose[0]}"
            )
    elif data.layout not in ("auto", "frames", "strips") or loose or len(names) < 2:
        return []
    check_empty(names, folder, data)
    return names


def check_empty(names: Sequence[str], folder: Path, data: Data) -> None:
    """InputError for subfolders without examples beside those that are classes.

    Those after one would be numbered as if it were not there. Where nobody said that each subfolder is a
    class, it may hold something else: a warning.
    """
    empty = [path for path in subfolders_of(folder) if path.name not in names]
    if not empty:
        return
    listing = ", ".join(repr(path.name) for path in sorted(empty, key=lambda path: natural_key(path.name)))
    what = "clip" if has_clips(data) else "image"
    if data.layout == "classes":
        raise InputError(
            f"a class without any {what}: {listing} in {folder}; add {what}s or remove the subfolder, for "
            "classes are numbered in the order of their names"
        )
    warnings.warn(f"{folder}: no class is made of subfolder {listing}, which has no {what}", stacklevel=2)


@final
class Folder(Pictures):
    """{"image"}, with "label" where subfolders are classes, and "factors" and "attributes" where a file has
    those of each; or {"a", "b"} from the halves of each image.

    side: "a" or "b", for one of two folders of `layout=domains`, in an order of its own.
    """

    remedy = "Repair or remove them"

    def __init__(self, data: Data, side: str = ""):
        self.data = data
        self.root = domain_folders(data)[side] if side else folder_of_split(data)
        self.listing = list_images(self.root)
        self.files = self.listing.files
        # Of single images: of pairs and of domains such a file is passed over, and told as all others.
        single = data.layout != "halves" and not side
        self.rows: dict[str, np.ndarray] = {}
        read = set[str]()
        if single and (factors := read_factors(self.root, self.files)):
            self.rows[FACTORS], read = factors.values, {*FILES}
            self.factor_names, self.factor_sizes = factors.names, factors.sizes
        if data.attributes:
            attributes = read_attributes(self.root, self.files, data.attributes)
            self.rows[ATTRIBUTES], read = attributes.values, read | {attributes.path.name}
            self.attributes = attributes.counts
        others = [(path, kind) for path, kind in self.listing.others if path.as_posix() not in read]
        self.listing = replace(self.listing, others=others)
        tell(self.listing.describe_others())
        picture = jax.ShapeDtypeStruct(data.shape, np.uint8)
        if data.layout == "halves":
            self.spec = {"a": picture, "b": picture}
            # One stream is one order: pairs stay together in it. Two are independent permutations of the same
            # files.
            self.streams = {"a": 0, "b": 0 if data.paired else 1}
            return
        self.key = side or "image"
        # Each domain has an order of its own, as unpaired data must: streams 0 for a and 1 for b.
        self.spec, self.streams = {self.key: picture}, {self.key: "ab".find(side) if side else 0}
        self.class_names = class_names(self.files, self.root, data)
        self.numbers = {name: number for number, name in enumerate(self.class_names)}
        if self.numbers:
            self.classes = len(self.numbers)
            self.spec["label"], self.streams["label"] = jax.ShapeDtypeStruct((), np.int32), 0
        for name, values in self.rows.items():
            self.spec[name], self.streams[name] = jax.ShapeDtypeStruct(values.shape[1:], np.float32), 0

    def __len__(self) -> int:
        return len(self.files)

    def name(self, index: int) -> str:
        return str(self.root / self.files[index])

    def identity(self, index: int) -> tuple[str, int]:
        file = self.files[index]
        # Relative name and size: the same wherever the folder lies, whatever system it lies on, and no file
        # is read. Times would differ after every copy.
        # What is learned of an image is a part of it: another factor is another example.
        own = "".join(f" {values[index].tolist()}" for values in self.rows.values())
        return file.as_posix() + own, self.listing.size(file)

    def labels(self) -> np.ndarray | None:
        if not self.classes:
            return None
        return np.array([self.numbers[file.parts[0]] for file in self.files], np.int32)

    def fetch(self, indices: Sequence[int]) -> Sequence[int]:
        return indices

    def check(self, index: int) -> None:
        file = self.root / self.files[index]
        verify(file)
        if self.data.layout == "halves":
            check_halves(upright_size(file))
        if self.data.scale > 1:
            check_crop(upright_size(file), self.data.shape)

    def decode(self, fetched: int) -> Batch:
        file = self.files[fetched]
        picture = open_picture(self.root / file, upright=True)
        if self.data.layout == "halves":
            a, b = reversed(halves(picture)) if self.data.swap else halves(picture)
            return {"a": pixels_for(a, self.data), "b": pixels_for(b, self.data)}
        batch = {self.key: pixels_for(picture, self.data)}
        if self.classes:
            batch["label"] = np.array(self.numbers[file.parts[0]], np.int32)
        return batch | {name: values[fetched] for name, values in self.rows.items()}
