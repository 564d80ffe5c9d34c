"""Two sets of images without pairs, as CycleGAN's authors lay them out: trainA and trainB."""

from collections.abc import Iterable
from typing import final

import numpy as np

from gaxjax.data.source import Batch, Source, Tables


def merged(parts: Iterable[Tables]) -> Tables:
    """Arrays of all parts, by name."""
    return {name: array for part in parts for name, array in part.items()}


@final
class Domains(Source):
    """{"a", "b"} of a source of "a" and one of "b", each in an order of its own; an epoch is the longer."""

    def __init__(self, *sources: Source):
        self.sources = sources
        self.spec = {name: leaf for source in sources for name, leaf in source.spec.items()}
        self.streams = {name: stream for source in sources for name, stream in source.streams.items()}

    def __len__(self) -> int:
        return max(map(len, self.sources))

    @property
    def tables(self) -> Batch | None:  # type: ignore[override]
        """Both sets', where both are whole in memory."""
        tables = [source.tables for source in self.sources]
        if any(table is None for table in tables):
            return None
        return merged(table for table in tables if table)

    def digest(self) -> str:
        return "".join(source.digest() for source in self.sources)

    def decode_all(self) -> int:
        return sum(source.decode_all() for source in self.sources)

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        return merged(source.take(positions, seed) for source in self.sources)

    def choose(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        return merged(source.choose(positions, seed) for source in self.sources)

    def gather(self, tables: Tables, chosen: Tables) -> Tables:
        return merged(
            source.gather({name: tables[name] for name in source.spec}, chosen) for source in self.sources
        )
