"""Convolution, its transpose and its kernel gradient: three maps that are closed under differentiation.

Each of the three is linear in both arguments, and the two gradients of each are the other two:

    conv(x, kernel) -> y        conv_transpose(y, kernel) -> x        correlate(x, y) -> kernel

so differentiation of any order and mode (gradient penalties, `jax.jvp`) stays among them. In programs for
CPUs each is computed as `convolution_cpu` has it, or for clips `convolution_clips`, in others as XLA has it.
XLA's own gradients would be slower there too: that of a transposed convolution's kernel takes channels for
the batch, of images that are turned for it on GPUs.

Images are [B, H, W, C] and kernels [h, w, I, O]; clips are [B, T, H, W, C] and kernels [t, h, w, I, O]. Below
"..." is either, and a size, window, stride or padding of as many axes.
"""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array, lax

from gaxjax.errors import InputError
from gaxjax.layers import convolution_clips, convolution_cpu
from gaxjax.layers.convolution_cpu import LAYOUT, Borders, PerAxis, size_of, window_of
from gaxjax.layers.multilinear import define_bilinear

Padding = Literal["same", "valid", "reflect"]
LAYOUTS = {4: LAYOUT, 5: ("NDHWC", "DHWIO", "NDHWC")}


def conv(x: Array, kernel: Array, stride: int | PerAxis = 1, padding: int | Borders = 0) -> Array:
    """Convolution (cross-correlation) of x [B, ..., I] with kernel [..., I, O] -> [B, ..., O].

    padding: zeros at every border, or ((top, bottom), (left, right)), with those before and after the frames
    first for clips. InputError for shapes that do not fit.
    """
    axes = _check("x", x)
    stride, padding = numbers_per_axis("stride", stride, axes), _borders(padding, axes)
    _check_kernel(kernel, axes)
    _check_channels("x", x, kernel, axis=-2)
    _output_size("x", size_of(x), window_of(kernel), stride, padding)
    x, kernel = _same_dtype(x, kernel)
    return _conv(x, kernel, stride, padding)


def conv_transpose(
    y: Array,
    kernel: Array,
    stride: int | PerAxis = 1,
    padding: int | Borders = 0,
    size: PerAxis | None = None,
) -> Array:
    """The transpose (input gradient) of `conv`: y [B, ..., O], kernel [..., I, O] -> [B, *size, I].

    Stride and padding are those of that `conv`, and size is the (H, W) or (T, H, W) of its input; several fit
    where the stride is above 1, and the smallest is the default: (H' - 1) * stride + h - total padding.
    """
    axes = _check("y", y)
    stride, padding = numbers_per_axis("stride", stride, axes), _borders(padding, axes)
    _check_kernel(kernel, axes)
    _check_channels("y", y, kernel, axis=-1)
    if size is None:
        extents = zip(size_of(y), stride, window_of(kernel), padding, strict=True)
        size = tuple((n - 1) * s + k - sum(p) for n, s, k, p in extents)
    _check_output("size", size, y, window_of(kernel), stride, padding)
    y, kernel = _same_dtype(y, kernel)
    return _conv_transpose(y, kernel, stride, padding, size)


def correlate(
    x: Array,
    y: Array,
    window: PerAxis,
    stride: int | PerAxis = 1,
    padding: int | Borders = 0,
) -> Array:
    """The kernel gradient of `conv`: x [B, ..., I], y [B, ..., O] -> [*window, I, O]."""
    axes = _check("x", x)
    stride, padding = numbers_per_axis("stride", stride, axes), _borders(padding, axes)
    if _check("y", y) != axes or len(window) != axes:
        raise InputError(f"x {x.shape}, y {y.shape} and window {window} differ in the number of their axes")
    if x.shape[0] != y.shape[0]:
        raise InputError(f"x {x.shape} and y {y.shape} differ in batch size; give as many images of both")
    _check_output("x", size_of(x), y, window, stride, padding)
    x, y = _same_dtype(x, y)
    return _correlate(x, y, window, stride, padding)


def same_padding(size: PerAxis, kernel: PerAxis, stride: int | PerAxis = 1) -> Borders:
    """TensorFlow's SAME padding for (H, W) or (T, H, W): outputs of ceil(size / stride), the odd zero last.

    >>> same_padding((7, 8), (4, 4), 2)
    ((1, 2), (1, 1))
    """
    extents = zip(size, kernel, numbers_per_axis("stride", stride, len(size)), strict=True)
    # TensorFlow puts the odd zero last, PyTorch can put none: with a stride, the pixels that are met differ.
    zeros = (max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in extents)
    return tuple((count // 2, count - count // 2) for count in zeros)


def pads_of(padding: Padding | Borders, size: PerAxis, window: PerAxis, stride: int | PerAxis) -> Borders:
    """Pixels before and after each axis of images, or clips, of that size."""
    match padding:
        case "valid":
            return ((0, 0),) * len(size)
        case "same" | "reflect":
            return same_padding(size, window, stride)
        case str():
            raise InputError(f"unknown padding {padding!r}; known: same, valid, reflect, or pairs of numbers")
    return padding


def numbers_per_axis(name: str, numbers: int | PerAxis, axes: int) -> PerAxis:
    """One for each of so many axes, of a number that is the same for all; InputError if they are no such."""
    each = (numbers,) * axes if isinstance(numbers, int) else tuple(numbers)
    if len(each) != axes or min(each) < 1:
        raise InputError(f"{name} is {numbers}; give a number of 1 and above, or {axes} of them")
    return each


def reference_conv(x: Array, kernel: Array, stride: PerAxis, padding: Borders) -> Array:
    """`conv` as XLA has it, with native autodiff."""
    return lax.conv_general_dilated(x, kernel, stride, padding, dimension_numbers=LAYOUTS[x.ndim])


def reference_conv_transpose(
    y: Array, kernel: Array, stride: PerAxis, padding: Borders, size: PerAxis
) -> Array:
    """`conv_transpose` as JAX derives it from `reference_conv`, with native autodiff."""
    x = jax.ShapeDtypeStruct((y.shape[0], *size, kernel.shape[-2]), y.dtype)
    # JAX transposes the map as it is written: no formula here that could share an error with ours.
    (x,) = jax.linear_transpose(lambda x: reference_conv(x, kernel, stride, padding), x)(y)
    return x


def reference_correlate(x: Array, y: Array, window: PerAxis, stride: PerAxis, padding: Borders) -> Array:
    """`correlate` as JAX derives it from `reference_conv`, with native autodiff."""
    kernel = jax.ShapeDtypeStruct((*window, x.shape[-1], y.shape[-1]), x.dtype)
    (kernel,) = jax.linear_transpose(lambda kernel: reference_conv(x, kernel, stride, padding), kernel)(y)
    return kernel


def _by_axes(of_images: Callable[..., Array], of_clips: Callable[..., Array]) -> Callable[..., Array]:
    # While tracing, when axes are known: derivatives are the same for both, and a program has one of them.
    return lambda x, *others: (of_images if x.ndim == 4 else of_clips)(x, *others)


_conv: Callable[..., Array] = define_bilinear(
    "convolution",
    reference_conv,
    # In x: the transpose, to the size of x, as with a stride several sizes have the same outputs.
    lambda dy, kernel, shape, stride, padding: _conv_transpose(dy, kernel, stride, padding, shape[1:-1]),
    # In the kernel: the correlation, over its window.
    lambda dy, x, shape, stride, padding: _correlate(x, dy, shape[:-2], stride, padding),
    on_cpus=_by_axes(convolution_cpu.conv, convolution_clips.conv),
)
_conv_transpose: Callable[..., Array] = define_bilinear(
    "transposed_convolution",
    reference_conv_transpose,
    # In y: the transpose of the transpose is the convolution.
    lambda dx, kernel, shape, stride, padding, size: _conv(dx, kernel, stride, padding),
    # In the kernel: x and dx have changed sides.
    lambda dx, y, shape, stride, padding, size: _correlate(dx, y, shape[:-2], stride, padding),
    on_cpus=_by_axes(convolution_cpu.conv_transpose, convolution_clips.conv_transpose),
)
_correlate: Callable[..., Array] = define_bilinear(
    "correlation",
    reference_correlate,
    # In x: y, through the transpose with that cotangent as its kernel.
    lambda dkernel, y, shape, window, stride, padding: _conv_transpose(
        y, dkernel, stride, padding, shape[1:-1]
    ),
    # In y: x, convolved with the cotangent of the kernel.
    lambda dkernel, x, shape, window, stride, padding: _conv(x, dkernel, stride, padding),
    on_cpus=_by_axes(convolution_cpu.correlate, convolution_clips.correlate),
)


def _borders(padding: int | Borders, axes: int) -> Borders:
    pairs = [(padding, padding)] * axes if isinstance(padding, int) else list(padding)
    if [len(pair) for pair in pairs] != [2] * axes or min(map(min, pairs)) < 0:
        raise InputError(f"padding is {padding}; give a number of 0 and above, or {axes} pairs of them")
    return tuple((before, after) for before, after in pairs)


def _check(name: str, array: Array) -> int:
    """The number of axes of pixels."""
    if array.ndim not in (4, 5):
        raise InputError(f"{name} has the shape {array.shape}; give [B, H, W, C], or clips [B, T, H, W, C]")
    return array.ndim - 2


def _check_kernel(kernel: Array, axes: int) -> None:
    if kernel.ndim != axes + 2:
        shape, what = ("[h, w, I, O]", "images") if axes == 2 else ("[t, h, w, I, O]", "clips")
        raise InputError(f"kernel has the shape {kernel.shape}; give {shape} for {what}")


def _check_channels(name: str, images: Array, kernel: Array, axis: int) -> None:
    if images.shape[-1] != kernel.shape[axis]:
        raise InputError(
            f"{name} has {images.shape[-1]} channels, but kernel {kernel.shape} is for {kernel.shape[axis]} "
            f"(its axis {kernel.ndim + axis}); change one of them"
        )


def _check_output(
    name: str, size: PerAxis, y: Array, window: PerAxis, stride: PerAxis, padding: Borders
) -> None:
    expected = _output_size(name, size, window, stride, padding)
    if size_of(y) != expected:
        raise InputError(
            f"y has the size {size_of(y)}, but {name} {size} with window {window}, stride {stride} and "
            f"padding {padding} gives {expected}"
        )


def _output_size(name: str, size: PerAxis, window: PerAxis, stride: PerAxis, padding: Borders) -> PerAxis:
    extents = zip(size, window, stride, padding, strict=True)
    outputs = tuple((n + sum(p) - k) // s + 1 for n, k, s, p in extents)
    if min(outputs) < 1:
        raise InputError(f"{name}: a window of {window} does not fit into {size} with padding {padding}")
    return outputs


def _same_dtype(a: Array, b: Array) -> tuple[Array, Array]:
    # lax takes no two types; jnp's promotion is what the rest of a network does.
    dtype = jnp.result_type(a, b)
    return a.astype(dtype), b.astype(dtype)
