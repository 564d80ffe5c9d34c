"""The file of a lock: made by one process alone, written by its holder, taken away by one that takes over.

On a disk it also has the kernel's lock, which tells containers of one machine apart. In a bucket every change
is refused if the object is no longer what was read.
"""

import contextlib
import fcntl
import json
import os
from dataclasses import asdict, replace
from pathlib import Path

from gaxjax.files.places import is_remote
from gaxjax.runs.bucket import read_object, replace_object
from gaxjax.runs.holder import Holder, parse_holder


class DiskFile:
    """On a disk, a network's too."""

    def __init__(self, path: Path):
        self.path = path
        self._number = -1  # of the file, open for the kernel's lock

    def create(self, me: Holder) -> Holder:
        """Makes the file, or raises FileExistsError; returns the holder with what the kernel says of it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Made or refused in one operation, on network disks too: of two processes one succeeds.
        with open(self.path, "xb", buffering=0) as file:
            try:
                self._write(file.fileno(), me)
            except OSError:
                self.path.unlink()
                raise
        self._close()
        # Open for as long as the run lasts: the kernel's lock ends with it, however the process ends.
        self._number = os.open(self.path, os.O_RDWR)
        with contextlib.suppress(OSError):  # not every disk has locks
            fcntl.flock(self._number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            me = replace(me, device=os.fstat(self._number).st_dev)
        return me

    def read(self) -> bytes:
        """What it holds; empty where there is none, or none that can be read."""
        try:
            return self.path.read_bytes()
        except OSError:
            return b""

    def exists(self) -> bool:
        """Whether it is there."""
        return self.path.exists()

    def write(self, me: Holder) -> Holder | None:
        """Its holder's next words; who else holds it by now, and then nothing is written."""
        # Written in place: a file put in its place would not have the kernel's lock.
        with open(self.path, "r+b", buffering=0) as file:
            holder = parse_holder(file.read())
            if holder.token not in (me.token, ""):
                return holder
            file.seek(0)
            self._write(file.fileno(), me)
        return None

    def remove(self, text: bytes, token: str) -> bool:
        """Takes it away if it holds that text still; False: it is another's by now. `token`: who asks."""
        aside = self.path.with_name(f"{self.path.name}.{token}")
        with contextlib.suppress(FileNotFoundError):
            # A rename succeeds for one process. What it has got is compared with what was judged to be gone:
            # a quicker one may have made its own lock since, which goes back.
            self.path.rename(aside)
            if aside.read_bytes() == text:
                aside.unlink()
                return True
            if not self.path.exists():
                aside.rename(self.path)
        return False

    def release(self, me: Holder) -> None:
        """Removes it, if it is this process's own."""
        if parse_holder(self.read()).token == me.token:
            with contextlib.suppress(OSError):
                self.path.unlink()
        self._close()

    def is_unlocked(self, holder: Holder) -> bool | None:
        """Whether the kernel's lock of a holder is gone, with its process; None: the kernel does not know."""
        try:
            number = os.open(self.path, os.O_RDWR)
        except OSError:
            return None
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Free, so whoever had it is gone, if it had one: on another mount (0: on none) the kernel would
            # not know.
            return True if os.fstat(number).st_dev == holder.device else None
        except BlockingIOError:
            return False
        except OSError:
            return None
        finally:
            os.close(number)

    def _write(self, number: int, me: Holder) -> None:
        os.write(number, as_text(me))
        os.fsync(number)

    def _close(self) -> None:
        if self._number >= 0:
            os.close(self._number)
            self._number = -1


class BucketFile:
    """In a bucket."""

    def __init__(self, path: Path):
        self.path = path

    def create(self, me: Holder) -> Holder:
        """Makes the object, or raises FileExistsError."""
        text, generation = read_object(self.path)
        made = text is None and replace_object(self.path, as_text(me), generation)
        # One whose answer was lost on the network is made all the same.
        if not made and parse_holder(self.read()).token != me.token:
            raise FileExistsError(str(self.path))
        return me

    def read(self) -> bytes:
        """What it holds; empty where there is none, or none that can be read."""
        try:
            return read_object(self.path)[0] or b""
        except OSError:
            return b""

    def exists(self) -> bool:
        """Whether it is there; OSError where that cannot be told."""
        return read_object(self.path)[0] is not None

    def write(self, me: Holder) -> Holder | None:
        """Its holder's next words; who else holds it by now, and then nothing is written."""
        text, generation = read_object(self.path)
        holder = parse_holder(text or b"")
        if holder.token not in (me.token, ""):
            return holder
        if not replace_object(self.path, as_text(me), generation):
            return parse_holder(self.read())
        return None

    def remove(self, text: bytes, token: str) -> bool:
        """Takes it away if it holds that text still; False: it is another's by now."""
        there, generation = read_object(self.path)
        return there == text and replace_object(self.path, None, generation) is not None

    def release(self, me: Holder) -> None:
        """Removes it, if it is this process's own."""
        with contextlib.suppress(OSError):
            text, generation = read_object(self.path)
            if parse_holder(text or b"").token == me.token:
                replace_object(self.path, None, generation)

    def is_unlocked(self, holder: Holder) -> None:
        """There is no kernel that could tell."""


def open_lock_file(path: Path) -> DiskFile | BucketFile:
    """The file at that place."""
    return BucketFile(path) if is_remote(path) else DiskFile(path)


def as_text(holder: Holder) -> bytes:
    """A holder as a lock has it."""
    return json.dumps(asdict(holder)).encode() + b"\n"
