"""A folder of clips: animations and movies, strips of frames, or folders of frames."""

from collections.abc import Sequence
from pathlib import Path
from typing import final

import jax
import numpy as np

from gaxjax.data.config import Data, frames_taken
from gaxjax.data.folder import class_names
from gaxjax.data.frames import reader_of
from gaxjax.data.images import DamagedError, pixels_for
from gaxjax.data.layout import folder_of_split
from gaxjax.data.listing import Listing, list_images, natural_key
from gaxjax.data.movies import check_reader, movie_suffixes
from gaxjax.data.pictures import Pictures
from gaxjax.data.source import Batch
from gaxjax.errors import InputError
from gaxjax.parallel import tell

VIDEO = "video"
"""Of clips among an example's arrays, [T, H, W, C]."""


def list_clips(data: Data) -> tuple[Listing, dict[Path, list[Path]]]:
    """What is in a folder of clips, and the files of each clip by its path, relative to the folder."""
    listing = list_images(folder_of_split(data), movie_suffixes(data))
    if data.layout != "frames":
        return listing, {path: [path] for path in listing.files}
    clips: dict[Path, list[Path]] = {}
    for path in listing.files:
        clips.setdefault(path.parent, []).append(path)
    # Images beside folders of images: a clip and its subfolders, or covers beside clips? It may be either.
    around = {parent for clip in clips for parent in clip.parents}
    if mixed := sorted(clips.keys() & around):
        raise InputError(
            f"{listing.folder / mixed[0]} has images, such as {clips[mixed[0]][0].name}, beside folders of "
            "images: layout=frames takes the lowest folders as clips; move the ones or the others elsewhere"
        )
    if Path() in clips:
        raise InputError(
            f"{listing.folder} has images and no subfolders, and layout=frames takes each subfolder as a "
            "clip: use the folder that this one is in"
        )
    return listing, {
        clip: sorted(files, key=lambda path: natural_key(path.name)) for clip, files in clips.items()
    }


@final
class ClipFolder(Pictures):
    """{"video": uint8 [T, H, W, C]}, with "label" where subfolders are classes.

    A clip is found by `check`, which must come before it is read.
    """

    remedy, noun = "Repair or remove them", "clips"

    def __init__(self, data: Data):
        self.data = data
        self.listing, clips = list_clips(data)
        self.root = self.listing.folder
        self.clips, self.files = list(clips), list(clips.values())
        # Before the first file is opened, and once: each movie would say it of itself.
        check_reader(self.listing.files)
        tell(self.listing.describe_others())
        self.spec = {VIDEO: jax.ShapeDtypeStruct(data.shape, np.uint8)}
        self.class_names = class_names(self.clips, self.root, data)
        self.numbers = {name: number for number, name in enumerate(self.class_names)}
        if self.numbers:
            self.classes = len(self.numbers)
            self.spec["label"] = jax.ShapeDtypeStruct((), np.int32)
        # A clip and its label are one example: one stream, one order.
        self.streams = dict.fromkeys(self.spec, 0)
        # Where the frames of each are: none of those that cannot be used.
        self.places: list[Sequence[int]] = [()] * len(clips)

    def __len__(self) -> int:
        return len(self.clips)

    def name(self, index: int) -> str:
        return str(self.root / self.clips[index])

    def identity(self, index: int) -> tuple[str, int]:
        files = self.files[index]
        # As of images, by names and sizes; of a folder of frames, which files there are counts too.
        names = [file.name for file in files] if self.data.layout == "frames" else []
        return " ".join([self.clips[index].as_posix(), *names]), sum(map(self.listing.size, files))

    def labels(self) -> np.ndarray | None:
        if not self.classes:
            return None
        return np.array([self.numbers[clip.parts[0]] for clip in self.clips], np.int32)

    def fetch(self, indices: Sequence[int]) -> Sequence[tuple[int, int]]:
        """Each from its first frame on."""
        return [(index, 0) for index in indices]

    def check(self, index: int) -> None:
        files = [self.root / file for file in self.files[index]]
        # Lengths are known from here on: a start is drawn among those that leave room, without a file opened.
        places = reader_of(self.data, files).find(files)
        needed = frames_taken(self.data)
        if len(places) < needed:
            frames, stride = self.data.shape[0], self.data.stride
            clips = f"clips of {frames} at a stride of {stride} take" if stride > 1 else "clips have"
            raise DamagedError(f"too short: it has {len(places)} frames, and {clips} {needed}")
        # Measured are the first, and there is no need to keep others.
        self.places[index] = places[:needed] if self.data.first_frames else places

    def decode(self, fetched: tuple[int, int]) -> Batch:
        """The clip of an index from a frame on."""
        index, start = fetched
        numbers = range(start, start + frames_taken(self.data), self.data.stride)
        batch = {VIDEO: self.read_frames(index, [self.places[index][number] for number in numbers])}
        if self.classes:
            batch["label"] = np.array(self.numbers[self.clips[index].parts[0]], np.int32)
        return batch

    def frame_size(self, index: int) -> tuple[int, int]:
        """(width, height) of a clip's frames, as they are stored, by its first."""
        files = [self.root / file for file in self.files[index]]
        return next(reader_of(self.data, files).read(files, self.places[index][:1])).size

    def read_frames(self, index: int, places: Sequence[int]) -> np.ndarray:
        """Frames of a clip at some of its places: uint8 [n, H, W, C]."""
        files = [self.root / file for file in self.files[index]]
        pixels, sizes = np.empty((len(places), *self.data.shape[1:]), np.uint8), set[tuple[int, int]]()
        for row, picture in enumerate(reader_of(self.data, files).read(files, places)):
            # All have one box and one scale, or what is still would move.
            sizes.add(picture.size)
            if len(sizes) > 1:
                listing = ", ".join(f"{width} x {height}" for width, height in sorted(sizes))
                raise DamagedError(f"frames differ in size: {listing}")
            pixels[row] = pixels_for(picture, self.data)
        return pixels
