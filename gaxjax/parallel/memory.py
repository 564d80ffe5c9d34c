"""The machine's memory: how much there is, and what becomes of it, on a CPU, when a step has used it."""

import contextlib
import ctypes
import os
from pathlib import Path

KEPT = 2**30
"""Bytes: blocks up to this size, and as much in all, are kept for the next step."""
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
"""Of glibc's malloc.h."""


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
