"""The files of a prepared set: looked at before the first step, and named where a record cannot be read."""

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, final

from gaxjax.data.images import DamagedError, list_damage
from gaxjax.errors import InputError, summarize_error

THREADS = 16


@final
class Shards:
    """The records of a split, read as bytes, from files of array_record.

    source: the same records as tensorflow-datasets gives them, which reads many at once.
    instructions: its own list of files, each with where the split's part begins, how long it is, and how many
    records the file has in all.
    """

    def __init__(self, source: Any, instructions: Sequence[Any]):
        self.source, self.instructions = source, list(instructions)
        # Where each file's part of the split ends, among all records, for `bisect` in `locate`.
        self.ends = list(itertools.accumulate(part.take for part in self.instructions))

    def __len__(self) -> int:
        return len(self.source)

    @property
    def files(self) -> list[str]:
        """Paths, in order."""
        return [str(part.filename) for part in self.instructions]

    def check(self, remedy: str) -> None:
        """InputError for files that are missing, cut off, or of another length than the set's own is."""
        parts = {str(part.filename): part.examples_in_shard for part in self.instructions}
        # Large sets have a thousand files, often behind a network: what takes time is waiting for each.
        with ThreadPoolExecutor(THREADS) as pool:
            reasons = list(pool.map(damage_of_shard, parts, parts.values()))
        damaged = [(file, reason) for file, reason in zip(parts, reasons, strict=True) if reason]
        if damaged:
            count = f"{len(damaged)} of {len(parts)} files"
            raise InputError(f"{count} cannot be used:\n{list_damage(damaged)}\n{remedy}")

    def locate(self, index: int) -> tuple[Path, int]:
        """The file of a record, and its number there."""
        number = bisect_right(self.ends, index)
        part = self.instructions[number]
        return Path(part.filename), index - self.ends[number] + part.take + part.skip

    def fetch(self, indices: Sequence[int]) -> list[bytes | DamagedError]:
        """Records; for one that cannot be read, why."""
        try:
            # One call for many: array_record then reads each block of records once, which is 30 times faster.
            return list(self.source.__getitems__(list(indices)))
        except Exception as error:  # array_record's are RuntimeErrors, and what its readers make of them
            if len(indices) == 1:
                return [DamagedError(f"its record cannot be read ({brief_cause(error)})")]
        # Which of them it was is not said: they are read again one by one, and only the damaged one is lost.
        return [record for index in indices for record in self.fetch([index])]


def damage_of_shard(file: str, count: int) -> str:
    """Why a file cannot be used; empty if it can, as far as its size and its own index of records show."""
    from array_record.python import array_record_module

    try:
        size = Path(file).stat().st_size
    except OSError as error:
        return error.strerror or summarize_error(error)
    if not size:
        return "the file is empty"
    try:
        # No read-ahead: only the index at the file's end is wanted.
        reader = array_record_module.ArrayRecordReader(file, options="readahead_buffer_size:0")
        whole, there = reader.ok(), reader.num_records()
        reader.close()
    except Exception:  # what it says of a file that ends too early is not meant for people
        whole = False
    if not whole:
        return f"its index, at its end, cannot be read: it was cut off at {size:,} bytes, or damaged"
    return "" if there == count else f"it has {there:,} records, and should have {count:,}"


def brief_cause(error: Exception) -> str:
    """The cause as array_record says it, without checksums and addresses."""
    return summarize_error(error).split(" (computed")[0].removeprefix("Corrupted Riegeli/records file: ")
