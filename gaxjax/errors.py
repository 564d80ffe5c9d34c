"""The exceptions that are meant for the person at the keyboard, who gets their message alone."""

import errno
import os
import re
from typing import Any

EXIT_PEER_LOST = 3
"""Status of a process that has ended because another one of its run is gone."""
DAMAGED_FILE_ERRNOS = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR}
"""What reading says of a file that is missing or another; other errors of the system are not its fault."""
REFUSED = "(ABORTED|DEADLINE_EXCEEDED|PERMISSION_DENIED|RESOURCE_EXHAUSTED|UNAUTHENTICATED|UNAVAILABLE): "
"""What an error begins with of a network, or a right, that is missing."""


class InputError(ValueError):
    """What was asked for cannot be done; the message says what came, what was expected and what to do.

    Any other exception than those of this file is a defect and keeps its traceback.
    """


class Diverged(RuntimeError):
    """A loss or parameter is not finite, or a sentinel saw something; the message names it and the last good
    checkpoint.
    """


class Unwritable(RuntimeError):
    """The disk refused in the middle of a run; the message says what failed and which checkpoint is kept."""


class RunsFailed(RuntimeError):
    """Runs of a table could not be made; the message names each with its log, and how to go on."""


class Interrupted(Exception):
    """A run was asked to stop and has saved everything; `signal` is the number of the signal."""

    def __init__(self, message: str, signal: int):
        super().__init__(message)
        self.signal = signal


def summarize_error(error: BaseException) -> str:
    """The cause of an error in a line: tensorstore tells its whole way through the file system."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    code = re.search(r"os_error_code='(\d+)'", str(error))
    if code:
        return os.strerror(int(code[1]))
    # An empty message has no lines; the class is better than nothing.
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


LARGEST_SEED = 2**31 - 1


def check_seed(seed: int, name: str = "seed") -> int:
    """The seed, where it is one: JAX's keys, in 32 bits, would take a larger one for another or for none."""
    if seed < 0:
        raise InputError(f"{name} is at least 0, not {seed}")
    if seed > LARGEST_SEED:
        raise InputError(f"{name} is at most {LARGEST_SEED}, not {seed}")
    return seed


def check_labels(labels: Any, classes: int, maps: bool = False) -> None:
    """Refuses labels that are not [B], and those that are none of 0 to classes - 1, where they are values.

    Inside of a compiled function they are traced, and nobody can look: training counts them beforehand.
    maps: labels of pixels, [B, H, W], will do as well.
    """
    if labels.ndim != 1 and not maps:
        raise InputError(
            f"labels are [B], the number of each example's class; got {list(labels.shape)}: take the last "
            "axis away, or its largest entry's place where they are one-hot"
        )
    # Here, so that importing the exceptions takes no JAX along.
    import jax
    import numpy as np

    # Of several processes, no one has them all.
    if isinstance(labels, jax.core.Tracer) or not getattr(labels, "is_fully_addressable", True):
        return
    values = np.asarray(labels)
    wrong = values[(values < 0) | (values >= classes)]
    if wrong.size:
        raise InputError(
            f"label {wrong.flat[0]} is none of {classes} classes, which are 0 to {classes - 1}: set classes "
            f"to the number of the data's, or count labels from 0"
        )


def describe_system_error(error: Exception) -> str:
    """Path and cause of an error that is no fault of what was read: permissions, the disk, memory; or "".

    >>> describe_system_error(PermissionError(13, "Permission denied", "/a"))
    '/a: Permission denied'
    >>> describe_system_error(ValueError("not JSON"))
    ''
    """
    # Here, so that importing the exceptions takes no JAX along.
    import jax

    # Down to the cause: libraries wrap what the system has said.
    while isinstance(error.__cause__, Exception) and not isinstance(error, OSError):
        error = error.__cause__
    if isinstance(error, MemoryError):
        return os.strerror(errno.ENOMEM)
    if isinstance(error, jax.errors.JaxRuntimeError):  # of the device, mostly its memory
        return summarize_error(error)
    if isinstance(error, OSError):
        return summarize_error(error) if error.errno not in DAMAGED_FILE_ERRNOS | {None} else ""
    if re.match(REFUSED, str(error)):  # of tensorstore, by a bucket
        return summarize_error(error)
    code = re.search(r"os_error_code='(\d+)'", str(error))  # of tensorstore, by a disk
    if not code or int(code[1]) in DAMAGED_FILE_ERRNOS:
        return ""
    path = re.search(r'"(/[^"]*)"', str(error))
    return f"{path[1]}: {summarize_error(error)}" if path else summarize_error(error)


def format_multiples(number: int, of: int) -> str:
    """The nearest multiples of a number, for a message: above 0, below and above what came.

    >>> format_multiples(100, 8), format_multiples(3, 8)
    ('96 or 104', '8')
    """
    below = number // of * of
    return f"{below} or {below + of}" if below else str(of)
