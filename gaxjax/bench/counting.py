"""What a program costs, read from the program itself: arithmetic, bytes between devices, bytes of arrays."""

import math
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.extend.core as core

COLLECTIVES = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")
PRODUCTS = ("dot_general", "conv_general_dilated")
SHAPE = re.compile(r"\b(pred|[a-z]+(\d+))\w*\[([\d,]*)\]")


def operations(jaxpr: Any, branch: Callable[[list[float]], float] = max, dtype: str = "") -> float:
    """Multiplications and additions of all matrix products and convolutions in a (closed) jaxpr.

    What is not one of these is not counted, nor are products with the zeros of a dilated convolution. branch:
    which of a conditional's branches counts, max or min. dtype: of products of that type alone. A loop
    without a fixed length counts once.

    >>> import jax, jax.numpy as jnp
    >>> operations(jax.make_jaxpr(lambda a, b: jnp.sin(a @ b))(jnp.ones((2, 3)), jnp.ones((3, 4))))
    48.0
    """
    jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    total = 0.0
    for equation in jaxpr.eqns:
        parameters = equation.params
        if equation.primitive.name in PRODUCTS and dtype not in ("", equation.invars[0].aval.dtype.name):
            continue
        match equation.primitive.name:
            case "dot_general":
                (contracted, _), _ = parameters["dimension_numbers"]
                left = equation.invars[0].aval.shape
                total += 2 * equation.outvars[0].aval.size * math.prod(left[i] for i in contracted)
            case "conv_general_dilated":
                kernel = equation.invars[1].aval.shape
                out_axis = parameters["dimension_numbers"].rhs_spec[0]
                each = math.prod(kernel) // kernel[out_axis] / math.prod(parameters["lhs_dilation"])
                total += 2 * equation.outvars[0].aval.size * each
            case "scan":
                total += parameters["length"] * operations(parameters["jaxpr"], branch, dtype)
            case "cond":
                total += branch([operations(b, branch, dtype) for b in parameters["branches"]])
            case _:
                total += sum(operations(inner, branch, dtype) for inner in core.jaxprs_in_params(parameters))
    return float(total)


def wire_bytes(program: str) -> int:
    """Bytes that each device gives to collective operations, in the text of a compiled program (HLO).

    >>> wire_bytes("%x = (f32[2,3]{1,0}, bf16[]) all-reduce(%a, %b), channel_id=1")
    26
    """
    total = 0
    for line in program.splitlines():
        name, _, right = line.partition(" = ")
        operation = next((c for c in COLLECTIVES if re.search(rf"\s{c}(-start)?\(", right)), None)
        if operation and not name.strip().startswith("//"):
            shapes = right[: re.search(rf"\s{operation}", right).start()]  # type: ignore[union-attr]
            for kind, bits, sizes in SHAPE.findall(shapes):
                size = math.prod(int(n) for n in sizes.split(",") if n)
                total += size if kind == "pred" else size * int(bits) // 8
    return total


def nbytes(tree: Any) -> int:
    """Size of a tree of arrays, or of shapes and types, in bytes."""
    return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(tree))
