"""Blocks of a network that are computed again in the backward pass: less memory for a little more time.

Between the forward and the backward pass such a block keeps its inputs alone (Chen et al. 2016, arXiv
1604.06174). Parameters, their names, outputs and random draws are those of the block as it is, and so are
gradients of any order.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import flax.linen as nn

from gaxjax.layers.modules import submodules

T = TypeVar("T")


def apply_block(module: nn.Module, recompute: bool, body: Callable[..., T], *inputs: Any) -> T:
    """`body(module, *inputs)`, inside a compact method of the module; computed again backward if so asked.

    Submodules that the body makes are the module's, under the names that they would have without it. Random
    numbers must be drawn by these, not by the module itself.
    """
    # linen's remat and not jax.checkpoint, which knows nothing of a module's variables and streams.
    result: T = (nn.remat(body) if recompute else body)(module, *inputs)
    return result


def recomputes(module: nn.Module) -> bool:
    """Whether a module, or one among its fields, has blocks that are computed again."""
    return getattr(module, "recompute", False) or any(map(recomputes, submodules(module).values()))
