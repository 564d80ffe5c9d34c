"""Linear and bilinear maps that say themselves what their transposes are.

JAX derives forward and reverse mode, of any order, from linearity and those transposes; a `jax.custom_vjp`
would have reverse mode alone. How a map is computed is traced where it is called, and is not differentiated,
but for what `jax.vmap` has made of it.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array
from jax.extend.core import ClosedJaxpr, Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir


def linear(name: str, compute: Callable[..., Array], transpose: Callable[..., Array]) -> Callable[..., Array]:
    """`compute(x, *how)`, which is linear in x, as a map with `transpose(dy, x's shape, *how)` -> dx."""
    primitive = new_primitive(name)

    def transposed(dy: Array, x: Any, program: ClosedJaxpr, how: tuple[Any, ...]) -> list[Any]:
        return [ad.Zero(x.aval) if type(dy) is ad.Zero else transpose(dy, x.aval.shape, *how)]

    ad.deflinear2(primitive, transposed)

    def call(x: Array, *how: Any) -> Array:
        program = jax.make_jaxpr(lambda x: compute(x, *how))(x)
        found: Array = primitive.bind(x, program=program, how=how)
        return found

    return call


def bilinear(
    name: str,
    compute: Callable[..., Array],
    of_first: Callable[..., Array],
    of_second: Callable[..., Array],
) -> Callable[..., Array]:
    """`compute(a, b, *how)`, linear in both, with the transposes in each.

    `of_first(dy, b, a's shape, *how)` -> da, and `of_second(dy, a, b's shape, *how)` -> db.
    """
    primitive = new_primitive(name)
    ad.defbilinear(
        primitive,
        lambda dy, a, b, program, how: of_first(dy, b, a.aval.shape, *how),
        lambda dy, a, b, program, how: of_second(dy, a, b.aval.shape, *how),
    )

    def call(a: Array, b: Array, *how: Any) -> Array:
        program = jax.make_jaxpr(lambda a, b: compute(a, b, *how))(a, b)
        found: Array = primitive.bind(a, b, program=program, how=how)
        return found

    return call


def new_primitive(name: str) -> Primitive:
    """An operation that is computed by its parameter `program`, alone and under `jax.vmap`."""

    def run(*arguments: Array, program: ClosedJaxpr, how: tuple[Any, ...]) -> Array:
        (result,) = jaxpr_as_fun(program)(*arguments)
        return result

    def mapped(arguments: Any, axes: Any, program: ClosedJaxpr, how: tuple[Any, ...]) -> tuple[Array, int]:
        (result,) = jax.vmap(jaxpr_as_fun(program), in_axes=axes)(*arguments)
        return result, 0

    primitive = Primitive(name)
    primitive.def_impl(run)
    primitive.def_abstract_eval(lambda *_, program, how: program.out_avals[0])
    mlir.register_lowering(primitive, mlir.lower_fun(run, multiple_results=False))
    batching.primitive_batchers[primitive] = mapped
    return primitive
