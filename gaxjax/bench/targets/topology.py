"""Devices that are not here: "v5e:16x16", "v4:2x2x1", "h100", "h100:8". Compilers need only a description."""

import math
import os
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import jax
from jax.experimental import topologies

from gaxjax import parallel
from gaxjax.bench import footprint
from gaxjax.bench.targets.chips import Chip, find_chip
from gaxjax.errors import InputError
from gaxjax.game import Batch
from gaxjax.parallel.configure import configure_jax
from gaxjax.recipe import Recipe

HOST = (2, 2, 1)
"""Chips of a TPU host as its compiler takes them; smaller slices are parts of one."""
CARDS = {
    "h100": "core_count: 132 memory_bandwidth: 3352320000000 l2_cache_size: 52428800 clock_rate_ghz: 1.98 "
    "device_memory_size: 84929347584 cuda_compute_capability { major: 9 }",
    "h200": "core_count: 132 memory_bandwidth: 4800000000000 l2_cache_size: 52428800 clock_rate_ghz: 1.98 "
    "device_memory_size: 151397597184 cuda_compute_capability { major: 9 }",
    "b200": "core_count: 148 memory_bandwidth: 7672320000000 l2_cache_size: 132644864 clock_rate_ghz: 1.965 "
    "device_memory_size: 191514411008 cuda_compute_capability { major: 10 }",
}
"""What differs between cards, as XLA's compiler is told of it (openxla/xla, target_config/specs)."""
CARD = """
gpu_device_info {{
  threads_per_block_limit: 1024 threads_per_warp: 32 threads_per_core_limit: 2048 fpus_per_core: 128
  shared_memory_per_block: 49152 shared_memory_per_core: 233472 shared_memory_per_block_optin: 232448
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535
  registers_per_core_limit: 65536 registers_per_block_limit: 65536
  {card}
}}
platform_name: "CUDA"
dnn_version_info {{ major: 9 minor: 12 }}
runtime_version {{ major: 12 minor: 9 }}
device_description_str: "{name}"
"""


@dataclass(frozen=True)
class Target:
    """So many chips of one kind, joined."""

    chip: Chip
    shape: tuple[int, ...]
    """chips along each axis of a slice; (n,) for GPUs"""

    @property
    def size(self) -> int:
        """Devices of it."""
        return math.prod(self.shape)

    def __str__(self) -> str:
        return f"{self.chip.name}:{'x'.join(map(str, self.shape))}"


def parse_target(text: str) -> Target:
    """A target as it is written on the command line. InputError for what is none.

    >>> str(parse_target("v5e:4x4")), parse_target("h100").size
    ('v5e:4x4', 1)
    """
    name, _, given = text.partition(":")
    chip = find_chip(name)
    axes = chip.torus or 1
    try:
        shape = tuple(int(n) for n in given.split("x")) if given else (1,) * axes
    except ValueError:
        shape = ()
    if len(shape) != axes or min(shape) < 1:
        example = "x".join("221"[:axes]) if chip.torus else "8"
        raise InputError(f"target {text!r} is not {axes} numbers behind {name}, such as {name}:{example}")
    return Target(chip, shape)


def configure_compilers() -> None:
    """What a command sets that compiles for targets: of this machine, CPUs alone are used."""
    # A TPU's compiler is its driver too: left to itself, JAX would look for the chips.
    jax.config.update("jax_platforms", "cpu")
    configure_jax()


def prepare(recipe: Recipe, side: int = 0) -> tuple[Recipe, Batch]:
    """The recipe and its examples' spec at this shorter side; 0: its own."""
    if side < 0:
        raise InputError(f"side is at least 1, or 0 for the recipe's own; got {side}")
    return footprint.change_size(recipe, footprint.example_spec(recipe), side, 0)


def target_mesh(target: Target) -> jax.sharding.Mesh:
    """All devices of a target along `data`. InputError where its compiler is not installed."""
    describe = describe_slice if target.chip.platform == "tpu" else describe_cards
    try:
        devices = describe(target)
    except (jax.errors.JaxRuntimeError, RuntimeError) as error:
        raise InputError(f"the compiler knows no {target}: {str(error).splitlines()[0]}") from error
    # In the order of training, so that the program is the same.
    return jax.sharding.Mesh(parallel.order_devices(devices), ("data",))


def describe_slice(target: Target) -> list[Any]:
    """A TPU slice's devices."""
    check_installed("libtpu", "tpu", target)
    # Without these it asks the network what machine this is, and waits for an answer.
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    os.environ.setdefault("TPU_WORKER_HOSTNAMES", "localhost")
    os.environ.setdefault("TPU_ACCELERATOR_TYPE", "v5litepod-4")
    # One process holds a chip, but any number may compile.
    os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")
    options: dict[str, Any] = {}
    if target.size < math.prod(HOST):
        options["chips_per_host_bounds"] = [*target.shape, 1][:3]
    if target.chip.name == "v4":
        options["chip_config_name"] = "megacore"  # a chip's two cores as one device, which v5p's are anyway
    name = str(target)
    return list(topologies.get_topology_desc(platform="tpu", topology_name=name, **options).devices)


def describe_cards(target: Target) -> list[Any]:
    """GPUs of one host."""
    check_installed("jax_cuda12_plugin", "cuda", target)
    if target.size > target.chip.domain:
        # Collectives between hosts are no other instructions: their cost is derived for any number.
        raise InputError(f"compile for at most the {target.chip.domain} GPUs of a host, not {target.size}")
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # a GPU that is there is left alone
    os.environ["JAX_SKIP_CUDA_CONSTRAINTS_CHECK"] = "1"  # there may be no driver
    # Nothing can be tried, so that algorithms are the compiler's default.
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_autotune_level=0"
    card = CARD.format(card=CARDS[target.chip.name], name=target.chip.name)
    described = topologies.get_topology_desc(
        platform="cuda", target_config=card, topology=f"1x1x{target.size}"
    )
    return list(described.devices)


def check_installed(module: str, extra: str, target: Target) -> None:
    """Refuses a target whose compiler is not there, and says what has it."""
    if find_spec(module) is None:
        raise InputError(
            f"the compiler for {target} is not installed: pip install 'gaxjax[{extra}]'; no device is needed"
        )
