"""How far apart two computations of one number may be, on any processor.

How a sum is ordered, and whether a product is rounded before it is added, differ from one processor, compiler
and number of devices to the next. So what two programs compute is compared in float64 (a fixture), where
the bound has no room for a wrong term; and where float32 is what is tested, or what is known is a number, the
bound is the `rounding` of what was computed. In short: `rtol=1e-6` is 16 roundings, and `rtol=1e-5` is 167.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

UNIT = {np.dtype(np.float32): 2.0**-24, np.dtype(np.float64): 2.0**-53}
"""The largest relative error of one rounding."""


def rounding(operations: float, magnitude: Any = 1.0, dtype: Any = np.float32) -> Any:
    """The largest error of what takes so many roundings, the numbers that are rounded being of that size.

    A sum of n terms x takes n, of sum |x|: the bound n u sum |x| holds for any order. Many rarely err all to
    one side: within 6 sqrt(n) u sum |x| for all but 3e-8 of them (Higham and Mary 2019, theorem 2.4).
    """
    return min(operations, 6 * operations**0.5) * UNIT[np.dtype(dtype)] * magnitude


def widest(tree: Any) -> Any:
    """Its float32 arrays in the widest floats that JAX has on: float64, in tests that use that fixture."""

    def wide(x: Any) -> Any:
        return (
            x.astype(jax.dtypes.canonicalize_dtype(float)) if getattr(x, "dtype", None) == np.float32 else x
        )

    return jax.tree.map(wide, tree)


def derivative(function: Callable[[float], Any], step: float = 1e-4) -> float:
    """Of a smooth function at 0, from five points in float64: to step^4 f^(5) / 30 and 2^-53 f / step."""
    values = [float(function(factor * step)) for factor in (-2, -1, 1, 2)]
    return float(np.dot([1, -8, 8, -1], values)) / (12 * step)
