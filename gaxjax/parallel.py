"""The one place that maps a step over devices and processes."""

import contextlib
import math
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gaxjax.errors import InputError

Tree = Any


def initialize() -> None:
    """Joins the other processes of a run, before anything else touches a device.

    GAXJAX_COORDINATOR is "host:port" (with GAXJAX_PROCESSES and GAXJAX_PROCESS, the number of processes and
    this one's), or "auto" where the cluster itself knows: Cloud TPU, SLURM, GKE.
    """
    coordinator = os.environ.get("GAXJAX_COORDINATOR", "")
    if coordinator == "auto":
        jax.distributed.initialize()
    elif coordinator:
        try:
            count, index = int(os.environ["GAXJAX_PROCESSES"]), int(os.environ["GAXJAX_PROCESS"])
        except (KeyError, ValueError) as error:
            raise InputError(
                "GAXJAX_COORDINATOR is set, so GAXJAX_PROCESSES and GAXJAX_PROCESS must be numbers too; "
                "launch/local.sh sets all three"
            ) from error
        if not 0 <= index < count:
            raise InputError(f"GAXJAX_PROCESS {index} is not one of {count} processes; use 0 to {count - 1}")
        jax.distributed.initialize(coordinator, count, index)


def make_mesh(seeds: int = 1) -> Mesh:
    """All devices of all processes along `data`; with several seeds, as many as divide them along `seed`."""
    devices = np.array(jax.devices())
    if seeds == 1:
        return Mesh(devices, ("data",))
    along_seed = math.gcd(seeds, len(devices))
    return Mesh(devices.reshape(along_seed, -1), ("seed", "data"))


def check_batch(batch_size: int, mesh: Mesh, parts: int = 1) -> None:
    """Refuses a batch that the devices cannot share equally, each of so many parts of it too."""
    devices = mesh.shape["data"]
    if batch_size % (devices * parts):
        lower = batch_size // (devices * parts) * devices * parts
        use = f"{lower} or {lower + devices * parts}" if lower else str(devices * parts)
        shares = f"{devices} devices" + (f" in accumulate={parts} parts" if parts > 1 else "")
        raise InputError(f"batch_size {batch_size} is not divisible by {shares}; use {use}")


def pmapped(
    step: Callable[..., Any], mesh: Mesh, options: Mapping[str, str] | None = None
) -> Callable[..., Any]:
    """`step(state, batches, key)` compiled for all devices of the mesh.

    The state is replicated and donated; batches `[minibatches, batch, ...]` are split along their second
    axis. The step is written for the global batch, and the compiler inserts the communication, so that
    statistics, gradients and latents do not depend on the number of devices. On a mesh with an axis `seed`
    every argument and result has one more leading axis, of independent runs. Options are the compiler's.
    """
    mapped = compilable(step, mesh, options)
    if mesh.size == 1 or mesh.devices.flat[0].platform != "cpu":
        return mapped

    # Several steps in flight over the CPU's stand-in devices can starve one another of threads and hang.
    return lambda *arguments: jax.block_until_ready(mapped(*arguments))


def compilable(step: Callable[..., Any], mesh: Mesh, options: Mapping[str, str] | None = None) -> Any:
    """The same as JAX has it, for `lower` and `compile` without a call."""
    seeded = "seed" in mesh.axis_names
    state, batches = state_sharding(mesh), batch_sharding(mesh)
    return jax.jit(
        jax.vmap(step) if seeded else step,
        in_shardings=(state, batches, state),
        out_shardings=(state, state),
        donate_argnums=0,
        compiler_options=dict(options or {}) or None,
    )


def state_sharding(mesh: Mesh) -> NamedSharding:
    """The same on every device, except for the seeds."""
    return NamedSharding(mesh, PartitionSpec("seed") if "seed" in mesh.axis_names else PartitionSpec())


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Split along the examples, `[minibatches, batch, ...]`, and the seeds."""
    return NamedSharding(mesh, PartitionSpec(*(n for n in mesh.axis_names if n == "seed"), None, "data"))


def shard(batches: Tree, mesh: Mesh) -> Tree:
    """This process's part of the batches, as global arrays; the transfer goes on in the background."""
    sharding = batch_sharding(mesh)
    return jax.tree.map(lambda x: jax.make_array_from_process_local_data(sharding, x), batches)


def replicate(tree: Tree, mesh: Mesh) -> Tree:
    """Values that every process has, as global arrays on every device."""
    return jax.jit(lambda tree: jax.tree.map(jnp.copy, tree), out_shardings=state_sharding(mesh))(tree)


def any_process(flag: bool) -> bool:
    """Whether the flag is up in any process; all of them must ask at the same step."""
    if jax.process_count() == 1:
        return flag
    from jax.experimental import multihost_utils

    return bool(np.any(multihost_utils.process_allgather(np.array(flag))))


@contextlib.contextmanager
def together() -> Iterator[None]:
    """What fails inside in one process fails in all of them, which would otherwise wait for it."""
    failure: Exception | None = None
    try:
        yield
    except Exception as error:
        failure = error
    if any_process(failure is not None):
        raise failure or InputError("another process cannot begin; its own message says why")


def primary() -> bool:
    """Whether this process is the one that writes what only one should write."""
    return jax.process_index() == 0
