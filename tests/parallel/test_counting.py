"""What a program costs, against counts by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from gaxjax.bench.targets.collectives import wire_bytes
from gaxjax.layers.convolution import conv, conv_transpose
from gaxjax.parallel.counting import count_operations


def counted(function: object, *arguments: object, branch: object = max) -> float:
    return count_operations(jax.make_jaxpr(function)(*arguments), branch)  # type: ignore[arg-type]


def test_matrix_products_in_loops_and_branches() -> None:
    a = jnp.ones((4, 4))
    product = 2 * 4**3
    assert counted(lambda a: a @ a + jnp.exp(a), a) == product
    assert counted(lambda a: jnp.einsum("bij,bjk->bik", a, a), jnp.ones((5, 2, 3))[:, :, :2]) == 5 * 2 * 8
    assert counted(lambda a: lax.scan(lambda c, _: (c @ a, None), a, length=7)[0], a) == 7 * product
    assert counted(jax.jit(lambda a: a @ a @ a), a) == 2 * product

    def branches(a: jax.Array) -> jax.Array:
        return lax.cond(a[0, 0] > 0, lambda a: a @ a @ a, lambda a: a @ a, a)

    assert counted(branches, a) == 2 * product and counted(branches, a, branch=min) == product


@pytest.mark.parametrize("stride", [1, 2])
def test_convolutions(stride: int) -> None:
    """One multiplication for each output, tap and input channel; groups have fewer of these."""
    x, kernel = jnp.ones((2, 8, 8, 3)), jnp.ones((4, 4, 3, 5))
    y = conv(x, kernel, stride, ((1, 2), (1, 2)))
    expected = 2 * y.size * 4 * 4 * 3
    assert counted(lambda x, k: conv(x, k, stride, ((1, 2), (1, 2))), x, kernel) == expected
    grouped = counted(
        lambda x, k: lax.conv_general_dilated(
            x, k, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=3
        ),
        x,
        jnp.ones((3, 3, 1, 3)),
    )
    assert grouped == 2 * 2 * 8 * 8 * 3 * 9


def test_the_zeros_of_a_dilated_convolution_are_not_counted() -> None:
    y, kernel = jnp.ones((2, 4, 4, 5)), jnp.ones((3, 3, 3, 5))
    assert (
        counted(lambda y, k: conv_transpose(y, k, 2, 1, (8, 8)), y, kernel) == 2 * 2 * 8 * 8 * 3 * 5 * 9 / 4
    )


def test_wire_bytes_of_a_gradient() -> None:
    """Text as XLA writes it: pairs of results, asynchronous starts, and lines that only speak of one."""
    program = """
  %all-reduce = (f32[10,3]{1,0}, f32[]) all-reduce(%a, %b), replica_groups={{0,1}}
  %start = bf16[8]{0} all-gather-start(bf16[4]{0} %c), dimensions={0}
  %done = bf16[8]{0} all-gather-done(%start)
  %fusion = f32[100]{0} fusion(%all-reduce), calls=%fused
  %mask = pred[16]{0} collective-permute(%d)
"""
    assert wire_bytes(program) == 4 * 31 + 16 + 16
    assert np.isclose(wire_bytes("%x = f64[2,2]{1,0} reduce-scatter(%a)"), 32)
