"""Compiling for tests: without the optimizer's passes, which cost more than these small programs ever run."""

from collections.abc import Callable
from typing import Any

import jax

OPTIONS: dict[str, Any] = {"xla_backend_optimization_level": 0}


def compiled(function: Callable[..., Any], *like: Any) -> Callable[..., Any]:
    """The function compiled for arguments of just these shapes and types; it refuses others."""
    return jax.jit(function).lower(*like).compile(OPTIONS)


def run(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the compiled function returns."""
    return compiled(function, *arguments)(*arguments)
