"""What a command sets for its whole process, before anything is compiled."""

import io
import os
import sys
from pathlib import Path
from typing import Any

import jax

from gaxjax import parallel
from gaxjax.parallel import memory
from gaxjax.parallel.cache import cache_folder, writable_folder


def configure_jax(devices: int = 0, workdir: Path | None = None) -> None:
    """What the command line sets for the whole process, before anything is compiled; joins a job's others.

    All processes of a job do the same work, on so many devices (0: all), and one of them speaks.
    """
    # First of all: blocks that are allocated before it would still go back to the system.
    memory.keep_freed_memory()
    cache = (
        os.path.expanduser(os.environ.get("JAX_COMPILATION_CACHE_DIR", ""))
        or f"{writable_folder(cache_folder())}/compiled"
    )
    jax.config.update("jax_compilation_cache_dir", cache)
    # JAX keeps what took a second or more, and a start has many programs below that.
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
    # Where somebody else has put a hook, as test runners do, it stays.
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = report_unraisable
    # In this order: devices can be limited only before there is a backend, processes can join only before it
    # too, and how many devices there are is known only after it.
    parallel.limit_devices(devices)
    if not jax.distributed.is_initialized():
        parallel.initialize(workdir)
    parallel.check_devices(devices)
    if not parallel.is_primary():
        # All processes print the same lines. Errors go to stderr, where each has its own.
        sys.stdout = io.StringIO()


def report_unraisable(args: Any) -> None:
    """A traceback, but none of those of tensorstore's threads after a save that has failed and been told."""
    if str(args.exc_value) != "Event loop is closed":
        sys.__unraisablehook__(args)


def has_device() -> bool:
    """Whether JAX has any: it says in many ways that there is none of the kind that was asked for."""
    try:
        return bool(jax.devices())
    except (RuntimeError, AssertionError):
        return False
