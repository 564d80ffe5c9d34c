"""The one place that maps a step over devices and processes."""

import functools
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gaxjax.errors import InputError, format_multiples
from gaxjax.parallel import compiler

Tree = Any


def initialize(workdir: Path | None = None) -> None:
    """Joins the other processes of a run, before anything else touches a device: `processes.join`."""
    from gaxjax.parallel import processes

    processes.join(workdir)


def limit_devices(devices: int) -> None:
    """Uses so many of this process's devices, before any is touched; 0: all. Those of a CPU are stand-ins."""
    if devices < 0:
        raise InputError(f"devices is at least 1, or 0 for all; got {devices}")
    if devices:
        # Not overwritten: a scheduler has said with it which GPUs are this job's.
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(devices))))
        os.environ.setdefault("NPROC", "64")  # threads, without which the stand-ins hang
        jax.config.update("jax_num_cpu_devices", devices)


def check_devices(devices: int) -> None:
    """Refuses more devices than there are, once they may be touched."""
    if devices and jax.local_device_count() != devices:
        raise InputError(f"{jax.local_device_count()} devices are used, not {devices}: there are no more")


def make_mesh(seeds: int = 1) -> Mesh:
    """All devices of all processes along `data`; with several seeds, as many as divide them along `seed`.

    The devices of a process stand side by side, whatever their numbers are (some TPU hosts have 0 to 3 and
    8 to 11), so that what it loads, a block of every batch, is what its devices hold.
    """
    devices = order_devices(jax.devices())
    if seeds == 1:
        return Mesh(devices, ("data",))
    # As many rows of seeds as divide both numbers, so that each process's devices are whole rows or a part of
    # one: what it loads is then a block of examples, the same for each of its seeds.
    local, both = len(devices) // jax.process_count(), math.gcd(seeds, len(devices))
    along_seed = max(n for n in range(1, both + 1) if both % n == 0 and fills_rows(len(devices) // n, local))
    return Mesh(devices.reshape(along_seed, -1), ("seed", "data"))


def order_devices(devices: Sequence[Any]) -> np.ndarray:
    """Those of a process side by side."""
    return np.array(sorted(devices, key=lambda device: (device.process_index, device.id)))


def fills_rows(row: int, local: int) -> bool:
    """Whether a process's devices fill whole rows of a mesh, or lie in one row.

    >>> fills_rows(2, 4), fills_rows(4, 2), fills_rows(3, 2)
    (True, True, False)
    """
    return row % local == 0 or local % row == 0


class Share(NamedTuple):
    """A process's part of every batch: a block of the examples, for some of the seeds."""

    seeds: range
    block: int
    """its number among"""
    blocks: int
    """so many, of one size"""


def share_of(mesh: Mesh, seeds: int = 1) -> Share:
    """What this process loads: what the sharding of batches lays on its devices."""
    # A batch of one example a device, so that slices of its axes are numbers of devices: [minibatches,
    # batch], with several seeds [seeds, minibatches, batch].
    width = mesh.shape["data"]
    shape = (seeds, 1, width) if "seed" in mesh.axis_names else (1, width)
    places = [
        p for p in batch_sharding(mesh).addressable_devices_indices_map(shape).values() if p is not None
    ]
    rows = [place[-1].indices(width) for place in places]
    first, last = min(start for start, _, _ in rows), max(stop for _, stop, _ in rows)
    along = [place[0].indices(seeds) for place in places if "seed" in mesh.axis_names] or [(0, seeds, 1)]
    own = range(min(start for start, _, _ in along), max(stop for _, stop, _ in along))
    return Share(own, first // (last - first), width // (last - first))


def check_batch(batch_size: int, mesh: Mesh, parts: int = 1) -> None:
    """Refuses a batch that the devices cannot share equally, each of so many parts of it too."""
    devices = mesh.shape["data"]
    if batch_size % (devices * parts):
        use = format_multiples(batch_size, devices * parts)
        shares = f"{devices} devices" + (f" in accumulate={parts} parts" if parts > 1 else "")
        raise InputError(f"batch_size {batch_size} is not divisible by {shares}; use {use}")


class Calls(NamedTuple):
    """How several steps make one dispatch."""

    longest: int
    """steps of a call, at the most"""
    assemble: Callable[[Tree, Tree], Tree]
    """(tables, what is chosen for a step) -> its batches; pure, inside the program"""


class CallInput(NamedTuple):
    """What a call of several steps takes, in place of batches."""

    tables: Tree
    """arrays that are whole on every device"""
    per_step: Tree
    """`[longest, minibatches, batch, ...]`, split along the examples; of them a call uses the first"""
    steps: Tree
    """how many this call makes, a number, each with one of those"""


def pmapped(
    step: Callable[..., Any],
    mesh: Mesh,
    calls: Calls | None = None,
    announce: Callable[..., None] | None = None,
) -> Callable[..., Any]:
    """`step(state, batches, key) -> (state, logs)` compiled for all devices of the mesh.

    The state is replicated and donated; batches `[minibatches, batch, ...]` are split along their second
    axis. The step is written for the global batch, and the compiler inserts the communication, so that
    statistics, gradients and latents do not depend on the number of devices. On a mesh with an axis `seed`
    every argument and result has one more leading axis, of independent runs.

    calls: several steps in one dispatch, `(state, Fed, key) -> (state, {})`, for a step that keeps what it
    has to log in its state. announce: is called once, with the compiled program and the first call's
    arguments, before that call.
    """
    program = compilable(step, mesh, calls)
    return block_on_cpu(compiler.announce_first(program, announce) if announce else program, mesh)


def compilable(step: Callable[..., Any], mesh: Mesh, calls: Calls | None = None) -> Any:
    """The same as JAX has it, for `lower` and `compile` without a call."""
    # Seeds inside of the calls: all of them make the same number of steps, from the same tables.
    state, function = state_sharding(mesh), compiler.use_mesh(vmap_seeds(step, mesh), mesh)
    inputs: Tree = batch_sharding(mesh)
    if calls:
        whole = replicated_sharding(mesh)
        function = loop_steps(function, mesh, calls)
        inputs = CallInput(whole, batch_sharding(mesh, calls=True), whole)
    return jax.jit(
        function,
        in_shardings=(state, inputs, state),
        out_shardings=(state, state),
        donate_argnums=0,  # or two states would have to fit
        # Of where it will run: programs are compiled here for chips that are elsewhere, too.
        compiler_options=compiler.options(mesh.devices.flat[0].platform) or None,
    )


def loop_steps(step: Callable[..., Any], mesh: Mesh, calls: Calls) -> Callable[..., Any]:
    """The steps of a call, one after the other.

    Their number is not compiled in, so that calls of any length give the same numbers.
    """

    def advance(state: Tree, inputs: CallInput, key: Array) -> tuple[Tree, Tree]:
        def body(i: Any, state: Tree) -> Tree:
            # Gathered of whole tables by split numbers, and split themselves: each device makes its own part.
            batches = calls.assemble(inputs.tables, jax.tree.map(lambda x: x[i], inputs.per_step))
            return step(state, jax.lax.with_sharding_constraint(batches, batch_sharding(mesh)), key)[0]

        # Without the loop, which is worth nothing for one step, and hides it from some optimizations.
        return body(0, state) if calls.longest == 1 else jax.lax.fori_loop(0, inputs.steps, body, state), {}

    return advance


def vmap_seeds(step: Callable[..., Any], mesh: Mesh) -> Callable[..., Any]:
    """A function of one run, for those of all seeds of the mesh."""
    return jax.vmap(step) if "seed" in mesh.axis_names else step


def block_on_cpu(function: Callable[..., Any], mesh: Mesh) -> Callable[..., Any]:
    """The compiled function, which waits for its result where that is safer.

    Several steps in flight over the CPU's stand-in devices can starve one another of threads and hang.
    """
    if mesh.size == 1 or mesh.devices.flat[0].platform != "cpu":
        return function
    return lambda *arguments: jax.block_until_ready(function(*arguments))


def replicated_sharding(mesh: Mesh) -> NamedSharding:
    """The same on every device."""
    return NamedSharding(mesh, PartitionSpec())


def state_sharding(mesh: Mesh) -> NamedSharding:
    """The same on every device, except for the seeds."""
    return NamedSharding(mesh, PartitionSpec("seed") if "seed" in mesh.axis_names else PartitionSpec())


def batch_sharding(mesh: Mesh, calls: bool = False) -> NamedSharding:
    """Split along the examples, `[minibatches, batch, ...]`, and the seeds; calls: after one more axis."""
    seeds = (name for name in mesh.axis_names if name == "seed")
    # Minibatches are moves, one after the other: every device has a part of each.
    return NamedSharding(mesh, PartitionSpec(*[None] * calls, *seeds, None, "data"))


def with_sharding(tree: Tree, sharding: jax.sharding.Sharding) -> Tree:
    """Shapes and types with a place for each."""
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), tree)


def shard(batches: Tree, mesh: Mesh, calls: bool = False) -> Tree:
    """This process's part of the batches, as global arrays; the transfer goes on in the background."""
    # Nothing is sent between processes: each hands over its own block, as `share_of` has told it.
    sharding = batch_sharding(mesh, calls)
    return jax.tree.map(lambda x: jax.make_array_from_process_local_data(sharding, x), batches)


def put_replicated(tree: Tree, mesh: Mesh) -> Tree:
    """Arrays that every process has, whole on every device."""
    whole = replicated_sharding(mesh)
    # Not `device_put`, which makes the processes compare what they have.
    return jax.tree.map(lambda x: jax.make_array_from_process_local_data(whole, np.asarray(x)), tree)


def replicate(tree: Tree, mesh: Mesh) -> Tree:
    """Values that every process has, as global arrays on every device."""
    # Copied, for a program may give an argument back as it is, and a step donates its state: whoever holds
    # the value that it was made of would hold a deleted array.
    return jax.jit(lambda tree: jax.tree.map(jnp.copy, tree), out_shardings=state_sharding(mesh))(tree)


def fetch(tree: Tree) -> Tree:
    """Arrays of any sharding, whole, as NumPy's in every process; all of them must ask."""
    # Alone a process has everything, and no program need run, which would copy it to all devices first.
    return jax.device_get(tree if jax.process_count() == 1 else all_gather(make_mesh())(tree))


@functools.cache
def all_gather(mesh: Mesh) -> Callable[[Tree], Tree]:
    """Lays arrays whole on every device."""
    return jax.jit(lambda tree: tree, out_shardings=replicated_sharding(mesh))
