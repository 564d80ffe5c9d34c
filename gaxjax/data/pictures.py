"""Sources of images: decoded once and kept in memory, or decoded as they are needed."""

import functools
import hashlib
import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, final

import numpy as np

from gaxjax.data.images import DamagedError, list_damage
from gaxjax.data.source import Batch, Named, Source, Spec, Tables, shuffle_positions
from gaxjax.errors import InputError

# Examples that a thread takes at a time: enough that a block's reading costs little, see `Pictures.fetch`.
BLOCK = 256


class Pictures(Named, ABC):
    """Examples that are decoded one at a time, to their final shape."""

    spec: Spec
    streams: dict[str, int]
    remedy: str
    """What can be done about examples that cannot be used."""
    noun: str = "images"
    """What a message calls them."""

    @abstractmethod
    def __len__(self) -> int:
        """How many there are."""

    @abstractmethod
    def identity(self, index: int) -> tuple[str, int]:
        """What tells an example from others wherever the set lies, without reading it."""

    def labels(self) -> np.ndarray | None:
        """Of all examples [len], where no image has to be read for them."""
        return None

    @abstractmethod
    def name(self, index: int) -> str:
        """How a message names the example: its path, or its number in a set."""

    @abstractmethod
    def fetch(self, indices: Sequence[int]) -> Sequence[Any]:
        """What `decode` takes, for several at once: a read of one record costs 30 times one of a block.

        For what cannot even be read, a DamagedError, which `decode` raises.
        """

    @abstractmethod
    def check(self, index: int) -> None:
        """A quick look at one example, without decoding it; DamagedError if it cannot be used."""

    @abstractmethod
    def decode(self, fetched: Any) -> Batch:
        """One example, as `spec` says; DamagedError if it cannot be used."""


def report_damage(
    damaged: Sequence[tuple[str, str]], total: int, strict: bool, remedy: str, noun: str
) -> None:
    """Say which examples cannot be used: an InputError if strict or if none is left, else one warning."""
    if not damaged:
        return
    count, listing = f"{len(damaged)} of {total} {noun}", list_damage(damaged)
    if strict or len(damaged) == total:
        raise InputError(
            f"{count} cannot be used:\n{listing}\n"
            f"{remedy}; strict=False (--data.no-strict) leaves them out of a run."
        )
    warnings.warn(f"left out {count} that cannot be used:\n{listing}", stacklevel=2)


def damage_of(attempt: Callable[[], object]) -> str | None:
    """Why the example that is attempted cannot be used; None: it can."""
    try:
        attempt()
    except DamagedError as error:
        return str(error)
    return None


def usable_indices(
    pictures: Pictures, attempt: Callable[[range], list[str | None]], workers: int, strict: bool
) -> np.ndarray:
    """Indices of the examples that can be used; `attempt` says why not, by block; reports the others."""
    count = len(pictures)
    # All of them are tried before anything is said: a list of all that is damaged, not the first one at a
    # time.
    blocks = [range(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK)]
    with ThreadPoolExecutor(max(workers, 1)) as pool:
        reasons = [reason for block in pool.map(attempt, blocks) for reason in block]
    damaged = [(pictures.name(index), reason) for index, reason in enumerate(reasons) if reason is not None]
    report_damage(damaged, count, strict, pictures.remedy, pictures.noun)
    return np.array([index for index, reason in enumerate(reasons) if reason is None], np.int64)


def digest_examples(pictures: Pictures, indices: np.ndarray) -> str:
    """A hash of which examples are used, in which order."""
    hashed = hashlib.sha256()
    for index in indices.tolist():
        # Lengths are within JSON's quotes and brackets: ("a", 11) and ("a1", 1) do not run into one another.
        hashed.update(json.dumps(pictures.identity(index)).encode())
    return hashed.hexdigest()


@final
class InMemory(Source):
    """Images in memory: taking n of them is one indexing."""

    def __init__(self, pictures: Pictures, workers: int, strict: bool):
        self.take_names(pictures)
        self.pictures, self.spec, self.streams = pictures, pictures.spec, pictures.streams
        self.tables: Batch
        count = len(pictures)
        # Allocated once and filled in place by all threads, each its own rows: a list of examples that is
        # stacked at the end would need twice the memory.
        arrays = {key: np.empty((count, *leaf.shape), leaf.dtype) for key, leaf in self.spec.items()}

        def place(index: int, fetched: Any) -> None:
            example = pictures.decode(fetched)
            for key, array in arrays.items():
                array[index] = example[key]

        def attempt(block: range) -> list[str | None]:
            return [
                damage_of(functools.partial(place, index, fetched))
                for index, fetched in zip(block, pictures.fetch(block), strict=True)
            ]

        self.indices = usable_indices(pictures, attempt, workers, strict)
        # Indexing copies, which a set without damage is spared.
        whole = len(self.indices) == count
        self.tables = arrays if whole else {key: array[self.indices] for key, array in arrays.items()}

    @property
    def labels(self) -> np.ndarray | None:
        return self.tables.get("label")

    def digest(self) -> str:
        return digest_examples(self.pictures, self.indices)

    def __len__(self) -> int:
        return len(next(iter(self.tables.values())))

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        return self.gather(self.tables, self.choose(positions, seed))

    def choose(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        return {
            # int32, as devices have them; a batch's choice is then 4 bytes an example and stream, and not its
            # pixels. Keys are text since a batch's pytree wants keys that sort with `MIRRORED`.
            str(stream): shuffle_positions(positions, len(self), seed, stream).astype(np.int32)
            for stream in set(self.streams.values())
        }

    def gather(self, tables: Tables, choice: Tables) -> Tables:
        return {key: table[choice[str(self.streams[key])]] for key, table in tables.items()}


@final
class Streaming(Source):
    """Images on disk, decoded each time they are taken."""

    def __init__(self, pictures: Pictures, workers: int, strict: bool):
        self.pictures, self.workers, self.strict = pictures, workers, strict
        self.take_names(pictures)
        self.spec, self.streams = pictures.spec, pictures.streams
        # Each is warned of once, not once an epoch.
        self.reported: set[int] = set()

        def attempt(block: range) -> list[str | None]:
            return [damage_of(functools.partial(pictures.check, index)) for index in block]

        self.indices = usable_indices(pictures, attempt, workers, strict)

    @property
    def labels(self) -> np.ndarray | None:
        known = self.pictures.labels()
        return None if known is None else known[self.indices]

    def digest(self) -> str:
        return digest_examples(self.pictures, self.indices)

    def decode_all(self) -> int:
        def attempt(block: range) -> list[str | None]:
            return [
                damage_of(functools.partial(self.pictures.decode, fetched))
                for fetched in self.pictures.fetch(block)
            ]

        return len(usable_indices(self.pictures, attempt, self.workers, self.strict))

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        batch = {key: np.empty((len(positions), *leaf.shape), leaf.dtype) for key, leaf in self.spec.items()}
        # Of two streams, each takes its own half of an image and throws the other away: unpaired halves are
        # decoded twice.
        for stream in set(self.streams.values()):
            keys = [key for key in batch if self.streams[key] == stream]
            numbers = shuffle_positions(positions, len(self), seed, stream)
            # Read in one go and decoded one by one; the threads are the loader's, each of which makes whole
            # batches.
            for row, fetched in enumerate(self.pictures.fetch(self.indices[numbers].tolist())):
                try:
                    example = self.pictures.decode(fetched)
                except DamagedError as error:
                    example = self.replace_damaged(int(numbers[row]), error)
                for key in keys:
                    batch[key][row] = example[key]
        return batch

    def replace_damaged(self, number: int, error: DamagedError) -> Batch:
        """The next good example in place of one that only decoding shows to be damaged, or an InputError."""
        # The first turn is the damaged one itself, which is reported; then on, and around, to one that can be
        # used. Deterministic, so that a resumed run sees the same in its place.
        for following in range(number, number + len(self)):
            index = int(self.indices[following % len(self)])
            if following > number:
                try:
                    return self.pictures.decode(self.pictures.fetch([index])[0])
                except DamagedError as another:
                    error = another
            if self.strict or index not in self.reported:
                self.reported.add(index)
                damaged = [(self.pictures.name(index), str(error))]
                report_damage(damaged, len(self), self.strict, self.pictures.remedy, self.pictures.noun)
        raise InputError(f"none of {len(self)} {self.pictures.noun} can be used")
