"""What the processes of a job agree on, all of them at the same step; one speaks for all."""

import contextlib
import sys
from collections.abc import Iterator

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from gaxjax.errors import InputError
from gaxjax.parallel.devices import fetch, make_mesh


def max_over_processes(number: int) -> int:
    """The largest of the processes' numbers, below 2^31; all of them must ask, at the same step."""
    if jax.process_count() == 1:
        return number
    # Not `multihost_utils.process_allgather`: it takes `jax.devices()` to be in the order of the processes,
    # which they are not on some hosts.
    mesh = make_mesh()
    each = np.full(jax.local_device_count(), number, np.int32)
    split = jax.make_array_from_process_local_data(NamedSharding(mesh, PartitionSpec("data")), each)
    return int(np.max(fetch(split)))


def any_process(flag: bool) -> bool:
    """Whether the flag is up in any process; all of them must ask at the same step."""
    return bool(max_over_processes(int(flag)))


def from_primary(number: int) -> int:
    """The primary process's number, 0 or more, in all of them."""
    return max_over_processes(number if is_primary() else 0)  # the largest is its, where others say 0


@contextlib.contextmanager
def fail_together() -> Iterator[None]:
    """What fails inside in one process fails in all of them, which would otherwise wait for it."""
    # Kept until all have met: raised at once, it would leave the others waiting in `any_process`.
    failure: Exception | None = None
    try:
        yield
    except Exception as error:
        failure = error
    if any_process(failure is not None):
        raise failure or InputError("another process cannot begin; its own message says why")


def barrier() -> None:
    """Until every process is here: what one of them wrote is there for all."""
    any_process(False)


def tell(line: str) -> None:
    """A line for the person at the keyboard, once for all processes; none where there is nothing to say."""
    if line and is_primary():
        print(line, file=sys.stderr, flush=True)


def is_primary() -> bool:
    """Whether this process is the one that writes what only one should write, and that speaks for all."""
    return jax.process_index() == 0
