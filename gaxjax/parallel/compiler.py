"""What programs are compiled with."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import jax

F = TypeVar("F", bound=Callable[..., Any])

# XLA gives convolutions on CPUs to a library that keeps to one core where they are small, and is many times
# slower where channels are few. To name what else that library may have, sums and matrix products, takes them
# away from it.
FAST = {
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_REDUCE,LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"
}
# On CPUs XLA takes optimization barriers away halfway through. Without that pass they stay, so that what is
# computed again (`jax.checkpoint`) is not also kept, and what is computed once is not fused into its readers.
KEEP_BARRIERS = {"xla_disable_hlo_passes": "cse_barrier_expander"}


def options(platform: str = "") -> dict[str, str]:
    """Options of the compiler for programs of this platform, such as "tpu"; by default this machine's."""
    if (platform or jax.default_backend()) != "cpu":
        return {}
    return {**KEEP_BARRIERS, **(FAST if has_fast_options() else {})}


@functools.cache
def has_fast_options() -> bool:
    """Whether the compiler has the options that are experimental: it refuses those that it has not."""
    # There is no list to look into: an unknown option is an error once something is compiled with it.
    try:
        jax.jit(lambda: 0, compiler_options=FAST).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


def use_mesh(function: Callable[..., Any], mesh: jax.sharding.Mesh) -> Callable[..., Any]:
    """The function, which `jax.sharding.get_abstract_mesh` tells while it is traced what mesh it is for."""

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        with jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
            return function(*arguments)

    return call


def announce_first(program: Any, announce: Callable[..., None]) -> Callable[..., Any]:
    """A jitted function which calls `announce(compiled, *arguments)` before its own first call."""
    is_first = True

    def call(*arguments: Any) -> Any:
        nonlocal is_first
        if is_first:
            is_first = False
            # JAX keeps what it has compiled by hand: the call below finds it, and nothing is compiled twice.
            announce(program.lower(*arguments).compile(), *arguments)
        return program(*arguments)

    return call


def jit(function: F, **arguments: Any) -> F:
    """`jax.jit` with these options, for functions of a module: no device is touched before the first call."""

    @functools.cache
    # Not in `jit` itself: the options ask for the backend, which would make it while modules are imported,
    # before processes have joined and devices are limited.
    def compile_once() -> Any:
        return jax.jit(function, compiler_options=options() or None, **arguments)

    @functools.wraps(function)
    def call(*positional: Any, **named: Any) -> Any:
        return compile_once()(*positional, **named)

    return call  # type: ignore[return-value]
