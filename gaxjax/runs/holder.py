"""Which process it is that a lock names, and whether it still lives, as far as this machine can tell."""

import contextlib
import json
import os
import socket
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class Holder:
    """The process that a lock belongs to."""

    host: str = "an unknown host"
    process: int = 0
    since: str = "an unknown time"
    kernel: str = ""
    """which start of which machine"""
    space: str = ""
    """in which process numbers mean something: a container has its own"""
    birth: str = ""
    """when the process began, in the kernel's words; "" where it says nothing"""
    token: str = ""
    """no two are alike"""
    device: int = 0
    """number of the mounted disk, where the kernel has a lock on the file; else 0"""
    beats: int = 0
    """signs of life"""

    def __str__(self) -> str:
        return f"process {self.process} on {self.host} (since {self.since})"


def this_process() -> Holder:
    """This process."""
    return Holder(
        host=socket.gethostname(),
        process=os.getpid(),
        since=datetime.now().astimezone().isoformat(" ", "seconds"),
        kernel=boot_id(),
        space=pid_namespace(),
        birth=start_time(os.getpid()),
        token=uuid.uuid4().hex,
    )


def boot_id() -> str:
    """Names this start of this machine; containers on it have the same."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return boot.read_text().strip() if boot.exists() else socket.gethostname()


def pid_namespace() -> str:
    """Names the container whose process numbers these are."""
    with contextlib.suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return ""


def start_time(process: int) -> str:
    """When a process of this machine began, in the kernel's words; "" if it is gone, or a zombie."""
    try:
        # Signal 0 is none; it only asks whether it could be sent.
        os.kill(process, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass  # another user's
    try:
        # After the name, which may hold anything: the state, and 18 fields before the start.
        state, *rest = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "unknown"
    # The 22nd field, its start in ticks since the machine's: numbers of processes are used again, these are
    # not.
    return "" if state in "ZX" else rest[18]


def parse_holder(text: bytes) -> Holder:
    """Who wrote a lock; an unknown one where it cannot be read."""
    try:
        # Only the fields that are there: it may be the lock of another version.
        row, kinds = json.loads(text.decode()), Holder.__annotations__
        return Holder(**{name: kind(row[name]) for name, kind in kinds.items() if name in row})
    except (AttributeError, TypeError, ValueError):
        return Holder()
