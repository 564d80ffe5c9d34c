"""What a stage takes of each device's memory, by kind, in a line."""

import math
from typing import Any

import jax

from gaxjax.game import State
from gaxjax.parallel import CallInput
from gaxjax.parallel.counting import describe_bytes
from gaxjax.parallel.memory import memory_of


def describe_memory(compiled: Any, state: State, inputs: CallInput) -> str:
    """The line: what lies there between calls, and what the compiled program needs besides.

    The device's limit is told where its backend tells it, which that of CPUs does not.
    """
    kinds = {
        "parameters": state.params,
        "statistics": state.stats,
        "optimizers": state.optimizers,
        "average": state.average,
        "data": inputs.tables,
        "batches": (inputs.per_step, inputs.per_step),  # the next call's is on its way while one computes
    }
    sizes = {name: bytes_on_device(tree) for name, tree in kinds.items()}
    memory = memory_of(compiled)
    if memory is not None:
        # Results that do not take the place of arguments come into being beside them.
        sizes["temporaries"] = memory.temporaries + memory.outputs - memory.alias
    parts = ", ".join(f"{name} {describe_bytes(size)}" for name, size in sizes.items() if size)
    # As JAX's allocator has it, which is less than the card's own memory.
    limit = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")
    of = f" of {describe_bytes(limit)}" if limit else ""
    return f"memory on each device: {parts}; in all {describe_bytes(sum(sizes.values()))}{of}"


def bytes_on_device(tree: Any) -> int:
    """The size of arrays' parts on one of the devices that share them or have them whole."""
    return sum(math.prod(x.sharding.shard_shape(x.shape)) * x.dtype.itemsize for x in jax.tree.leaves(tree))
