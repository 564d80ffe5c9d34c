"""A folder of images of one's own, of any size, as labeled or unlabeled images or as pairs."""

from collections.abc import Sequence
from pathlib import Path
from typing import final

import jax
import numpy as np

from gaxjax.data.config import Data
from gaxjax.data.images import check_halves, fitted, halves, measure, open_picture, verify
from gaxjax.data.pictures import Pictures
from gaxjax.data.source import Batch
from gaxjax.errors import InputError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})


def chosen_folder(data: Data) -> Path:
    """The folder of the split: its subfolder; without a subfolder "train" the folder itself is "train"."""
    if not data.directory:
        raise InputError("name=folder needs directory, the folder of images")
    folder = Path(data.directory).expanduser()
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {what}; directory is the folder of images")
    if data.split and (folder / data.split).is_dir():
        return folder / data.split
    if data.split in ("", "train"):
        return folder
    subfolders = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    raise InputError(
        f"{folder} has no subfolder {data.split!r}; its subfolders: {', '.join(subfolders) or 'none'}. "
        "split=train without a subfolder train is the folder itself"
    )


def image_files(folder: Path) -> list[Path]:
    """Every image below a folder, relative to it, sorted; not what is hidden and not other files."""
    found = []
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        if not hidden and path.suffix.lower() in SUFFIXES and path.is_file():
            found.append(relative)
    if not found:
        raise InputError(f"{folder} holds no images ({', '.join(sorted(SUFFIXES))})")
    # by the parts of the path, as text: the same order on every system
    return sorted(found, key=lambda path: path.parts)


def class_names(files: Sequence[Path], data: Data) -> list[str]:
    """The subfolders that are classes, sorted; none if the images have no labels."""
    loose = [path for path in files if len(path.parts) == 1]
    names = sorted({path.parts[0] for path in files if len(path.parts) > 1})
    if data.layout == "classes":
        if loose:
            raise InputError(
                f"layout=classes takes images from one subfolder for each class, and {len(loose)} of the "
                f"{len(files)} images lie beside the subfolders, such as {loose[0]}"
            )
        return names
    return names if data.layout == "auto" and not loose and len(names) > 1 else []


@final
class Folder(Pictures):
    """{"image"}, with "label" where subfolders are classes; or {"a", "b"} from the halves of each image."""

    def __init__(self, data: Data):
        self.data = data
        self.root = chosen_folder(data)
        self.files = image_files(self.root)
        picture = jax.ShapeDtypeStruct(data.shape, np.uint8)
        if data.layout == "halves":
            self.spec = {"a": picture, "b": picture}
            self.streams = {"a": 0, "b": 0 if data.paired else 1}
            return
        self.spec, self.streams = {"image": picture}, {"image": 0}
        self.names = class_names(self.files, data)
        if self.names:
            self.classes = len(self.names)
            self.spec["label"], self.streams["label"] = jax.ShapeDtypeStruct((), np.int32), 0

    def __len__(self) -> int:
        return len(self.files)

    def name(self, index: int) -> str:
        return str(self.root / self.files[index])

    def fetch(self, indices: Sequence[int]) -> Sequence[Path]:
        return [self.files[index] for index in indices]

    def check(self, index: int) -> None:
        file = self.root / self.files[index]
        verify(file)
        if self.data.layout == "halves":
            check_halves(measure(file))

    def decode(self, fetched: Path) -> Batch:
        picture = open_picture(self.root / fetched, upright=True)
        shape, fit, filter = self.data.shape, self.data.fit, self.data.filter
        if self.data.layout == "halves":
            left, right = halves(picture)
            return {"a": fitted(left, shape, fit, filter), "b": fitted(right, shape, fit, filter)}
        batch = {"image": fitted(picture, shape, fit, filter)}
        if self.classes:
            batch["label"] = np.array(self.names.index(fetched.parts[0]), np.int32)
        return batch
