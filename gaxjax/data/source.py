"""Random access to examples, in an order that depends on a seed and a position alone."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import jax
import numpy as np

from gaxjax.parallel.counting import nbytes

Batch = dict[str, np.ndarray]
Spec = dict[str, jax.ShapeDtypeStruct]
Tables = dict[str, Any]
"""As `Batch`, of NumPy's arrays or JAX's."""


# A batch may lie across two epochs and unpaired data have two streams: four orders are in use at most.
# ImageNet's is 10 MB.
@functools.lru_cache(maxsize=4)
def permutation(count: int, seed: int, epoch: int, stream: int = 0) -> np.ndarray:
    """Order of `count` examples in one epoch: [count] int64; `stream` numbers independent orders."""
    order = np.random.default_rng([seed, epoch, stream]).permutation(count)
    # It is handed out of the cache, where a change would be one of every later batch.
    order.flags.writeable = False
    return order


def shuffle_positions(positions: np.ndarray, count: int, seed: int | None, stream: int = 0) -> np.ndarray:
    """Examples at global positions: p is number p % count of epoch p // count; no seed: as stored."""
    epochs, within = np.divmod(np.asarray(positions, np.int64), count)
    if seed is None:
        return within
    # A batch that lies across the end of an epoch takes the rest of one order and the start of the next.
    examples = np.empty_like(within)
    for epoch in np.unique(epochs):
        there = epochs == epoch
        examples[there] = permutation(count, seed, int(epoch), stream)[within[there]]
    return examples


def random_words(positions: np.ndarray, seed: int, stream: int) -> np.ndarray:
    """Four random words for each position, a function of (seed, stream, position): [n, 4] uint64.

    Philox is a counter-based generator (Salmon et al. 2011): the counter is the position, so that no position
    needs the ones before it.
    """
    positions = np.asarray(positions, np.int64)
    words = np.empty((len(positions), 4), np.uint64)
    # Runs of neighbors are drawn in one call: a generator for each position takes far longer. `prepend` makes
    # the first position begin a run.
    starts = np.flatnonzero(np.diff(positions, prepend=positions[:1] - 2) != 1)
    for start, stop in zip(starts, [*starts[1:], len(positions)], strict=True):
        key = np.array([seed, stream], np.uint64)
        # A block of Philox is four words of 64 bits and the counter counts blocks: each position has its own,
        # whichever positions come in a batch with it.
        generator = np.random.Philox(key=key, counter=int(positions[start]))
        words[start:stop] = generator.random_raw(4 * int(stop - start)).reshape(-1, 4)
    return words


class Named:
    """What the labels, factors and attributes of examples are called, where there are any."""

    classes: int | None = None
    """How many label classes there are; None: no labels."""
    class_names: Sequence[str] = ()
    """What each label is called, where that is known."""
    factor_names: Sequence[str] = ()
    """What each of an example's "factors" is called."""
    factor_sizes: Sequence[int] = ()
    """How many values each factor has, 0 to 1."""
    attributes: Mapping[str, int] = MappingProxyType({})
    """What each of an example's "attributes" is called -> how many images have it."""

    def take_names(self, other: "Named") -> None:
        """Those of the examples that these are made of."""
        self.classes, self.class_names = other.classes, other.class_names
        self.factor_names, self.factor_sizes = other.factor_names, other.factor_sizes
        self.attributes = other.attributes


class Source(Named, ABC):
    """Random access to examples: dicts of arrays, images as uint8 [n, H, W, C], labels as int32 [n].

    Clips are uint8 [n, T, H, W, C], under the name "video".

    A source that is whole in memory has `tables`, and takes examples in two halves: `choose` says in a few
    numbers which they are, and the pure `gather` makes them of tables and those numbers, also on a device.
    """

    spec: Spec
    """Shape and dtype of one example, by name."""
    streams: dict[str, int]
    """Which order each name follows: names of one stream belong together, example by example."""
    tables: Batch | None = None
    """Whole arrays, where there are such."""

    @property
    def labels(self) -> np.ndarray | None:
        """Of every example, as stored [len], where no image has to be read for them."""
        return None

    def count(self, name: str) -> int:
        """How many there are of what has that name: fewer than an epoch, where another domain is larger."""
        return len(self)

    def digest(self) -> str:
        """A hash of which examples there are, in which order; empty where a description says it all."""
        return ""

    def decode_all(self) -> int:
        """Decodes every image once, if that has not been done, to see those that cannot be used: how many."""
        return len(self)

    @property
    def has_tables(self) -> bool:
        """Whether there are tables; a source that has yet to make them makes none for this."""
        return self.tables is not None

    @property
    def table_size(self) -> int:
        """Bytes of the tables, also of those that are yet to be made."""
        return len(self) * nbytes(self.spec)

    @abstractmethod
    def __len__(self) -> int:
        """How many examples make an epoch."""

    @abstractmethod
    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        """The examples at global positions [n], shuffled by the seed and the epoch; no seed: as stored."""

    def choose(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        """What `gather` makes the examples at positions [n] of, arrays [n, ...]; for sources with tables."""
        raise NotImplementedError(f"{type(self).__name__} has tables but no choose(positions, seed)")

    def gather(self, tables: Tables, choice: Tables) -> Tables:
        """Examples of what was chosen, [..., H, W, C] of [...]; arrays of NumPy or JAX, as the tables."""
        raise NotImplementedError(f"{type(self).__name__} has tables but no gather(tables, choice)")


class SourceOf(Source):
    """Another source's examples, changed. Abstract: which there are, and in which order, the other says."""

    def __init__(self, source: Source):
        self.source, self.spec, self.streams = source, dict(source.spec), source.streams
        self.take_names(source)

    def __len__(self) -> int:
        return len(self.source)

    @property
    def has_tables(self) -> bool:
        return self.source.has_tables

    @property
    def labels(self) -> np.ndarray | None:
        return self.source.labels

    def digest(self) -> str:
        return self.source.digest()

    def decode_all(self) -> int:
        return self.source.decode_all()
