"""Convolution, its transpose and its kernel gradient: three maps that are closed under differentiation.

Each of the three is linear in both arguments, and the two gradients of each are the other two:

    conv(x, kernel) -> y        conv_transpose(y, kernel) -> x        correlate(x, y) -> kernel

so differentiation of any order and mode (gradient penalties, `jax.jvp`) stays among them. In programs for
CPUs each is computed as `convolution_cpu` has it, in others as XLA has it. XLA's own gradients would be
slower there too: that of a transposed convolution's kernel takes channels for the batch, of images that are
turned for it on GPUs.

Images are [B, H, W, C] and kernels [h, w, I, O].
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax

from gaxjax.errors import InputError
from gaxjax.layers import convolution_cpu
from gaxjax.layers.convolution_cpu import LAYOUT, Pair, Pairs, size_of, window_of
from gaxjax.layers.multilinear import define_bilinear


def conv(x: Array, kernel: Array, stride: int | Pair = 1, padding: int | Pairs = 0) -> Array:
    """Convolution (cross-correlation) of x [B, H, W, I] with kernel [h, w, I, O] -> [B, H', W', O].

    padding: zeros at every border, or ((top, bottom), (left, right)). InputError for shapes that do not fit.
    """
    stride, padding = _pair(stride), _pairs(padding)
    _check("x", x, "[B, H, W, C]")
    _check("kernel", kernel, "[h, w, I, O]")
    _check_channels("x", x, kernel, axis=2)
    _output_size("x", size_of(x), window_of(kernel), stride, padding)
    x, kernel = _same_dtype(x, kernel)
    return _conv(x, kernel, stride, padding)


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
    _check("y", y, "[B, H, W, C]")
    _check("kernel", kernel, "[h, w, I, O]")
    _check_channels("y", y, kernel, axis=3)
    if size is None:
        extents = zip(size_of(y), stride, window_of(kernel), padding, strict=True)
        height, width = ((n - 1) * s + k - sum(p) for n, s, k, p in extents)
        size = (height, width)
    _check_output("size", size, y, window_of(kernel), stride, padding)
    y, kernel = _same_dtype(y, kernel)
    return _conv_transpose(y, kernel, stride, padding, size)


def correlate(
    x: Array,
    y: Array,
    window: Pair,
    stride: int | Pair = 1,
    padding: int | Pairs = 0,
) -> Array:
    """The kernel gradient of `conv`: x [B, H, W, I], y [B, H', W', O] -> [h, w, I, O]; window is (h, w)."""
    stride, padding = _pair(stride), _pairs(padding)
    _check("x", x, "[B, H, W, C]")
    _check("y", y, "[B, H, W, C]")
    if x.shape[0] != y.shape[0]:
        raise InputError(f"x {x.shape} and y {y.shape} differ in batch size; give as many images of both")
    _check_output("x", size_of(x), y, window, stride, padding)
    x, y = _same_dtype(x, y)
    return _correlate(x, y, window, stride, padding)


def same_padding(size: Pair, kernel: Pair, stride: int | Pair = 1) -> Pairs:
    """TensorFlow's SAME padding for images of (H, W): outputs of ceil(size / stride), the odd zero last.

    >>> same_padding((7, 8), (4, 4), 2)
    ((1, 2), (1, 1))
    """
    extents = zip(size, kernel, _pair(stride), strict=True)
    # TensorFlow puts the odd zero last, PyTorch can put none: with a stride, the pixels that are met differ.
    height, width = (max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in extents)
    return (height // 2, height - height // 2), (width // 2, width - width // 2)


def reference_conv(x: Array, kernel: Array, stride: Pair, padding: Pairs) -> Array:
    """`conv` as XLA has it, with native autodiff."""
    return lax.conv_general_dilated(x, kernel, stride, padding, dimension_numbers=LAYOUT)


def reference_conv_transpose(y: Array, kernel: Array, stride: Pair, padding: Pairs, size: Pair) -> Array:
    """`conv_transpose` as JAX derives it from `reference_conv`, with native autodiff."""
    x = jax.ShapeDtypeStruct((y.shape[0], *size, kernel.shape[2]), y.dtype)
    # JAX transposes the map as it is written: no formula here that could share an error with ours.
    (x,) = jax.linear_transpose(lambda x: reference_conv(x, kernel, stride, padding), x)(y)
    return x


def reference_correlate(x: Array, y: Array, window: Pair, stride: Pair, padding: Pairs) -> Array:
    """`correlate` as JAX derives it from `reference_conv`, with native autodiff."""
    kernel = jax.ShapeDtypeStruct((*window, x.shape[3], y.shape[3]), x.dtype)
    (kernel,) = jax.linear_transpose(lambda kernel: reference_conv(x, kernel, stride, padding), kernel)(y)
    return kernel


_conv: Callable[..., Array] = define_bilinear(
    "convolution",
    reference_conv,
    # In x: the transpose, to the size of x, as with a stride several sizes have the same outputs.
    lambda dy, kernel, shape, stride, padding: _conv_transpose(dy, kernel, stride, padding, shape[1:3]),
    # In the kernel: the correlation, over its window.
    lambda dy, x, shape, stride, padding: _correlate(x, dy, shape[:2], stride, padding),
    on_cpus=convolution_cpu.conv,
)
_conv_transpose: Callable[..., Array] = define_bilinear(
    "transposed_convolution",
    reference_conv_transpose,
    # In y: the transpose of the transpose is the convolution.
    lambda dx, kernel, shape, stride, padding, size: _conv(dx, kernel, stride, padding),
    # In the kernel: x and dx have changed sides.
    lambda dx, y, shape, stride, padding, size: _correlate(dx, y, shape[:2], stride, padding),
    on_cpus=convolution_cpu.conv_transpose,
)
_correlate: Callable[..., Array] = define_bilinear(
    "correlation",
    reference_correlate,
    # In x: y, through the transpose with that cotangent as its kernel.
    lambda dkernel, y, shape, window, stride, padding: _conv_transpose(
        y, dkernel, stride, padding, shape[1:3]
    ),
    # In y: x, convolved with the cotangent of the kernel.
    lambda dkernel, x, shape, window, stride, padding: _conv(x, dkernel, stride, padding),
    on_cpus=convolution_cpu.correlate,
)


def _pair(stride: int | Pair) -> Pair:
    down, across = (stride, stride) if isinstance(stride, int) else stride
    if min(down, across) < 1:
        raise InputError(f"stride is {stride}; give numbers of 1 and above")
    return down, across


def _pairs(padding: int | Pairs) -> Pairs:
    if isinstance(padding, int):
        padding = ((padding, padding), (padding, padding))
    (top, bottom), (left, right) = padding
    if min(top, bottom, left, right) < 0:
        raise InputError(f"padding is {padding}; give numbers of 0 and above")
    return (top, bottom), (left, right)


def _check(name: str, array: Array, shape: str) -> None:
    if array.ndim != 4:
        raise InputError(f"{name} has the shape {array.shape}; give {shape}")


def _check_channels(name: str, images: Array, kernel: Array, axis: int) -> None:
    if images.shape[3] != kernel.shape[axis]:
        raise InputError(
            f"{name} has {images.shape[3]} channels, but kernel {kernel.shape} is for {kernel.shape[axis]} "
            f"(its axis {axis}); change one of them"
        )


def _check_output(name: str, size: Pair, y: Array, window: Pair, stride: Pair, padding: Pairs) -> None:
    expected = _output_size(name, size, window, stride, padding)
    if size_of(y) != expected:
        raise InputError(
            f"y has the size {size_of(y)}, but {name} {size} with window {window}, stride {stride} and "
            f"padding {padding} gives {expected}"
        )


def _output_size(name: str, size: Pair, window: Pair, stride: Pair, padding: Pairs) -> Pair:
    extents = zip(size, window, stride, padding, strict=True)
    height, width = ((n + sum(p) - k) // s + 1 for n, k, s, p in extents)
    if min(height, width) < 1:
        raise InputError(f"{name}: a window of {window} does not fit into {size} with padding {padding}")
    return height, width


def _same_dtype(a: Array, b: Array) -> tuple[Array, Array]:
    # lax takes no two types; jnp's promotion is what the rest of a network does.
    dtype = jnp.result_type(a, b)
    return a.astype(dtype), b.astype(dtype)
