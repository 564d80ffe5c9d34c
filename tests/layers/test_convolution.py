"""The three convolutions against XLA's own: values, gradients, gradients of gradient penalties."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from gaxjax.errors import InputError
from gaxjax.layers import convolution, convolution_cpu
from gaxjax.layers.convolution import conv, conv_transpose, correlate, same_padding
from gaxjax.layers.convolution_cpu import Borders, PerAxis

Case = tuple[PerAxis, PerAxis, PerAxis, Borders, int, int]
Function = Callable[[Array, Array], Array]

# size, window, stride, padding, channels in, channels out
CASES: dict[str, Case] = {
    "4x4 by 2": ((8, 8), (4, 4), (2, 2), ((1, 1), (1, 1)), 6, 7),
    "4x4 by 2, image": ((8, 6), (4, 4), (2, 2), ((1, 1), (1, 1)), 3, 7),
    "4x2 by 2, last row unused": ((9, 7), (4, 2), (2, 2), ((0, 1), (1, 0)), 6, 5),
    "4x4 by 2, both ends unused": ((9, 9), (4, 4), (2, 2), ((0, 0), (0, 0)), 3, 5),
    "3x3": ((5, 7), (3, 3), (1, 1), ((1, 1), (1, 1)), 6, 7),
    "3x3 to image": ((5, 7), (3, 3), (1, 1), ((1, 1), (1, 1)), 6, 3),
    "3x2, padding wider than window": ((6, 5), (3, 2), (1, 1), ((0, 0), (3, 4)), 5, 6),
    "3x2 to image, padding wider": ((6, 5), (3, 2), (1, 1), ((0, 1), (3, 4)), 5, 3),
    "3x3 by 2": ((8, 8), (3, 3), (2, 2), ((1, 1), (1, 1)), 6, 7),
    "3x3 by 2, unused": ((10, 8), (3, 3), (2, 2), ((0, 0), (0, 0)), 6, 7),
    "5x5 by 2, image": ((7, 9), (5, 5), (2, 2), ((1, 2), (2, 2)), 1, 6),
    "4x3 by 2 and 1": ((9, 8), (4, 3), (2, 1), ((2, 2), (1, 1)), 6, 7),
    "pixels between the windows": ((11, 9), (3, 3), (4, 4), ((0, 0), (1, 0)), 5, 6),
    "1x1": ((6, 6), (1, 1), (1, 1), ((0, 0), (0, 0)), 6, 3),
    "1x1, padded": ((5, 6), (1, 1), (1, 1), ((1, 0), (0, 2)), 3, 7),
    "1x1 by 2": ((7, 6), (1, 1), (2, 2), ((0, 0), (0, 0)), 6, 7),
    "7x7, image": ((9, 8), (7, 7), (1, 1), ((3, 3), (3, 3)), 3, 6),
    "4x4, whole": ((4, 4), (4, 4), (1, 1), ((0, 0), (0, 0)), 6, 5),
    "clips, 4x4x4 by 1 and 2": ((6, 7, 6), (4, 4, 4), (1, 2, 2), ((0, 0), (1, 1), (1, 2)), 3, 5),
    "clips, frames between the windows": ((7, 5, 7), (2, 2, 3), (3, 1, 2), ((0, 0), (0, 1), (2, 0)), 5, 2),
    "clips, many pixels": ((5, 33, 32), (4, 4, 4), (2, 2, 2), ((1, 2), (1, 1), (0, 2)), 2, 3),
}


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    """Tolerances that leave no room for a wrong term."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(autouse=True)
def cpu() -> Iterator[None]:
    """The family on any machine."""
    with jax.default_device(jax.devices("cpu")[0]):
        yield


def run(function: Callable[..., Any], *arguments: Any) -> Any:
    """Compiled, with little optimization: compiling is nearly all that these tests do."""
    return jax.jit(function).lower(*arguments).compile({"xla_backend_optimization_level": 0})(*arguments)


def close(found: Any, expected: Any, tolerance: float = 1e-10) -> None:
    def compare(a: Array, b: Array) -> None:
        assert a.dtype == b.dtype
        scale = max(1.0, float(jnp.max(jnp.abs(b))))
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale)

    jax.tree.map(compare, found, expected)


def arrays(case: Case, batch: int = 2) -> tuple[Array, Array, Array]:
    """x, kernel and y of a case."""
    size, window, stride, padding, inputs, outputs = case
    extents = zip(size, window, stride, padding, strict=True)
    after = [(n + sum(p) - k) // s + 1 for n, k, s, p in extents]
    shapes = (batch, *size, inputs), (*window, inputs, outputs), (batch, *after, outputs)
    random = np.random.default_rng(0)
    x, kernel, y = (jnp.asarray(random.standard_normal(shape)) for shape in shapes)
    return x, kernel, y


def functions(case: Case) -> tuple[Function, Function, Function]:
    """The three functions of two arrays each."""
    size, window, stride, padding, _, _ = case
    return (
        lambda x, kernel: conv(x, kernel, stride, padding),
        lambda y, kernel: conv_transpose(y, kernel, stride, padding, size),
        lambda x, y: correlate(x, y, window, stride, padding),
    )


def references(case: Case) -> tuple[Function, Function, Function]:
    """The same three as XLA has them."""
    size, window, stride, padding, _, _ = case
    return (
        lambda x, kernel: convolution.reference_conv(x, kernel, stride, padding),
        lambda y, kernel: convolution.reference_conv_transpose(y, kernel, stride, padding, size),
        lambda x, y: convolution.reference_correlate(x, y, window, stride, padding),
    )


def total(function: Function) -> Function:
    """A scalar that is not linear in the function."""
    return lambda a, b: jnp.sum(jnp.sin(function(a, b)))


def penalty(function: Function) -> Function:
    """Of the gradients with respect to both arguments: its gradient reaches every second derivative."""

    def penalized(a: Array, b: Array) -> Array:
        first, second = jax.grad(total(function), (0, 1))(a, b)
        return jnp.sum(first**2) + jnp.sum(jnp.cos(second))

    return penalized


def values_and_gradients(
    three: tuple[Function, Function, Function], x: Array, kernel: Array, y: Array
) -> Any:
    """Values of all three, first gradients of one, and gradients of a penalty.

    The gradients of `conv` are the other two, so that those of its penalty are gradients of all three.
    """
    one, two, other = three
    return (
        (one(x, kernel), two(y, kernel), other(x, y)),
        jax.grad(total(one), (0, 1))(x, kernel),
        jax.grad(penalty(one), (0, 1))(x, kernel),
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_values_gradients_and_penalties_are_the_references(case: Case) -> None:
    found, expected = (
        run(lambda *xs, f=f: values_and_gradients(f(case), *xs), *arrays(case))
        for f in (functions, references)
    )
    close(found, expected)


def test_forward_mode_is_the_references() -> None:
    """Alone, linearized, and over reverse mode: a product with the second derivatives."""
    case = CASES["3x3 by 2"]
    x, kernel, y = arrays(case)

    def forward(three: tuple[Function, Function, Function]) -> Any:
        results = []
        for function, pair in zip(three, ((x, kernel), (y, kernel), (x, y)), strict=True):
            ahead = tuple(jnp.cos(a) for a in pair)
            slope = jax.grad(total(function), (0, 1))
            results.append((jax.jvp(function, pair, ahead), jax.linearize(function, *pair)[1](*ahead)))
            results.append(jax.jvp(slope, pair, ahead))
        return results

    close(run(lambda: forward(functions(case))), run(lambda: forward(references(case))))


@pytest.mark.parametrize("name", ["3x3 by 2", "clips, 4x4x4 by 1 and 2"])
def test_programs_for_others_have_native_convolutions(name: str) -> None:
    """Whatever machine traces them."""
    case = CASES[name]
    x, kernel, y = arrays(case)
    one, two, other = functions(case)
    assert convolutions(other, x, y, platform="cpu") != convolutions(references(case)[2], x, y)
    for ours, native, inputs in zip(
        (one, two, other), references(case), ((x, kernel), (y, kernel), (x, y)), strict=True
    ):
        assert convolutions(ours, *inputs) == convolutions(native, *inputs)
    # The gradient of a transposed convolution's kernel is that of a convolution's, and no other program.
    slope = jax.grad(lambda kernel: jnp.vdot(two(y, kernel), x))
    assert convolutions(slope, kernel)[-1] == convolutions(other, x, y)[-1]


@pytest.mark.parametrize("name", ["4x2 by 2, last row unused", "3x3 to image", "5x5 by 2, image"])
def test_kernel_gradients_of_whole_vectors_are_the_references(name: str) -> None:
    x, _, y = arrays(CASES[name], batch=convolution_cpu.LANES)
    close(run(functions(CASES[name])[2], x, y), run(references(CASES[name])[2], x, y))


@pytest.mark.parametrize(
    ("name", "count"), [("3x3", 1), ("3x3 by 2", 4), ("4x3 by 2 and 1", 2), ("3x3 to image", 1)]
)
def test_kernel_gradients_for_cpus_have_no_gaps_and_no_borders(name: str, count: int) -> None:
    """Of small batches: a convolution for each phase of the stride."""
    x, _, y = arrays(CASES[name])
    found = convolutions(functions(CASES[name])[2], x, y, platform="cpu")
    plain = "stride = [1, 1], pad = [[0, 0], [0, 0]], lhs_dilate = [1, 1], rhs_dilate = [1, 1]"
    assert [plain in line for line in found] == [True] * count


def convolutions(function: Callable[..., Any], *inputs: Array, platform: str = "cuda") -> list[str]:
    """Of each convolution in the function's program for a platform, all but its operands' names."""
    text = jax.jit(function).trace(*inputs).lower(lowering_platforms=(platform,)).as_text()
    return [line.split("dim_numbers")[1] for line in text.splitlines() if "stablehlo.convolution" in line]


def test_convolutions_by_hand() -> None:
    x = jnp.arange(6.0).reshape(1, 2, 3, 1)
    kernel = jnp.array([[1.0, 10.0], [100.0, 1000.0]]).reshape(2, 2, 1, 1)
    y = jnp.array([1.0, 10.0]).reshape(1, 1, 2, 1)
    # Two frames, of which the second counts a hundred thousand times as much.
    clip, kernels = jnp.stack([x, x + 1], 1), jnp.stack([kernel, 1e5 * kernel])

    def convolve(x: Array, kernel: Array, y: Array, *clips: Array) -> list[Array]:
        clip, kernels = clips
        images = conv(x, kernel), conv_transpose(jnp.ones((1, 1, 2, 1)), kernel), correlate(x, y, (2, 2))
        one = jnp.ones((1, 1, 1, 1, 1))
        frames = conv(clip, kernels), conv_transpose(one, kernels), correlate(clip, y[:, None], (2, 2, 2))
        return [found.ravel() for found in (*images, *frames)]

    assert [found.tolist() for found in run(convolve, x, kernel, y, clip, kernels)] == [
        [0 + 10 + 300 + 4000, 1 + 20 + 400 + 5000],
        [1, 11, 10, 100, 1100, 1000],
        [10, 21, 43, 54],
        [4310 + 5421e5, 5421 + 6532e5],
        [1, 10, 100, 1000, 1e5, 1e6, 1e7, 1e8],
        [10, 21, 43, 54, 21, 32, 54, 65],
    ]


@pytest.mark.parametrize("stride, padding, expected", [(1, 0, (7, 8)), (2, 1, (8, 10)), (2, 0, (10, 12))])
def test_the_default_size_is_the_smallest(stride: int, padding: int, expected: PerAxis) -> None:
    y, kernel = jnp.ones((1, 4, 5, 2)), jnp.ones((4, 4, 3, 2))
    assert conv_transpose(y, kernel, stride, padding).shape == (1, *expected, 3)


@pytest.mark.parametrize("size", [(7, 8), (1, 5)])
@pytest.mark.parametrize("kernel", [(4, 4), (3, 1), (5, 5)])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_padding_is_that_of_lax(size: PerAxis, kernel: PerAxis, stride: int) -> None:
    expected = jax.lax.padtype_to_pads(size, kernel, (stride, stride), "SAME")
    assert same_padding(size, kernel, stride) == tuple(map(tuple, expected))


@pytest.mark.parametrize(
    ("name", "axes"), [("4x4 by 2", (0, None)), ("3x3 to image", (None, 0)), ("5x5 by 2, image", (0, 0))]
)
def test_vmap_is_a_loop(name: str, axes: tuple[int | None, int | None]) -> None:
    (x, kernel, y), count = arrays(CASES[name]), 3
    pairs = (x, kernel), (y, kernel), (x, y)

    def gradients(mapped: bool) -> Any:
        results = []
        for function, pair in zip(functions(CASES[name]), pairs, strict=True):
            many = [
                a if axis is None else jnp.stack([a, 2 * a, a - 1])
                for a, axis in zip(pair, axes, strict=True)
            ]

            def loop(*many: Array, function: Function = function) -> Array:
                ones = [
                    [a if axis is None else a[i] for a, axis in zip(many, axes, strict=True)]
                    for i in range(count)
                ]
                return jnp.stack([function(*one) for one in ones])

            results.append(
                jax.value_and_grad(total(jax.vmap(function, axes) if mapped else loop), (0, 1))(*many)
            )
        return results

    close(run(lambda: gradients(mapped=True)), run(lambda: gradients(mapped=False)))


def test_scan_is_a_loop() -> None:
    """Descent on a penalty: differentiated twice, in a loop."""
    x, kernel, _ = arrays(CASES["4x4 by 2"])
    scales = jnp.array([1.0, 0.5])

    def move(kernel: Array, scale: Array) -> tuple[Array, Array]:
        value, gradient = jax.value_and_grad(penalty(functions(CASES["4x4 by 2"])[0]), argnums=1)(
            scale * x, kernel
        )
        return kernel - 1e-3 * gradient, value

    found = run(lambda kernel: jax.lax.scan(move, kernel, scales), kernel)
    kernel, first = run(move, kernel, scales[0])
    kernel, second = run(move, kernel, scales[1])
    close(found, (kernel, jnp.stack([first, second])))


@pytest.mark.parametrize(
    "name, dtype, tolerance",
    [
        ("4x4 by 2", jnp.float32, 1e-5),
        ("3x3 to image", jnp.float32, 1e-5),
        ("3x3 by 2", jnp.bfloat16, 2e-2),
        ("1x1", jnp.bfloat16, 2e-2),
    ],
)
def test_lower_precision_keeps_type_and_accuracy(name: str, dtype: jnp.dtype, tolerance: float) -> None:
    def all_of(three: tuple[Function, Function, Function], x: Array, kernel: Array, y: Array) -> Any:
        def sums(x: Array, kernel: Array, y: Array) -> Array:
            return jnp.sum(three[0](x, kernel)) + jnp.sum(three[1](y, kernel)) + jnp.sum(three[2](x, y))

        return (
            three[0](x, kernel),
            three[1](y, kernel),
            three[2](x, y),
            jax.grad(sums, (0, 1, 2))(x, kernel, y),
        )

    low = [a.astype(dtype) for a in arrays(CASES[name])]
    exact = [a.astype(jnp.float64) for a in low]
    found = run(lambda *xs: all_of(functions(CASES[name]), *xs), *low)
    assert {a.dtype for a in jax.tree.leaves(found)} == {jnp.dtype(dtype)}
    expected = run(lambda *xs: all_of(references(CASES[name]), *xs), *exact)
    close(jax.tree.map(lambda a: a.astype(jnp.float64), found), expected, tolerance)


def test_mixed_types_are_promoted() -> None:
    x, kernel, _ = (a.astype(jnp.float32) for a in arrays(CASES["4x4 by 2"]))
    half = x.astype(jnp.bfloat16)
    y, pullback = jax.vjp(lambda x: conv(x, kernel, 2, 1), half)
    assert y.dtype == jnp.float32
    assert pullback(y)[0].dtype == jnp.bfloat16


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x, k, y: conv(x[0], k), r"^x has the shape \(8, 8, 6\); give \[B, H, W, C\]"),
        (lambda x, k, y: conv(x, k[0]), r"^kernel has the shape \(4, 6, 7\)"),
        (lambda x, k, y: conv(x[:, None], k), r"^kernel has the shape .* give \[t, h, w, I, O\] for clips"),
        (lambda x, k, y: conv(x, k, (1, 2, 2)), r"^stride is \(1, 2, 2\); give .* 2 of them"),
        (lambda x, k, y: conv(x, k, 1, ((1, 1),)), r"^padding is \(\(1, 1\),\); give .* 2 pairs"),
        (
            lambda x, k, y: correlate(x, y, (1, 4, 4)),
            "^x .* and window .* differ in the number of their axes",
        ),
        (lambda x, k, y: conv(x[..., :5], k), r"^x has 5 channels, but kernel \(4, 4, 6, 7\) is for 6"),
        (lambda x, k, y: conv(x[:, :3], k), r"^x: a window of \(4, 4\) does not fit into \(3, 8\)"),
        (lambda x, k, y: conv(x, k, 0), "^stride is 0"),
        (lambda x, k, y: conv(x, k, 2, -1), "^padding is .*-1"),
        (lambda x, k, y: conv_transpose(y[..., :5], k, 2, 1), r"^y has 5 channels, but kernel .* is for 7"),
        (lambda x, k, y: conv_transpose(y[0], k, 2, 1), "^y has the shape"),
        (
            lambda x, k, y: conv_transpose(y, k, 2, 1, (10, 8)),
            r"^y has the size \(4, 4\), but size \(10, 8\)",
        ),
        (lambda x, k, y: correlate(x, y, (3, 3), 1, 1), r"^y has the size \(4, 4\), but x \(8, 8\)"),
        (lambda x, k, y: correlate(x, y[:1], (4, 4), 2, 1), "^x .* and y .* differ in batch size"),
        (lambda x, k, y: correlate(x, y[0], (4, 4), 2, 1), "^y has the shape"),
    ],
)
def test_wrong_shapes_are_refused_by_name(call: Callable[..., Array], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(*arrays(CASES["4x4 by 2"]))


SHARDED = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from gaxjax.layers import convolution

mesh = Mesh(np.array(jax.devices()), ("data",))
images, whole = NamedSharding(mesh, PartitionSpec("data")), NamedSharding(mesh, PartitionSpec())
assert mesh.size == 2 and jax.default_backend() == "cpu"
random = np.random.default_rng(0)

# Windows of whole strides, others, one pixel, few channels.
for window, stride, padding, channels in ((4, 2, 1, 8), (3, 2, 1, 8), (1, 1, 0, 8), (4, 2, 1, 3)):
    x = random.standard_normal((4, 8, 8, channels))
    kernel = random.standard_normal((window, window, channels, 6)) / window

    def score(x, kernel):
        y = jnp.sin(convolution.conv(x, kernel, stride, padding))
        return jnp.mean(convolution.conv_transpose(y, kernel, stride, padding, (8, 8)) ** 2)

    gradients = lambda *xs: jax.value_and_grad(score, (0, 1))(*xs)
    expected = jax.jit(gradients)(x, kernel)
    found = jax.block_until_ready(jax.jit(gradients, in_shardings=(images, whole))(x, kernel))
    assert len(found[1][0].sharding.device_set) == 2
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected)):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
"""


@pytest.mark.slow  # test_recipes.py has whole steps on two devices
def test_two_devices_compute_what_one_does() -> None:
    environment = {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "2", "NPROC": "64", "JAX_ENABLE_X64": "1"}
    process = subprocess.run(
        [sys.executable, "-c", SHARDED],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
