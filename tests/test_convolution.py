"""The three convolutions against XLA's own: values, gradients, gradients of gradient penalties."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from gaxjax.errors import InputError
from gaxjax.networks import convolution
from gaxjax.networks.convolution import Pair, Pairs, conv, conv_transpose, correlate, same_padding

# size, window, stride, padding, channels in, channels out
CASES = [
    ((8, 8), (4, 4), (2, 2), ((1, 1), (1, 1)), 6, 7),
    ((8, 6), (4, 4), (2, 2), ((1, 1), (1, 1)), 3, 7),
    ((4, 6), (4, 4), (2, 2), ((1, 1), (1, 1)), 7, 1),
    ((9, 7), (4, 2), (2, 2), ((0, 1), (1, 0)), 6, 5),  # the stride leaves the last row unused
    ((9, 9), (4, 4), (2, 2), ((0, 0), (0, 0)), 3, 5),
    ((8, 8), (3, 3), (1, 1), ((1, 1), (1, 1)), 6, 7),
    ((5, 7), (3, 3), (1, 1), ((1, 1), (1, 1)), 6, 3),
    ((6, 5), (3, 2), (1, 1), ((0, 0), (3, 4)), 5, 6),  # padding wider than the window
    ((8, 8), (3, 3), (2, 2), ((1, 1), (1, 1)), 6, 7),
    ((10, 8), (3, 3), (2, 2), ((0, 0), (0, 0)), 2, 7),
    ((7, 9), (5, 5), (2, 2), ((1, 2), (2, 2)), 1, 6),
    ((9, 8), (5, 3), (2, 1), ((2, 2), (1, 1)), 6, 7),  # strides that differ
    ((9, 8), (4, 3), (2, 1), ((2, 2), (1, 1)), 6, 7),
    ((11, 9), (3, 3), (4, 3), ((0, 0), (1, 0)), 5, 6),  # pixels between the windows
    ((6, 6), (1, 1), (1, 1), ((0, 0), (0, 0)), 6, 7),
    ((6, 6), (1, 1), (1, 1), ((0, 0), (0, 0)), 6, 3),
    ((5, 6), (1, 1), (1, 1), ((1, 0), (0, 2)), 3, 7),
    ((7, 6), (1, 1), (2, 2), ((0, 0), (0, 0)), 6, 7),
    ((9, 8), (7, 7), (1, 1), ((3, 3), (3, 3)), 3, 6),
    ((4, 4), (4, 4), (1, 1), ((0, 0), (0, 0)), 6, 5),
    ((4, 4), (4, 4), (2, 2), ((0, 0), (0, 0)), 6, 5),
]
Case = tuple[Pair, Pair, Pair, Pairs, int, int]
IDS = ["-".join("x".join(map(str, np.ravel(part))) for part in case) for case in CASES]
BATCH = 2


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    """Tolerances that leave no room for a wrong term."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(params=["short sums", "long sums", "native"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both of the CPU's ways to the kernel gradient, and what other devices get."""
    monkeypatch.setattr(convolution, "_is_cpu", lambda: request.param != "native")
    monkeypatch.setattr(convolution, "SHORT", 0 if request.param == "long sums" else 4096)
    return request.param


def arrays(case: Case, batch: int = BATCH) -> tuple[Array, Array, Array]:
    """x, kernel and y of a case."""
    size, window, stride, padding, inputs, outputs = case
    extents = zip(size, window, stride, padding, strict=True)
    after = [(n + sum(p) - k) // s + 1 for n, k, s, p in extents]
    shapes = (batch, *size, inputs), (*window, inputs, outputs), (batch, *after, outputs)
    random = np.random.default_rng(0)
    x, kernel, y = (jnp.asarray(random.standard_normal(shape)) for shape in shapes)
    return x, kernel, y


def both(case: Case) -> dict[str, tuple[Callable[..., Array], Callable[..., Array], tuple[Array, Array]]]:
    """Name -> the function under test, its reference, their two arguments."""
    (size, window, stride, padding, _, _), (x, kernel, y) = case, arrays(case)
    return {
        "conv": (
            lambda a, b: conv(a, b, stride, padding),
            lambda a, b: convolution.reference_conv(a, b, stride, padding),
            (x, kernel),
        ),
        "conv_transpose": (
            lambda a, b: conv_transpose(a, b, stride, padding, size),
            lambda a, b: convolution.reference_conv_transpose(a, b, stride, padding, size),
            (y, kernel),
        ),
        "correlate": (
            lambda a, b: correlate(a, b, window, stride, padding),
            lambda a, b: convolution.reference_correlate(a, b, window, stride, padding),
            (x, y),
        ),
    }


def penalty(function: Callable[..., Array], a: Array, b: Array) -> Array:
    """Of the gradients with respect to both arguments: reaches every second derivative."""
    first, second = jax.grad(lambda a, b: jnp.sum(jnp.sin(function(a, b))), argnums=(0, 1))(a, b)
    return jnp.sum(first**2) + jnp.sum(jnp.cos(second))


def close(found: object, expected: object, tolerance: float = 1e-10) -> None:
    def compare(a: Array, b: Array) -> None:
        assert a.dtype == b.dtype
        np.testing.assert_allclose(
            a, b, rtol=tolerance, atol=tolerance * max(1.0, float(jnp.max(jnp.abs(b))))
        )

    jax.tree.map(compare, found, expected)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_values_gradients_and_penalties_are_the_references(case: Case, path: str) -> None:
    @jax.jit
    def everything() -> dict[str, list[tuple[object, ...]]]:
        return {
            name: [
                (
                    f(*inputs),
                    jax.grad(lambda *ab, f=f: jnp.sum(jnp.sin(f(*ab))), (0, 1))(*inputs),
                    jax.grad(lambda *ab, f=f: penalty(f, *ab), (0, 1))(*inputs),
                )
                for f in (ours, reference)
            ]
            for name, (ours, reference, inputs) in both(case).items()
        }

    for found, expected in everything().values():
        close(found, expected)


def test_a_convolution_by_hand() -> None:
    x = jnp.arange(6.0).reshape(1, 2, 3, 1)
    kernel = jnp.array([[1.0, 10.0], [100.0, 1000.0]]).reshape(2, 2, 1, 1)
    assert conv(x, kernel).ravel().tolist() == [0 + 10 + 300 + 4000, 1 + 20 + 400 + 5000]
    assert conv_transpose(jnp.ones((1, 1, 2, 1)), kernel).ravel().tolist() == [1, 11, 10, 100, 1100, 1000]
    assert correlate(x, jnp.array([1.0, 10.0]).reshape(1, 1, 2, 1), (2, 2)).ravel().tolist() == [
        10,
        21,
        43,
        54,
    ]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_transposes_are_adjoint(case: Case) -> None:
    x, kernel, y = arrays(case)
    size, window, stride, padding, _, _ = case
    product = jnp.vdot(y, conv(x, kernel, stride, padding))
    close(jnp.vdot(x, conv_transpose(y, kernel, stride, padding, size)), product)
    close(jnp.vdot(kernel, correlate(x, y, window, stride, padding)), product)


@pytest.mark.parametrize("stride, padding, expected", [(1, 0, (7, 8)), (2, 1, (8, 10)), (2, 0, (10, 12))])
def test_the_default_size_is_the_smallest(stride: int, padding: int, expected: Pair) -> None:
    y, kernel = jnp.ones((1, 4, 5, 2)), jnp.ones((4, 4, 3, 2))
    assert conv_transpose(y, kernel, stride, padding).shape == (1, *expected, 3)


@pytest.mark.parametrize(
    "size, kernel, stride", list(itertools.product([(7, 8), (1, 5)], [(4, 4), (3, 1), (5, 5)], [1, 2, 3]))
)
def test_same_padding_gives_sizes_rounded_up(size: Pair, kernel: Pair, stride: int) -> None:
    x, kernels = jnp.ones((1, *size, 1)), jnp.ones((*kernel, 1, 1))
    expected = jax.lax.conv_general_dilated(
        x, kernels, (stride, stride), "SAME", dimension_numbers=convolution.LAYOUT
    )
    close(conv(x, kernels, stride, same_padding(size, kernel, stride)), expected)


@pytest.mark.parametrize("case", CASES[:9], ids=IDS[:9])
@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)])
def test_vmap_is_a_loop(case: Case, axes: tuple[int | None, int | None]) -> None:
    for function, _, inputs in both(case).values():
        gradient = jax.grad(lambda *ab, f=function: jnp.sum(jnp.sin(f(*ab))), (0, 1))
        many = [
            a if axis is None else jnp.stack([a, 2 * a, a - 1]) for a, axis in zip(inputs, axes, strict=True)
        ]
        one = [[a if axis is None else a[i] for a, axis in zip(many, axes, strict=True)] for i in range(3)]
        for f in (function, gradient):
            expected = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(f(*inputs) for inputs in one))
            close(jax.vmap(f, axes)(*many), expected)
        total = jax.grad(lambda *ab, f=function: jnp.sum(jnp.sin(jax.vmap(f, axes)(*ab))), (0, 1))(*many)
        parts = [gradient(*inputs) for inputs in one]
        joined = [[p[i] for p in parts] for i in range(2)]
        close(
            list(total),
            [sum(p) if axis is None else jnp.stack(p) for p, axis in zip(joined, axes, strict=True)],
        )


@pytest.mark.parametrize("case", [CASES[0], CASES[8]], ids=[IDS[0], IDS[8]])
def test_scan_is_a_loop(case: Case) -> None:
    """Descent on a penalty: differentiated twice, in a loop."""
    for function, _, (a, b) in both(case).values():

        def move(
            b: Array, scale: Array, function: Callable[..., Array] = function, a: Array = a
        ) -> tuple[Array, Array]:
            value, gradient = jax.value_and_grad(lambda b: penalty(function, scale * a, b))(b)
            return b - 1e-3 * gradient, value

        expected, values, scales = b, [], jnp.array([1.0, 0.5, 2.0])
        for scale in scales:
            expected, value = move(expected, scale)
            values.append(value)
        close(
            jax.jit(lambda b, move=move, scales=scales: jax.lax.scan(move, b, scales))(b),
            (expected, jnp.stack(values)),
        )


@pytest.mark.parametrize("dtype, tolerance", [(jnp.float32, 1e-5), (jnp.bfloat16, 2e-2)])
@pytest.mark.parametrize("case", CASES[:9], ids=IDS[:9])
def test_lower_precision_keeps_its_type_and_its_accuracy(
    case: Case, dtype: jnp.dtype, tolerance: float, path: str
) -> None:
    for function, reference, inputs in both(case).values():
        low = [a.astype(dtype) for a in inputs]
        found = function(*low), *jax.grad(lambda *ab, f=function: jnp.sum(f(*ab)), (0, 1))(*low)
        exact = [a.astype(jnp.float64) for a in low]
        expected = reference(*exact), *jax.grad(lambda *ab, f=reference: jnp.sum(f(*ab)), (0, 1))(*exact)
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == dtype
            close(a.astype(jnp.float64), b, tolerance)


def test_mixed_types_are_promoted() -> None:
    x, kernel, _ = arrays(CASES[0])
    half = x.astype(jnp.bfloat16)
    gradient = jax.grad(lambda x: jnp.sum(conv(x, kernel.astype(jnp.float32), 2, 1)))(half)
    assert conv(half, kernel.astype(jnp.float32), 2, 1).dtype == jnp.float32
    assert gradient.dtype == jnp.bfloat16


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x, k, y: conv(x[0], k), r"^x has the shape \(8, 8, 6\); give \[B, H, W, C\]"),
        (lambda x, k, y: conv(x, k[0]), r"^kernel has the shape \(4, 6, 7\)"),
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
def test_wrong_shapes_are_refused_by_name(call: Callable[[Array, Array, Array], Array], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(*arrays(CASES[0]))


SHARDED = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from gaxjax.networks import convolution as c

mesh = Mesh(np.array(jax.devices()), ("data",))
assert mesh.size == 2 and c._is_cpu()
images, whole = NamedSharding(mesh, PartitionSpec("data")), NamedSharding(mesh, PartitionSpec())

def penalized(x, kernel, stride, padding):
    def score(x):
        y = c.conv(x, kernel, stride, padding)
        back = c.conv_transpose(jnp.sin(y), kernel, stride, padding, x.shape[1:3])
        return jnp.mean(jnp.cos(y)) + jnp.mean(back**2)
    value, gradient = jax.value_and_grad(score)(x)
    return value + jnp.sum(gradient**2)

# Windows of whole strides, others, stride 1 and 1x1; few channels, and sums that are long.
cases = (4, 2, 1, 8), (3, 2, 1, 8), (3, 1, 1, 8), (1, 1, 0, 8), (4, 2, 1, 3)
for window, stride, padding, channels in cases:
    for c.SHORT in (0, 4096):
        random = np.random.default_rng(0)
        x = random.standard_normal((4, 8, 8, channels)).astype(np.float32)
        kernel = random.standard_normal((window, window, channels, 6)).astype(np.float32) / window
        f = lambda x, kernel: jax.value_and_grad(penalized, (0, 1))(x, kernel, stride, padding)
        expected = jax.jit(f)(jnp.asarray(x), jnp.asarray(kernel))
        found = jax.block_until_ready(jax.jit(f, in_shardings=(images, whole))(x, kernel))
        assert len(found[1][0].sharding.device_set) == 2
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected)):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max())
"""


def test_two_devices_compute_what_one_does() -> None:
    environment = {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "2", "NPROC": "64"}
    process = subprocess.run(
        [sys.executable, "-c", SHARDED],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
