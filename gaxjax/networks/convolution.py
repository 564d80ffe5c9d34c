"""Convolution, its transpose and its kernel gradient: three maps that are closed under differentiation.

Each of the three is linear in both arguments, and the two gradients of each are the other two:

    conv(x, kernel) -> y        conv_transpose(y, kernel) -> x        correlate(x, y) -> kernel

so reverse-mode differentiation of any order (gradient penalties) stays among them. On the CPU each has
formulations that are several times faster than what XLA derives by itself; elsewhere XLA's own are the
fastest and are used as they come, with native autodiff.

Images are [B, H, W, C] and kernels [h, w, I, O]. The three have reverse mode only on the CPU (no `jax.jvp`).
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import DTypeLike

from gaxjax.errors import InputError

Pair = tuple[int, int]
Pairs = tuple[Pair, Pair]

NONE: Pairs = ((0, 0), (0, 0))
FEW = 4
"""So few channels fill no matrix product of their own: images, and what is made of them, on the CPU."""


def conv(x: Array, kernel: Array, stride: int | Pair = 1, padding: int | Pairs = 0) -> Array:
    """Convolution (cross-correlation) of x [B, H, W, I] with kernel [h, w, I, O] -> [B, H', W', O].

    padding: zeros at every border, or ((top, bottom), (left, right)). Raises InputError for shapes that do
    not fit.
    """
    stride, padding = _pair(stride), _pairs(padding)
    _check_images("x", x)
    _check_kernel(kernel)
    if x.shape[3] != kernel.shape[2]:
        raise InputError(f"x has {x.shape[3]} channels but kernel {kernel.shape} takes {kernel.shape[2]}")
    _output_size("x", x.shape[1:3], kernel.shape[:2], stride, padding)
    x, kernel = _same_dtype(x, kernel)
    return _conv(x, kernel, stride, padding) if _is_cpu() else reference_conv(x, kernel, stride, padding)


def conv_transpose(
    y: Array,
    kernel: Array,
    stride: int | Pair = 1,
    padding: int | Pairs = 0,
    size: Pair | None = None,
) -> Array:
    """The transpose (input gradient) of `conv`: y [B, H', W', O], kernel [h, w, I, O] -> [B, *size, I].

    Stride and padding are those of that `conv`, and size is the (H, W) of its input; several sizes fit where
    the stride is above 1, and the smallest is the default: (H' - 1) * stride + h - total padding.
    """
    stride, padding = _pair(stride), _pairs(padding)
    _check_images("y", y)
    _check_kernel(kernel)
    if y.shape[3] != kernel.shape[3]:
        raise InputError(f"y has {y.shape[3]} channels but kernel {kernel.shape} takes {kernel.shape[3]}")
    window = kernel.shape[:2]
    if size is None:
        height, width = (
            (n - 1) * s + k - sum(p) for n, s, k, p in zip(y.shape[1:3], stride, window, padding, strict=True)
        )
        size = (height, width)
    if _output_size("size", size, window, stride, padding) != y.shape[1:3]:
        raise InputError(
            f"size {size}, window {window}, stride {stride} and padding {padding} do not give y {y.shape}"
        )
    y, kernel = _same_dtype(y, kernel)
    function = _conv_transpose if _is_cpu() else reference_conv_transpose
    return function(y, kernel, stride, padding, size)


def correlate(
    x: Array,
    y: Array,
    window: Pair,
    stride: int | Pair = 1,
    padding: int | Pairs = 0,
) -> Array:
    """The kernel gradient of `conv`: x [B, H, W, I], y [B, H', W', O] -> [h, w, I, O]; window is (h, w)."""
    stride, padding = _pair(stride), _pairs(padding)
    _check_images("x", x)
    _check_images("y", y)
    if x.shape[0] != y.shape[0]:
        raise InputError(f"x {x.shape} and y {y.shape} differ in batch size")
    if _output_size("x", x.shape[1:3], window, stride, padding) != y.shape[1:3]:
        raise InputError(
            f"x {x.shape}, window {window}, stride {stride} and padding {padding} do not give y {y.shape}"
        )
    x, y = _same_dtype(x, y)
    function = _correlate if _is_cpu() else reference_correlate
    return function(x, y, window, stride, padding)


def same_padding(size: Pair, kernel: Pair, stride: int | Pair = 1) -> Pairs:
    """TensorFlow's SAME padding for images of (H, W): outputs of ceil(size / stride), the odd zero last."""
    totals = [
        max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(size, kernel, _pair(stride), strict=True)
    ]
    (top, bottom), (left, right) = ((total // 2, total - total // 2) for total in totals)
    return (top, bottom), (left, right)


def reference_conv(x: Array, kernel: Array, stride: Pair, padding: Pairs) -> Array:
    """`conv` as XLA has it, with native autodiff."""
    return lax.conv_general_dilated(x, kernel, stride, padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def reference_conv_transpose(y: Array, kernel: Array, stride: Pair, padding: Pairs, size: Pair) -> Array:
    """`conv_transpose` derived from `reference_conv`."""
    x = jax.ShapeDtypeStruct((y.shape[0], *size, kernel.shape[2]), y.dtype)
    transpose = jax.linear_transpose(lambda x: reference_conv(x, kernel, stride, padding), x)
    return transpose(y)[0]


def reference_correlate(x: Array, y: Array, window: Pair, stride: Pair, padding: Pairs) -> Array:
    """`correlate` derived from `reference_conv`."""
    kernel = jax.ShapeDtypeStruct((*window, x.shape[3], y.shape[3]), x.dtype)
    transpose = jax.linear_transpose(lambda kernel: reference_conv(x, kernel, stride, padding), kernel)
    return transpose(y)[0]


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _conv(x: Array, kernel: Array, stride: Pair, padding: Pairs) -> Array:
    window = kernel.shape[:2]
    if window != (1, 1) and _covers(x.shape[1:3], window, padding):
        return _conv(_as_pixel(x), kernel.reshape(1, 1, -1, kernel.shape[3]), (1, 1), NONE)
    if window == (1, 1):
        (x,) = _shifted(x, (0, 0), 1, _sizes(x.shape[1:3], window, stride, padding), stride, padding)
        return _dot(x, kernel[0, 0], 0)
    if stride == (1, 1) and kernel.shape[3] <= FEW:
        size, ends = _sizes(x.shape[1:3], window, stride, padding), _opposite(window, padding)
        return _scatter(x, _turned(kernel), stride, ends, size)
    return reference_conv(x, kernel, stride, padding)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def _conv_transpose(y: Array, kernel: Array, stride: Pair, padding: Pairs, size: Pair) -> Array:
    window = kernel.shape[:2]
    channels = kernel.shape[2]
    if window != (1, 1) and _covers(size, window, padding):
        x = _conv_transpose(y, kernel.reshape(1, 1, -1, kernel.shape[3]), (1, 1), NONE, (1, 1))
        return x.reshape(x.shape[0], *size, channels)
    if stride == (1, 1) and window != (1, 1) and channels > FEW:
        return reference_conv(y, _turned(kernel), stride, _opposite(window, padding))
    if stride != (1, 1) and window[0] % stride[0] == window[1] % stride[1] == 0:
        return _phases(y, kernel, stride, padding, size)
    return _scatter(y, kernel, stride, padding, size)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def _correlate(x: Array, y: Array, window: Pair, stride: Pair, padding: Pairs) -> Array:
    if window != (1, 1) and _covers(x.shape[1:3], window, padding):
        kernel = _correlate(_as_pixel(x), y, (1, 1), (1, 1), NONE)
        return kernel.reshape(*window, x.shape[3], y.shape[3])
    if window != (1, 1) and stride == (1, 1) and y.shape[3] <= FEW < x.shape[3]:
        return _turned(_correlate_by_conv(y, x, window, stride, _opposite(window, padding)))
    if window != (1, 1) and x.shape[3] <= FEW:
        return _correlate_by_conv(x, y, window, stride, padding)
    rows = []
    for i in range(window[0]):
        columns = jnp.concatenate(_shifted(x, (i, 0), window[1], y.shape[1:3], stride, padding), axis=-1)
        rows.append(_dot_transposed(y, columns))
    kernel = jnp.stack(rows).reshape(window[0], y.shape[3], window[1], x.shape[3])
    return kernel.transpose(0, 2, 3, 1)


def _scatter(y: Array, kernel: Array, stride: Pair, padding: Pairs, size: Pair) -> Array:
    """The transpose tap by tap: every y spreads its products with the kernel, and the shifted images add up."""
    h, w, channels, _ = kernel.shape
    zero = jnp.zeros((), _wide(y.dtype))
    x: Array | float = 0.0
    if channels <= FEW:  # one product for all taps: a matrix product with so few columns is slow
        products = lax.dot_general(y, kernel, (((3,), (3,)), ((), ())), preferred_element_type=zero.dtype)
    for i in range(h):
        for j in range(w):
            tap = products[:, :, :, i, j] if channels <= FEW else _dot(y, kernel[i, j], 1, zero.dtype)
            borders = [
                (k - p[0], n - ((m - 1) * s + 1) - (k - p[0]), s - 1)
                for k, p, n, m, s in zip((i, j), padding, size, y.shape[1:3], stride, strict=True)
            ]
            x = x + lax.pad(tap, zero, ((0, 0, 0), *borders, (0, 0, 0)))
    return jnp.asarray(x, y.dtype)


def _phases(y: Array, kernel: Array, stride: Pair, padding: Pairs, size: Pair) -> Array:
    """The transpose for a window of whole strides: all stride x stride phases of the output as channels."""
    (h, w, channels, features), (down, across) = kernel.shape, stride
    kernel = kernel.reshape(h // down, down, w // across, across, channels, features)
    kernel = kernel.transpose(0, 2, 1, 3, 4, 5).reshape(h // down, w // across, -1, features)
    height, width = (m + n - 1 for m, n in zip(y.shape[1:3], kernel.shape[:2], strict=True))
    x = _scatter(y, kernel, (1, 1), NONE, (height, width))
    x = x.reshape(-1, height, width, down, across, channels).transpose(0, 1, 3, 2, 4, 5)
    x = x.reshape(-1, height * down, width * across, channels)
    borders = [(-p[0], n - m + p[0], 0) for p, n, m in zip(padding, size, x.shape[1:3], strict=True)]
    return lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *borders, (0, 0, 0)))


def _correlate_by_conv(x: Array, y: Array, window: Pair, stride: Pair, padding: Pairs) -> Array:
    """One ordinary convolution: channels as batch, batch as channels, y as a kernel dilated by the stride."""
    ends = [
        (p[0], k + (m - 1) * s - n - p[0])  # below 0 where the stride leaves border pixels unused
        for n, m, k, s, p in zip(x.shape[1:3], y.shape[1:3], window, stride, padding, strict=True)
    ]
    return lax.conv_general_dilated(
        x, y, (1, 1), ends, rhs_dilation=stride, dimension_numbers=("CHWN", "IHWO", "HWNC")
    )


def _conv_backward(stride: Pair, padding: Pairs, saved: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    x, kernel = saved
    dx = _conv_transpose(dy, kernel, stride, padding, x.shape[1:3])
    return dx, _correlate(x, dy, kernel.shape[:2], stride, padding)


def _conv_transpose_backward(
    stride: Pair, padding: Pairs, size: Pair, saved: tuple[Array, Array], dx: Array
) -> tuple[Array, Array]:
    y, kernel = saved
    return _conv(dx, kernel, stride, padding), _correlate(dx, y, kernel.shape[:2], stride, padding)


def _correlate_backward(
    window: Pair, stride: Pair, padding: Pairs, saved: tuple[Array, Array], dkernel: Array
) -> tuple[Array, Array]:
    x, y = saved
    return _conv_transpose(y, dkernel, stride, padding, x.shape[1:3]), _conv(x, dkernel, stride, padding)


_conv.defvjp(lambda x, kernel, *static: (_conv(x, kernel, *static), (x, kernel)), _conv_backward)
_conv_transpose.defvjp(
    lambda y, kernel, *static: (_conv_transpose(y, kernel, *static), (y, kernel)), _conv_transpose_backward
)
_correlate.defvjp(lambda x, y, *static: (_correlate(x, y, *static), (x, y)), _correlate_backward)


def _is_cpu() -> bool:
    """Whether to use the formulations for the CPU, decided when a function is traced."""
    return jax.default_backend() == "cpu"


def _shifted(x: Array, tap: Pair, count: int, size: Pair, stride: Pair, padding: Pairs) -> list[Array]:
    """The pixels of x under a tap of the window, and under its next neighbors to the right, [B, *size, I] each."""
    x = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), (*padding[0], 0), (*padding[1], 0), (0, 0, 0)))
    images = []
    for j in range(tap[1], tap[1] + count):
        ends = (tap[0] + (size[0] - 1) * stride[0] + 1, j + (size[1] - 1) * stride[1] + 1)
        images.append(lax.slice(x, (0, tap[0], j, 0), (x.shape[0], *ends, x.shape[3]), (1, *stride, 1)))
    return images


def _dot(x: Array, matrix: Array, axis: int, dtype: DTypeLike | None = None) -> Array:
    """Images [B, H, W, C] times a matrix whose axis is C."""
    return lax.dot_general(x, matrix, (((3,), (axis,)), ((), ())), preferred_element_type=dtype)


def _dot_transposed(a: Array, b: Array) -> Array:
    """Sum over all pixels of all images: [B, H, W, C], [B, H, W, D] -> [C, D]."""
    a, b = a.reshape(-1, a.shape[3]), b.reshape(-1, b.shape[3])
    return lax.dot_general(a, b, (((0,), (0,)), ((), ())))


def _turned(kernel: Array) -> Array:
    """The kernel of the same map in the other direction, at stride 1."""
    return jnp.flip(kernel, (0, 1)).swapaxes(2, 3)


def _opposite(window: Pair, padding: Pairs) -> Pairs:
    """The padding of the same map in the other direction, at stride 1."""
    (top, bottom), (left, right) = padding
    return (window[0] - 1 - top, window[0] - 1 - bottom), (window[1] - 1 - left, window[1] - 1 - right)


def _covers(size: Pair, window: Pair, padding: Pairs) -> bool:
    """Whether the window is the whole image, so that the convolution is a matrix product."""
    return size == window and padding == NONE


def _as_pixel(x: Array) -> Array:
    """Images as one pixel each."""
    return x.reshape(x.shape[0], 1, 1, -1)


def _wide(dtype: DTypeLike) -> DTypeLike:
    """What sums are kept in: float32 for the half precisions."""
    return jnp.promote_types(dtype, jnp.float32)


def _pair(stride: int | Pair) -> Pair:
    pair = (stride, stride) if isinstance(stride, int) else tuple(stride)
    if len(pair) != 2 or min(pair) < 1:
        raise InputError(f"stride is {stride}; give a positive number or a pair of them")
    return pair


def _pairs(padding: int | Pairs) -> Pairs:
    if isinstance(padding, int):
        padding = ((padding, padding), (padding, padding))
    (top, bottom), (left, right) = padding
    if min(top, bottom, left, right) < 0:
        raise InputError(f"padding is {padding}; give numbers of 0 and above")
    return (top, bottom), (left, right)


def _check_images(name: str, images: Array) -> None:
    if images.ndim != 4:
        raise InputError(f"{name} has the shape {images.shape}; give [B, H, W, C]")


def _check_kernel(kernel: Array) -> None:
    if kernel.ndim != 4:
        raise InputError(f"kernel has the shape {kernel.shape}; give [h, w, I, O]")


def _output_size(name: str, size: Pair, window: Pair, stride: Pair, padding: Pairs) -> Pair:
    height, width = _sizes(size, window, stride, padding)
    if min(height, width) < 1:
        raise InputError(f"{name}: a window of {window} does not fit into {size} with padding {padding}")
    return height, width


def _sizes(size: Pair, window: Pair, stride: Pair, padding: Pairs) -> Pair:
    height, width = (
        (n + sum(p) - k) // s + 1 for n, k, s, p in zip(size, window, stride, padding, strict=True)
    )
    return height, width


def _same_dtype(a: Array, b: Array) -> tuple[Array, Array]:
    dtype = jnp.result_type(a, b)
    return a.astype(dtype), b.astype(dtype)
