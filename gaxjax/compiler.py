"""What programs are compiled with."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import flax.linen as nn
import jax

from gaxjax.networks.recomputation import recomputes

F = TypeVar("F", bound=Callable[..., Any])

# XLA gives convolutions on CPUs to a library that keeps to one core where they are small, and is many times
# slower where channels are few. To name what else that library may have takes them away from it.
FAST = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_REDUCE"}


def options(game: nn.Module | None = None) -> dict[str, str]:
    """Options of the compiler for this backend, and for a step of that game; to be asked when tracing.

    `jax.checkpoint` ties the second computation to the backward pass by optimization barriers. XLA takes them
    away on CPUs, halfway through: what was two computations becomes one, or both run early, and no memory is
    saved. Where a game recomputes, that pass is left out, and the barriers stay.
    """
    if jax.default_backend() != "cpu":
        return {}
    found = FAST if known() else {}
    if game is not None and recomputes(game):
        found = {**found, "xla_disable_hlo_passes": "cse_barrier_expander"}
    return dict(found)


@functools.cache
def known() -> bool:
    """Whether the compiler has the options that are experimental: it refuses those that it has not."""
    try:
        jax.jit(lambda: 0, compiler_options=FAST).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


def jit(function: F, **arguments: Any) -> F:
    """`jax.jit` with these options, for functions of a module: no device is touched before the first call."""

    @functools.cache
    def made() -> Any:
        return jax.jit(function, compiler_options=options() or None, **arguments)

    @functools.wraps(function)
    def call(*positional: Any, **named: Any) -> Any:
        return made()(*positional, **named)

    return call  # type: ignore[return-value]
