"""Linear and bilinear maps that say themselves what their transposes are.

JAX derives forward and reverse mode, of any order, from linearity and those transposes; a `jax.custom_vjp`
would have reverse mode alone. How a map is computed is traced once for inputs of one shape, and is not
differentiated, but for what `jax.vmap` has made of it. It may differ on CPUs: which of the two follows from
what the program is compiled for.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
from jax import Array
from jax.extend.core import ClosedJaxpr, Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir


def define_linear(
    name: str, compute: Callable[..., Array], transpose: Callable[..., Array]
) -> Callable[..., Array]:
    """`compute(x, *how)`, which is linear in x, as a map with `transpose(dy, x's shape, *how)` -> dx."""
    primitive = new_primitive(name)

    def transpose_rule(dy: Array, x: Any, program: ClosedJaxpr, how: tuple[Any, ...]) -> list[Any]:
        # A symbolic zero stays one: no zeros are convolved.
        return [ad.Zero(x.aval) if type(dy) is ad.Zero else transpose(dy, x.aval.shape, *how)]

    ad.deflinear2(primitive, transpose_rule)

    trace = program_tracer(compute)

    def call(x: Array, *how: Any) -> Array:
        result: Array = primitive.bind(x, program=trace(how, x), how=how)
        return result

    return call


def define_bilinear(
    name: str,
    compute: Callable[..., Array],
    of_first: Callable[..., Array],
    of_second: Callable[..., Array],
    on_cpus: Callable[..., Array] | None = None,
) -> Callable[..., Array]:
    """`compute(a, b, *how)`, linear in both, with the transposes in each.

    `of_first(dy, b, a's shape, *how)` -> da, and `of_second(dy, a, b's shape, *how)` -> db. on_cpus: the same
    map as it is computed there.
    """
    primitive = new_primitive(name, on_cpus)
    ad.defbilinear(
        primitive,
        lambda dy, a, b, program, how: of_first(dy, b, a.aval.shape, *how),
        lambda dy, a, b, program, how: of_second(dy, a, b.aval.shape, *how),
    )

    trace = program_tracer(compute)

    def call(a: Array, b: Array, *how: Any) -> Array:
        result: Array = primitive.bind(a, b, program=trace(how, a, b), how=how)
        return result

    return call


def program_tracer(compute: Callable[..., Array]) -> Callable[..., ClosedJaxpr]:
    """`(how, *inputs)` -> the program of `compute(*inputs, *how)`, to be a parameter of an operation.

    One object for inputs of one shape, wherever they come from: JAX then lowers it once, too. A network asks
    for each of its convolutions several times a step, and for as many gradients.
    """
    # Whatever else a trace depends on, such as the precision of products, JAX looks at.
    traced = jax.jit(lambda how, *inputs: compute(*inputs, *how), static_argnums=0)

    def trace(how: tuple[Any, ...], *inputs: Array) -> ClosedJaxpr:
        return traced.trace(how, *(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in inputs)).jaxpr

    return trace


def new_primitive(name: str, on_cpus: Callable[..., Array] | None = None) -> Primitive:
    """An operation that is computed by its parameter `program`, alone and under `jax.vmap`.

    on_cpus: `on_cpus(*arguments, *how)` computes it instead in programs for CPUs.
    """

    def evaluate(*arguments: Array, program: ClosedJaxpr, how: tuple[Any, ...]) -> Array:
        (result,) = jaxpr_as_fun(program)(*arguments)
        return result

    def evaluate_on_cpus(*arguments: Array, program: ClosedJaxpr, how: tuple[Any, ...]) -> Array:
        assert on_cpus
        return on_cpus(*arguments, *how)

    def evaluate_here(*arguments: Array, program: ClosedJaxpr, how: tuple[Any, ...]) -> Array:
        own = on_cpus and jax.default_backend() == "cpu"
        return (evaluate_on_cpus if own else evaluate)(*arguments, program=program, how=how)

    def batching_rule(
        arguments: Any, axes: Any, program: ClosedJaxpr, how: tuple[Any, ...]
    ) -> tuple[Array, int]:
        # Under vmap what is left is a plain program, for which JAX's own rules hold: this machine's, which
        # may be slow on others.
        function = functools.partial(evaluate_here, program=program, how=how)
        return jax.vmap(function, in_axes=axes)(*arguments), 0

    primitive = Primitive(name)
    primitive.def_impl(evaluate_here)
    # Nobody may compute shapes a second way: they are the program's.
    primitive.def_abstract_eval(lambda *_, program, how: program.out_avals[0])
    # In place, so that XLA fuses as if the program had been written there.
    mlir.register_lowering(primitive, mlir.lower_fun(evaluate, multiple_results=False))
    if on_cpus:
        lowering = mlir.lower_fun(evaluate_on_cpus, multiple_results=False)
        mlir.register_lowering(primitive, lowering, platform="cpu")
    batching.primitive_batchers[primitive] = batching_rule
    return primitive
