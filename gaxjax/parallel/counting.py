"""What a program costs, read from its trace: arithmetic, bytes of arrays."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.extend.core as core

PRODUCTS = ("dot_general", "conv_general_dilated")


def count_operations(
    jaxpr: Any, branch: Callable[[list[float]], float] = max, dtype: str = "", tile: int = 1
) -> float:
    """Multiplications and additions of all matrix products and convolutions in a (closed) jaxpr.

    What is not one of these is not counted, nor are products with the zeros of a dilated convolution. branch:
    which of a conditional's branches counts, max or min. dtype: of products of that type alone. tile: with
    channels, of input and output, padded to multiples of it. A loop without a fixed length counts once.

    >>> import jax, jax.numpy as jnp
    >>> count_operations(jax.make_jaxpr(lambda a, b: jnp.sin(a @ b))(jnp.ones((2, 3)), jnp.ones((3, 4))))
    48.0
    """
    # From the traced program and not the compiled one, whose operations are fused, and on GPUs are calls of
    # libraries that say nothing of their size.
    jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    total = 0.0
    for equation in jaxpr.eqns:
        parameters = equation.params
        # By the first operand's type; products of two types are not made here.
        if equation.primitive.name in PRODUCTS and dtype not in ("", equation.invars[0].aval.dtype.name):
            continue
        match equation.primitive.name:
            case "dot_general":
                (contracted, others), (_, shared) = parameters["dimension_numbers"]
                left, right = (x.aval.shape for x in equation.invars)
                sums = math.prod(left[i] for i in contracted)
                outputs = math.prod(right) // math.prod(right[i] for i in (*others, *shared)) or 1
                # Each output is a sum of as many products as the contracted axes have entries: 2 for multiply
                # and add.
                work = 2 * equation.outvars[0].aval.size * sums
                total += work * padding(sums, tile) * padding(outputs, tile)
            case "conv_general_dilated":
                kernel = equation.invars[1].aval.shape
                # Each output is a sum over the kernel but for its output channels; a kernel of g groups holds
                # the inputs of one group only, so groups need no case of their own.
                out_axis, in_axis, *_ = parameters["dimension_numbers"].rhs_spec
                each = math.prod(kernel) // kernel[out_axis] / math.prod(parameters["lhs_dilation"])
                work = 2 * equation.outvars[0].aval.size * each
                total += work * padding(kernel[in_axis], tile) * padding(kernel[out_axis], tile)
            # Its body once for every step; a while loop has no length to read, and counts as one.
            case "scan":
                total += parameters["length"] * count_operations(parameters["jaxpr"], branch, dtype, tile)
            case "cond":
                total += branch([count_operations(b, branch, dtype, tile) for b in parameters["branches"]])
            # jit, custom gradients, remat: whatever holds a jaxpr holds its operations.
            case _:
                total += sum(
                    count_operations(inner, branch, dtype, tile)
                    for inner in core.jaxprs_in_params(parameters)
                )
    return float(total)


def padding(size: int, tile: int) -> float:
    """By what factor padding to whole tiles makes an axis longer.

    >>> padding(96, 128), padding(128, 128), padding(3, 1)
    (1.3333333333333333, 1.0, 1.0)
    """
    return -(-size // tile) * tile / max(size, 1)


def nbytes(tree: Any) -> int:
    """Size of a tree of arrays, or of shapes and types, in bytes."""
    return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(tree))


def describe_bytes(count: float) -> str:
    """A size as people say it.

    >>> [describe_bytes(x) for x in (640, 3 * 2**20, 141.2 * 2**30)]
    ['640 B', '3.0 MiB', '141.2 GiB']
    """
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:,.0f} B"
