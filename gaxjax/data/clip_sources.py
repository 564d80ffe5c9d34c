"""Sources of clips: all frames in memory, or read as they are needed; a seed and a position say which.

A clip is so many frames at a stride from a first one, which is chosen at random among all that leave room.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import final

import numpy as np

from gaxjax.data.clips import VIDEO, ClipFolder
from gaxjax.data.config import Data, frames_taken
from gaxjax.data.images import DamagedError
from gaxjax.data.pictures import Streaming, damage_of, digest_examples, report_damage
from gaxjax.data.source import Batch, Source, SourceOf, Tables, random_words, shuffle_positions

STARTS = 7
"""Stream of the random numbers that say where clips begin; those below it are of what else is random."""


def open_clips(data: Data) -> Source:
    """The clips of a folder; InputError for those that cannot be used, or in strict off, a warning."""
    folder = ClipFolder(data)
    # It looks at each clip, which is how its frames are found: before that, nobody knows how many there are,
    # and whether they fit.
    clips = StreamedClips(folder, data)
    return ClipsInMemory(clips) if clips.table_size <= data.memory * 2**30 else clips


def choose_starts(rooms: np.ndarray, positions: np.ndarray, seed: int | None) -> np.ndarray:
    """First frames of the clips at positions [n], each of so many that leave room [n]; no seed: the first."""
    if seed is None:
        return np.zeros(len(rooms), np.int64)
    # A word of 64 bits is as good as uniform over so few places.
    return (random_words(positions, seed, STARTS)[:, 0] % rooms.astype(np.uint64)).astype(np.int64)


@final
class StreamedClips(SourceOf):
    """Clips on disk, of which those frames are decoded that are taken."""

    def __init__(self, folder: ClipFolder, data: Data):
        self.folder, self.data = folder, data
        super().__init__(source := Streaming(folder, data.workers, data.strict))
        self.indices, self.replace_damaged = source.indices, source.replace_damaged
        self.lengths = np.array([len(folder.places[index]) for index in self.indices.tolist()], np.int64)

    @property
    def table_size(self) -> int:
        return int(self.lengths.sum()) * int(np.prod(self.data.shape[1:]))

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        numbers = shuffle_positions(positions, len(self), seed)
        # By the position and not by the clip: an epoch later the same one may begin elsewhere.
        rooms = self.lengths[numbers] - frames_taken(self.data) + 1
        starts = choose_starts(rooms, positions, seed)
        batch = {key: np.empty((len(numbers), *leaf.shape), leaf.dtype) for key, leaf in self.spec.items()}
        for row, (number, start) in enumerate(zip(numbers.tolist(), starts.tolist(), strict=True)):
            try:
                example = self.folder.decode((int(self.indices[number]), start))
            except DamagedError as error:
                example = self.replace_damaged(number, error)
            for key, array in batch.items():
                array[row] = example[key]
        return batch

    def decode_all(self) -> int:
        """Every frame of every clip."""
        return int(self.try_all().sum())

    def try_all(self, frames: np.ndarray | None = None) -> np.ndarray:
        """Decodes all frames of each clip, into `frames` [n, H, W, C] if given; which are usable, [len] bool.

        InputError for those that cannot, if strict.
        """
        # Each clip has rows of its own, so that threads fill in the table side by side.
        ends = np.cumsum(self.lengths)

        def read_clip(number: int) -> None:
            index = int(self.indices[number])
            pixels = self.folder.read_frames(index, self.folder.places[index])
            if frames is not None:
                frames[ends[number] - self.lengths[number] : ends[number]] = pixels

        # All are tried before anything is said, as of images (`usable_indices`).
        with ThreadPoolExecutor(max(self.data.workers, 1)) as pool:
            reasons = list(pool.map(lambda number: damage_of(lambda: read_clip(number)), range(len(self))))
        damaged = [
            (self.folder.name(int(self.indices[number])), reason)
            for number, reason in enumerate(reasons)
            if reason is not None
        ]
        report_damage(damaged, len(self), self.data.strict, self.folder.remedy, self.folder.noun)
        return np.array([reason is None for reason in reasons])


@final
class ClipsInMemory(SourceOf):
    """Clips of which all frames are in memory, one clip after another in one table."""

    def __init__(self, clips: StreamedClips):
        super().__init__(clips)
        self.clips, self.data = clips, clips.data
        frames = np.empty((int(clips.lengths.sum()), *self.data.shape[1:]), np.uint8)
        # Frames of clips that only decoding shows to be damaged stay in the table: nobody asks for them.
        usable = clips.try_all(frames)
        self.indices = clips.indices[usable]
        self.offsets = (np.cumsum(clips.lengths) - clips.lengths)[usable]
        self.rooms = clips.lengths[usable] - frames_taken(self.data) + 1
        self.tables: Batch = {VIDEO: frames}
        if (labels := clips.labels) is not None:
            self.tables["label"] = labels[usable]

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def has_tables(self) -> bool:
        return True

    @property
    def table_size(self) -> int:
        return sum(table.nbytes for table in self.tables.values())

    @property
    def labels(self) -> np.ndarray | None:
        return self.tables.get("label")

    def digest(self) -> str:
        return digest_examples(self.clips.folder, self.indices)

    def decode_all(self) -> int:
        return len(self)

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        return self.gather(self.tables, self.choose(positions, seed))

    def choose(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        """Numbers of clips [n], and rows [n, T] of the table of frames."""
        numbers = shuffle_positions(positions, len(self), seed)
        # Rows of the table are looked up here, on the host: devices gather, and know nothing of clips.
        first = self.offsets[numbers] + choose_starts(self.rooms[numbers], positions, seed)
        frames = first[:, None] + self.data.stride * np.arange(self.data.shape[0])
        return {"label": numbers.astype(np.int32), VIDEO: frames.astype(np.int32)}

    def gather(self, tables: Tables, choice: Tables) -> Tables:
        return {key: table[choice[key]] for key, table in tables.items()}
