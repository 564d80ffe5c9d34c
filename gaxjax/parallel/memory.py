"""Memory: how much the machine has, what a program needs, and what becomes of it, on a CPU, after a step."""

import contextlib
import ctypes
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEPT = 2**30
"""Bytes: blocks up to this size, and as much in all, are kept for the next step."""
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
"""Of glibc's malloc.h."""


@dataclass(frozen=True)
class Memory:
    """A compiled program's memory on one device, in bytes."""

    arguments: int
    """the state and the minibatches"""
    outputs: int
    """the state and the logs"""
    alias: int
    """what outputs share with arguments"""
    temporaries: int
    """what it needs besides"""

    @property
    def total(self) -> int:
        """At the most."""
        return self.arguments + self.outputs - self.alias + self.temporaries


def memory_of(compiled: Any) -> Memory | None:
    """What a compiled program needs; None where its compiler does not say."""
    memory = compiled.memory_analysis()
    if memory is None:
        return None
    return Memory(
        arguments=memory.argument_size_in_bytes,
        outputs=memory.output_size_in_bytes,
        alias=memory.alias_size_in_bytes,
        temporaries=memory.temp_size_in_bytes,
    )


def total_memory() -> int:
    """Bytes that the machine has, or that this process is allowed to have."""
    if not hasattr(os, "sysconf"):  # Windows
        return 1 << 62
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    # In a container the machine's size means nothing: the kernel kills what goes past the group's limit.
    with contextlib.suppress(OSError, ValueError):  # no limit reads "max"
        return min(physical, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return physical


def keep_freed_memory() -> bool:
    """Whether freed memory is kept from now on, in place of going back to the system.

    glibc returns large blocks at once, and gets them again at the next step page by page: with intermediate
    values of 50 MB that takes as long as the step itself. Elsewhere than in glibc nothing changes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, TypeError, OSError):
        return False
    options = {MMAP_THRESHOLD: KEPT, TRIM_THRESHOLD: KEPT, TOP_PAD: KEPT // 16}
    # A list, so that all are set although one is refused.
    return all([mallopt(option, size) for option, size in options.items()])
