"""Compiling for tests: without the optimizer's passes, which cost more than these small programs ever run."""

from collections.abc import Callable, Hashable
from typing import Any

import jax

OPTIONS: dict[str, Any] = {"xla_backend_optimization_level": 0}
FLAGS = [
    "--xla_backend_optimization_level=0",
    "--xla_cpu_parallel_codegen_split_count=1",
    # Code by way of MLIR, which later ones always make: faster to run, but twice as slow to compile. With it
    # the preset, which leaves out passes over the program, takes longer than it saves.
    *(
        ["--xla_cpu_use_fusion_emitters=false", "--xla_cpu_opt_preset=CPU_OPT_PRESET_FAST_COMPILE"]
        if jax.__version_info__ < (0, 11)
        else []
    ),
]
"""What takes most of compiling's time away on CPUs: a network's initialization takes a tenth."""


def flags(*others: str) -> str:
    """A value of XLA_FLAGS with these; the last of two counts, so what others say holds."""
    return " ".join([*FLAGS, *(flag for flag in others if flag not in FLAGS)])


def compiled(function: Callable[..., Any], *like: Any) -> Callable[..., Any]:
    """The function compiled for arguments of just these shapes and types; it refuses others."""
    return jax.jit(function).lower(*like).compile(OPTIONS)


def run(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the compiled function returns."""
    return compiled(function, *arguments)(*arguments)


RESULTS: dict[Any, Any] = {}
"""What came of `keep`, by all that it depends on."""


def keep(name: Hashable, make: Callable[[], Any], *like: Any) -> Any:
    """What `make` makes, once for arguments of just these shapes and types.

    name: all else that it depends on. Where that has no hash, as a module with a dictionary, it is made anew.
    """
    leaves, tree = jax.tree.flatten(like)
    # A test may have other draws, or wider numbers.
    draws = jax.random.normal, jax.random.uniform, jax.random.beta
    key = name, tree, tuple(map(jax.typeof, leaves)), draws, jax.dtypes.canonicalize_dtype(float)
    try:
        hash(key)
    except TypeError:
        return make()
    if key not in RESULTS:
        RESULTS[key] = make()
    return RESULTS[key]
