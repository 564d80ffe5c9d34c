"""One process at a time on a run's directory: a file says which, where, and that it still lives.

The file is all there is, because network disks and mounted buckets have no other locks. Whether the process
that made it is gone can be told on the same machine: by its number and start, or, from another container, by
the kernel's lock on the file, which ends with the process. On another machine it counts as gone once the file
has stood still for `STALE` seconds: who holds it writes into it every `BEAT` seconds.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

from gaxjax import parallel
from gaxjax.errors import InputError, Unwritable, summarize_error
from gaxjax.parallel import tell
from gaxjax.runs.holder import Holder, parse_holder, start_time, this_process
from gaxjax.runs.lock_file import open_lock_file

FILE = ".lock"
BEAT, STALE, POLL = 10.0, 120.0, 1.0
"""Seconds between two signs of life; without any, until a lock is taken over; between two looks at it."""


class InUse(InputError):
    """Another process is at the run."""


class Lock:
    """A run's directory as this process's own: as a context, once an `attempt` has taken it."""

    def __init__(self, workdir: Path):
        self.path, self._workdir = workdir / FILE, workdir
        self._file, self._me = open_lock_file(self.path), this_process()
        self._successor: Holder | None = None
        self._text, self._unchanged_since = b"", 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)

    def attempt(self) -> bool:
        """Takes the lock if it is free; False: it may become so, ask again in a while.

        Raises InputError if another process has it (InUse), or the directory cannot be written.
        """
        try:
            self._create()
            return True
        except FileExistsError:
            pass
        except OSError as error:
            reason = f"cannot write to {self._workdir} ({summarize_error(error)})"
            raise InputError(f"{reason}; use another --workdir") from error
        text = self._file.read()
        holder = parse_holder(text)
        # Alive for certain; or elsewhere, and it has written since the attempt before this one.
        is_gone, before = self._is_gone(holder), parse_holder(self._text)
        if is_gone is False or (before.token == holder.token and before.beats != holder.beats):
            raise InUse(
                f"{self._workdir} is being trained by {holder}: wait until it ends, stop it, or use another "
                "--workdir"
            )
        if is_gone:
            return self._remove(text, f"{holder}, which is gone") and self.attempt()
        # Timed by this machine's clock alone: those of two machines differ, and so do the times of their
        # files.
        if text != self._text:
            self._text, self._unchanged_since = text, time.monotonic()
            tell(
                f"{self._workdir} was being trained by {holder}; going on once there was no sign of its life "
                f"for {STALE:.0f} seconds"
            )
        elif time.monotonic() - self._unchanged_since > STALE:
            whose = f"{holder}, which gave no sign of life for {STALE:.0f} seconds"
            return self._remove(text, whose) and self.attempt()
        return False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Gives the directory back."""
        self._end.set()
        self._thread.join(BEAT)
        self._file.release(self._me)

    def owner(self) -> tuple[Holder, bool | None] | None:
        """Who has the lock, and whether that process is gone, None if that cannot be told; None: nobody."""
        text = self._file.read()
        holder = parse_holder(text)
        return (holder, self._is_gone(holder)) if text else None

    def check(self) -> None:
        """Raises Unwritable once another process has taken the run over, as from a machine that slept."""
        if self._successor:
            what = f"{self._workdir} was taken over by {self._successor} while this process stood still"
            raise Unwritable(f"stopped: {what}; all that was written is kept")

    def _create(self) -> None:
        """Makes the file, or raises FileExistsError."""
        self._me = self._file.create(self._me)
        self._beat()

    def _beat(self) -> None:
        """A sign of life; learns whether the lock is still this process's own."""
        self._me = replace(self._me, beats=self._me.beats + 1)
        # If this one fails, the next may come through.
        with contextlib.suppress(OSError):
            self._successor = self._file.write(self._me) or self._successor

    def _live(self) -> None:
        while not self._end.wait(BEAT):
            with contextlib.suppress(OSError):
                # Removed by hand, it may be; the run goes on, and so must its lock.
                if not self._file.exists():
                    self._create()
                self._beat()

    def _is_gone(self, holder: Holder) -> bool | None:
        """Whether a process has ended; None: it cannot be known from here."""
        # Another machine, or this one before it was started anew: only its standing still can tell.
        if holder.kernel != self._me.kernel:
            return None
        # The same container, or none: its number means something here, with its start to tell it from a later
        # one.
        if holder.space == self._me.space:
            now = start_time(holder.process)
            return not now or (now != holder.birth and "unknown" not in (now, holder.birth))
        return self._file.is_unlocked(holder)

    def _remove(self, text: bytes, whose: str) -> bool:
        """Takes away the lock of a process that is gone; False: it is another's by now."""
        removed = self._file.remove(text, self._me.token)
        if removed:
            tell(f"{self._workdir} is taken over from {whose}")
        return removed


@contextlib.contextmanager
def hold(workdir: Path) -> Iterator[Lock | None]:
    """While entered, the directory is this job's own; its primary process has the lock, the others None."""
    lock = Lock(workdir) if parallel.is_primary() else None
    while True:  # not one long wait, in which the other processes would be taken for hung
        with parallel.fail_together():
            again = lock is not None and not lock.attempt()
        if not parallel.any_process(again):
            break
        time.sleep(POLL)
    with lock or contextlib.nullcontext() as owned:
        yield owned
