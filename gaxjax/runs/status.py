"""How a run is going, from what its directory holds: no device, no data set and no network is asked for."""

import contextlib
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gaxjax.errors import InputError
from gaxjax.files.places import check_reachable, is_remote, list_folders, modification_time
from gaxjax.runs.bucket import COMMIT
from gaxjax.runs.checkpoint import DIGITS, steps_in
from gaxjax.runs.lock import Lock
from gaxjax.runs.record import read_described, read_metrics
from gaxjax.runs.starts import FINISHED, read_starts

RECENT = 5
"""Rows of metrics that the rate of now is the median of."""
DEPTH = 3
"""Levels of folders that runs are looked for in."""


@dataclass(frozen=True)
class Status:
    """A run at a moment."""

    workdir: Path
    images: int
    """seen, up to the last row of metrics"""
    total: int
    """that it is to see"""
    rate: float | None
    """images per second, of late"""
    trend: float | None
    """of that rate to the whole run's median"""
    checkpoint: int | None
    """step of the last one"""
    age: float | None
    """seconds since it was saved"""
    holder: str
    """who trains it, "" for nobody"""
    starts: list[dict[str, Any]]
    """how each start began and ended, see `starts`"""

    def describe(self) -> str:
        """In one line: how far, how fast, the last checkpoint, and who is at it or what stopped it."""
        share = f"{min(self.images / self.total, 1):.1%} of {self.total / 1000:,g} kimg"
        parts = [share, *self._describe_rate()]
        if self.checkpoint is not None and self.age is not None:
            parts.append(f"checkpoint {self.checkpoint}, {describe_seconds(self.age)} ago")
        else:
            parts.append("no checkpoint")
        parts += [self._describe_end(), *self._describe_error()]
        return f"{self.workdir}: {'; '.join(parts)}"

    def _describe_rate(self) -> Iterator[str]:
        if self.rate is None or self.trend is None:
            return
        yield f"{self.rate:,.0f} images/s, {self.trend:.0%} of its median"
        if self.images < self.total and self.rate > 0:
            # Of a run that nobody holds: once somebody does, on such a machine.
            how = "" if self.holder else " at its last rate"
            yield f"{describe_seconds((self.total - self.images) / self.rate)} to go{how}"

    def _describe_end(self) -> str:
        if self.holder:
            return f"trained by {self.holder}"
        if self.images >= self.total:
            return FINISHED
        if not self.starts:
            return "nobody is at it"
        last = self.starts[-1]
        if last["event"] == "start":  # without an end: killed, or its machine is gone
            who = f"process {last.get('process')} on {last.get('host')}"
            return f"nobody is at it: {who}, which began at {last['time']}, left no word"
        return f"nobody is at it: {last.get('why')} ({last['time']})"

    def _describe_error(self) -> Iterator[str]:
        """The last, of a run that went on from it; one that nobody has gone on from is said as the end."""
        errors = [start for start in self.starts[:-1] if start["event"] == "error"]
        if errors and self.images < self.total:
            yield f"last error: {errors[-1].get('why')} ({errors[-1]['time']})"


def read_status(workdir: Path) -> Status:
    """The status of a run. InputError where there is none, or where what it has recorded is damaged."""
    # As it is stored: a recipe whose own file is gone, or of another version, still has a length.
    recipe = read_described(workdir)
    kimg = sum(stage["kimg"] for stage in recipe.get("stages") or []) or recipe["kimg"]
    rows = read_metrics(workdir)
    rates = [row["images_per_second"] for row in rows if row.get("images_per_second", 0) > 0]
    rate = statistics.median(rates[-RECENT:]) if rates else None
    checkpoint = max(steps_in(workdir / "checkpoints"), default=None)
    age = None
    if checkpoint is not None:
        with contextlib.suppress(OSError):  # it may have made room for the next one meanwhile
            folder = workdir / "checkpoints" / f"{checkpoint:0{DIGITS}d}"
            age = time.time() - modification_time(folder / COMMIT if is_remote(folder) else folder)
    return Status(
        workdir,
        images=rows[-1]["images"] if rows else 0,
        total=round(kimg * 1000),
        rate=rate,
        trend=rate / statistics.median(rates) if rate is not None else None,
        checkpoint=checkpoint,
        age=age,
        holder=describe_holder(workdir),
        starts=read_starts(workdir),
    )


def describe_holder(workdir: Path) -> str:
    """Who holds a run's lock, as far as this machine can tell; "" for nobody."""
    lock = Lock(workdir)
    owner = lock.owner()
    if owner is None or owner[1]:  # none, or one that is gone
        return ""
    holder, is_gone = owner
    if is_gone is False:
        return str(holder)
    # Of another machine, whose clock may be another too.
    age = max(time.time() - modification_time(lock.path), 0)
    return f"{holder}, whose last sign of life was {describe_seconds(age)} ago"


def find_runs(folder: Path) -> list[Path]:
    """A run's directory itself, or those of the runs in a folder, in order; InputError where none is."""
    check_reachable(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is no directory: name a run, or a folder of runs")
    runs = list(runs_below(folder, DEPTH))
    if not runs:
        raise InputError(f"{folder} holds no run: none has a recipe.json, {DEPTH} levels down")
    return runs


def runs_below(folder: Path, depth: int) -> Iterator[Path]:
    """The runs in a folder, in order, so many levels down; what is below one is not looked at."""
    if (folder / "recipe.json").is_file():
        yield folder
    elif depth:
        with contextlib.suppress(OSError):  # another user's
            for below in sorted(list_folders(folder)):
                if is_remote(below) or not below.is_symlink():  # what it leads to is found where it is
                    yield from runs_below(below, depth - 1)


def describe_seconds(seconds: float) -> str:
    """A span of time as people say it.

    >>> [describe_seconds(x) for x in (7.4, 90, 7320, 200_000)]
    ['7 s', '1 min 30 s', '2 h 02 min', '2 d 07 h']
    """
    units = [(86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")]
    for large, name, small, rest in units:
        if seconds >= large:
            return f"{int(seconds // large)} {name} {int(seconds % large // small):02d} {rest}"
    return f"{seconds:.0f} s"
