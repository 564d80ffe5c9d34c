"""What a recipe's step becomes on an H100, read off the compiled program: no GPU is needed, and nothing runs.

    python benchmarks/gpu_program.py configs/stylegan2.py --side 256 --batch-size 32 --precision bfloat16

Prints the program's kernels by kind, what they read and write, and how long that takes at the card's
bandwidth, apart for what every step does and for what stands in conditionals (lazy penalties); then the
kernels that move the most, and those that change the layout of activations. Such times are bounds from below
and say nothing of arithmetic. Convolution algorithms are the compiler's default, since none can be tried.

JAX's CUDA plugin of JAX's own version has to be there: `pip install gaxjax[cuda]`.
"""

import argparse
import math
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import jax
from jax.experimental import topologies

from gaxjax.bench import footprint
from gaxjax.recipe.serialization import load_recipe

BANDWIDTH = 3.35e12
"""Bytes a second of an H100 SXM's memory."""
H100 = """
gpu_device_info {
  threads_per_block_limit: 1024
  threads_per_warp: 32
  shared_memory_per_block: 49152
  shared_memory_per_core: 233472
  threads_per_core_limit: 2048
  core_count: 132
  fpus_per_core: 128
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
  memory_bandwidth: 3352320000000
  l2_cache_size: 52428800
  clock_rate_ghz: 1.98
  device_memory_size: 84929347584
  shared_memory_per_block_optin: 232448
  cuda_compute_capability { major: 9 }
  registers_per_core_limit: 65536
  registers_per_block_limit: 65536
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 12 }
runtime_version { major: 12 minor: 9 }
device_description_str: "NVIDIA H100 80GB HBM3"
"""
"""The card as XLA's compiler is told of it."""
BYTES = {"pred": 1, "u8": 1, "s8": 1, "bf16": 2, "f16": 2, "f32": 4, "s32": 4, "u32": 4, "f64": 8, "u64": 8}
NO_KERNELS = {
    *("parameter", "constant", "tuple", "get-tuple-element", "bitcast"),
    *("conditional", "while", "call", "after-all", "partition-id"),
}
LARGE = 2**22
"""Bytes that a layout change moves to be told: more than most kernels have."""


@dataclass(frozen=True)
class Kernel:
    """An instruction of a compiled program that is launched."""

    name: str
    kind: str
    """such as "fusion kLoop", "__cudnn$convForward", "copy\""""
    output: str
    """shape, such as bf16[32,64,64,128]{3,2,1,0}"""
    moved: int
    """bytes of its inputs and outputs"""
    origin: str
    """where in the model it comes from, as far as is known"""
    conditional: bool
    """whether it is not in the program itself, but in what that may call"""

    @property
    def changes_layout(self) -> bool:
        """Whether it moves much to change no value."""
        return self.moved > LARGE and (self.kind in ("copy", "transpose") or "transpose" in self.name)


def count_bytes(shapes: str) -> int:
    """Bytes of all arrays in a text.

    >>> size("(bf16[2,3]{1,0}, pred[4]) and f32[]")
    20
    """
    found = re.findall(rf"\b({'|'.join(BYTES)})\[([\d,]*)\]", shapes)
    return sum(BYTES[dtype] * math.prod(int(n) for n in dims.split(",") if n) for dtype, dims in found)


def parse_kernels(program: str) -> Iterator[Kernel]:
    """The kernels of a program as XLA prints it once it is compiled for a GPU."""
    # Computations inside fusions and reductions: they are parts of a kernel, and launched by nobody.
    inlined = set(re.findall(r"(?:calls|to_apply)=%?([\w.\-]+)", program))
    where, entry, shapes = "", False, dict[str, str]()
    for line in program.splitlines():
        # A computation's first line; shapes are by name within it.
        if header := re.match(r"(ENTRY )?%?([\w.\-]+) \(.*\{$", line):
            where, entry, shapes = header[2], bool(header[1]), {}
        match = re.match(r"\s+(?:ROOT )?%([\w.\-]+) = (\(.*?\)|\S+) ([\w\-]+)\((.*)", line)
        if not match or where in inlined:
            continue
        name, output, operation, rest = match.groups()
        shapes[name] = output
        if operation in NO_KERNELS:
            continue
        # Up to the closing parenthesis: attributes behind it name computations and not arrays.
        arguments = re.findall(r"%([\w.\-]+)", rest.split("), ")[0])
        kind = re.search(r"custom_call_target=\"([^\"]+)\"", line)
        shape = re.search(r"kind=(\w+)", line)
        origin = re.search(r"op_name=\"([^\"]+)\"", line)
        yield Kernel(
            name,
            kind[1] if kind else f"{operation} {shape[1]}" if shape else operation,
            output,
            count_bytes(output) + sum(count_bytes(shapes.get(argument, "")) for argument in arguments),
            origin[1] if origin else "",
            # Computations that the entry may call: branches of conditionals, bodies of loops.
            not entry,
        )


def h100_mesh() -> jax.sharding.Mesh:
    """One of them, which need not be there. All of the process is told that it is what programs are for."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # a GPU that is there is left alone
    os.environ["JAX_SKIP_CUDA_CONSTRAINTS_CHECK"] = "1"  # there may be no driver
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_autotune_level=0"
    jax.default_backend = lambda: "gpu"  # what is asked for while the step is traced
    topology = topologies.get_topology_desc(platform="cuda", target_config=H100, topology="1x1x1")
    return jax.sharding.Mesh(topology.devices, ("data",))


def format_report(program: str, top: int) -> str:
    """Tables in Markdown of a compiled program."""
    found = list(parse_kernels(program))
    lines = ["| kernels | every step | GiB | ms | in conditionals | GiB |", "|---|---:|---:|---:|---:|---:|"]
    for kind, _ in Counter(k.kind for k in found).most_common():
        always, perhaps = (
            [k.moved for k in found if k.kind == kind and k.conditional == c] for c in (False, True)
        )
        lines.append(format_row(kind, always, perhaps))
    lines.append(format_row("all", *([k.moved for k in found if k.conditional == c] for c in (False, True))))
    layouts = [k for k in found if k.changes_layout]
    lines += ["", f"{len(layouts)} change a layout, of {sum(k.moved for k in layouts) / 2**30:.2f} GiB:", ""]
    lines += map(describe_kernel, sorted(layouts, key=lambda k: -k.moved)[:top])
    return "\n".join(
        [
            *lines,
            "",
            "The most is moved by:",
            "",
            *map(describe_kernel, sorted(found, key=lambda k: -k.moved)[:top]),
        ]
    )


def format_row(kind: str, always: list[int], perhaps: list[int]) -> str:
    """Of the first table."""
    # Every byte once over the memory's bus, as if nothing stayed in a cache or were computed: a bound from
    # below.
    bound = 1e3 * sum(always) / BANDWIDTH
    cells = [
        len(always),
        f"{sum(always) / 2**30:.2f}",
        f"{bound:.2f}",
        len(perhaps),
        f"{sum(perhaps) / 2**30:.2f}",
    ]
    return f"| {kind} | {' | '.join(map(str, cells))} |"


def describe_kernel(kernel: Kernel) -> str:
    """A kernel in one line."""
    origin = "/".join(kernel.origin.split("/")[-3:])
    return f"- {kernel.moved / 2**20:,.0f} MiB: {kernel.name}, {kernel.kind}, {origin}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="a recipe's file, or FILE:NAME")
    parser.add_argument("--side", type=int, default=0, help="shorter side of the images; 0: the recipe's")
    parser.add_argument("--batch-size", type=int, default=0, help="examples of a minibatch; 0: the recipe's")
    parser.add_argument("--precision", default="", help="bfloat16, float16; empty: the recipe's")
    parser.add_argument("--top", type=int, default=10, help="kernels that are told one by one")
    parser.add_argument("--save", type=Path, help="where to write the program itself")
    arguments = parser.parse_args()
    mesh, (recipe, _) = h100_mesh(), load_recipe(arguments.config)
    recipe = replace(recipe, precision=arguments.precision or recipe.precision)
    spec = footprint.example_spec(recipe)
    recipe, spec = footprint.change_size(recipe, spec, arguments.side, arguments.batch_size)
    program = footprint.compile_step(footprint.heaviest_program(recipe, spec), mesh)
    text, memory = program.as_text(), program.memory_analysis()
    if arguments.save:
        arguments.save.write_text(text)
    temporaries = memory.temp_size_in_bytes / 2**30
    print(f"{arguments.config} for an H100, jax {jax.__version__}; temporaries {temporaries:.2f} GiB\n")
    print(format_report(text, arguments.top))


if __name__ == "__main__":
    main()
