"""Two sets of images side by side, without pairs, as CycleGAN's authors lay them out, trainA and trainB."""

from collections.abc import Iterable
from typing import final

import numpy as np

from gaxjax.data.source import Batch, Source, Tables


def merge_parts(parts: Iterable[Tables]) -> Tables:
    """Arrays of all parts, by name."""
    return {name: array for part in parts for name, array in part.items()}


@final
class Domains(Source):
    """{"a", "b"} of a source of "a" and one of "b", each in an order of its own; an epoch is the longer."""

    def __init__(self, *sources: Source):
        self.sources = sources
        # Names "a" and "b" do not meet, so that the parts' dicts can be put side by side everywhere below.
        self.spec = {name: leaf for source in sources for name, leaf in source.spec.items()}
        self.streams = {name: stream for source in sources for name, stream in source.streams.items()}
        # "label" is a's.
        self.classes, self.class_names = sources[0].classes, sources[0].class_names

    def __len__(self) -> int:
        # The shorter set is seen more than once in an epoch, in a new order each time: none of the longer is
        # left out.
        return max(map(len, self.sources))

    @property
    def tables(self) -> Batch | None:  # type: ignore[override]
        """Both sets', where both are whole in memory."""
        tables = [source.tables for source in self.sources]
        if any(table is None for table in tables):
            return None
        return merge_parts(table for table in tables if table)

    def count(self, name: str) -> int:
        return next(len(source) for source in self.sources if name in source.spec)

    def digest(self) -> str:
        return "".join(source.digest() for source in self.sources)

    def decode_all(self) -> int:
        return sum(source.decode_all() for source in self.sources)

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        return merge_parts(source.take(positions, seed) for source in self.sources)

    def choose(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        # Keys of a choice are streams, "0" of a and "1" of b (`Folder`), so that these do not meet either.
        return merge_parts(source.choose(positions, seed) for source in self.sources)

    def gather(self, tables: Tables, choice: Tables) -> Tables:
        return merge_parts(
            source.gather({name: tables[name] for name in source.spec}, choice) for source in self.sources
        )
