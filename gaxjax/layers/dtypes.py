"""The type that a layer computes in: its input's, which is never a whole number."""

from typing import Literal

import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError

Precision = Literal["float32", "bfloat16", "float16"]


def to_compute_dtype(x: Array, precision: Precision) -> Array:
    """In the type that a network computes in; what is given stays as it is for float32."""
    # Bytes as bfloat16 would be computed with, and be 0 to 255.
    check_floating(x)
    return x if precision == "float32" else x.astype(precision)


def match_dtype(weights: Array, x: Array) -> Array:
    """A layer's weights in the type of its input, in which it computes; InputError for whole numbers."""
    check_floating(x)
    return weights.astype(x.dtype)


def check_floating(x: Array, name: str = "a layer's input") -> None:
    """Refuses integers and booleans: in their type, weights below 1 would be zeros."""
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        raise InputError(
            f"{name} is {x.dtype} {list(x.shape)}, where floats are expected: give x.astype(jnp.float32), or "
            f"for images of bytes gaxjax.data.normalize(batch), which are then in [-1, 1]"
        )


def to_float32(x: Array) -> Array:
    """In float32, if it is of less."""
    # Not simply float32, which would narrow float64.
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
