"""Convolution, its transpose and its kernel gradient: three maps that are closed under differentiation.

Each of the three is linear in both arguments, and the two gradients of each are the other two:

    conv(x, kernel) -> y        conv_transpose(y, kernel) -> x        correlate(x, y) -> kernel

so reverse-mode differentiation of any order (gradient penalties) stays among them. On the CPU each has
formulations that are several times faster than what XLA derives by itself, above all inside loops; elsewhere
XLA's own are the fastest and are used as they come, with native autodiff.

Images are [B, H, W, C] and kernels [h, w, I, O]. On the CPU the three have no forward mode (`jax.jvp`).
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from gaxjax.errors import InputError

Pair = tuple[int, int]
Pairs = tuple[Pair, Pair]
Saved = tuple[Array, Array]

LAYOUT = ("NHWC", "HWIO", "NHWC")
# Channels that fill no matrix product on the CPU.
FEW = 4
# XLA fuses what comes before and after these maps into their copies and sums, computing it again for each:
# the barriers are where a value is made once.
once = lax.optimization_barrier


def conv(x: Array, kernel: Array, stride: int | Pair = 1, padding: int | Pairs = 0) -> Array:
    """Convolution (cross-correlation) of x [B, H, W, I] with kernel [h, w, I, O] -> [B, H', W', O].

    padding: zeros at every border, or ((top, bottom), (left, right)). InputError for shapes that do not fit.
    """
    stride, padding = _pair(stride), _pairs(padding)
    _check("x", x, "[B, H, W, C]")
    _check("kernel", kernel, "[h, w, I, O]")
    _check_channels("x", x, kernel, axis=2)
    _output_size("x", _size(x), _window(kernel), stride, padding)
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
    _check("y", y, "[B, H, W, C]")
    _check("kernel", kernel, "[h, w, I, O]")
    _check_channels("y", y, kernel, axis=3)
    if size is None:
        extents = zip(_size(y), stride, _window(kernel), padding, strict=True)
        height, width = ((n - 1) * s + k - sum(p) for n, s, k, p in extents)
        size = (height, width)
    _check_output("size", size, y, _window(kernel), stride, padding)
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
    _check("x", x, "[B, H, W, C]")
    _check("y", y, "[B, H, W, C]")
    if x.shape[0] != y.shape[0]:
        raise InputError(f"x {x.shape} and y {y.shape} differ in batch size; give as many images of both")
    _check_output("x", _size(x), y, window, stride, padding)
    x, y = _same_dtype(x, y)
    function = _correlate if _is_cpu() else reference_correlate
    return function(x, y, window, stride, padding)


def same_padding(size: Pair, kernel: Pair, stride: int | Pair = 1) -> Pairs:
    """TensorFlow's SAME padding for images of (H, W): outputs of ceil(size / stride), the odd zero last.

    >>> same_padding((7, 8), (4, 4), 2)
    ((1, 2), (1, 1))
    """
    extents = zip(size, kernel, _pair(stride), strict=True)
    height, width = (max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in extents)
    return (height // 2, height - height // 2), (width // 2, width - width // 2)


def reference_conv(x: Array, kernel: Array, stride: Pair, padding: Pairs) -> Array:
    """`conv` as XLA has it, with native autodiff."""
    return lax.conv_general_dilated(x, kernel, stride, padding, dimension_numbers=LAYOUT)


def reference_conv_transpose(y: Array, kernel: Array, stride: Pair, padding: Pairs, size: Pair) -> Array:
    """`conv_transpose` as JAX derives it from `reference_conv`, with native autodiff."""
    x = jax.ShapeDtypeStruct((y.shape[0], *size, kernel.shape[2]), y.dtype)
    (x,) = jax.linear_transpose(lambda x: reference_conv(x, kernel, stride, padding), x)(y)
    return x


def reference_correlate(x: Array, y: Array, window: Pair, stride: Pair, padding: Pairs) -> Array:
    """`correlate` as JAX derives it from `reference_conv`, with native autodiff."""
    kernel = jax.ShapeDtypeStruct((*window, x.shape[3], y.shape[3]), x.dtype)
    (kernel,) = jax.linear_transpose(lambda kernel: reference_conv(x, kernel, stride, padding), kernel)(y)
    return kernel


def _is_cpu() -> bool:
    """Whether to use the formulations for the CPU, decided when a function is traced."""
    return jax.default_backend() == "cpu"


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _conv(x: Array, kernel: Array, stride: Pair, padding: Pairs) -> Array:
    if _window(kernel) == stride == (1, 1) and padding == ((0, 0), (0, 0)):
        return lax.dot_general(x, kernel[0, 0], (((3,), (0,)), ((), ())))
    if stride == (1, 1) and kernel.shape[3] <= FEW < kernel.shape[2]:
        return _conv_taps(x, kernel, padding)
    return reference_conv(x, kernel, stride, padding)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def _conv_transpose(y: Array, kernel: Array, stride: Pair, padding: Pairs, size: Pair) -> Array:
    window = _window(kernel)
    if stride == (1, 1):
        return _conv(y, _turned(kernel), stride, _opposite(window, padding))
    if window[0] % stride[0] == window[1] % stride[1] == 0:
        return _conv_transpose_phases(y, kernel, stride, padding, size)
    extents = zip(size, _size(y), window, stride, padding, strict=True)
    rows, columns = ((k - 1 - p, n - (m - 1) * s - 1 + p) for n, m, k, s, (p, _) in extents)
    kernel = once(_turned(kernel))
    return lax.conv_general_dilated(
        y, kernel, (1, 1), (rows, columns), lhs_dilation=stride, dimension_numbers=LAYOUT
    )


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def _correlate(x: Array, y: Array, window: Pair, stride: Pair, padding: Pairs) -> Array:
    if window == (1, 1):
        return _correlate_pixels(x, y, stride, padding)
    if stride == (1, 1) and y.shape[3] <= FEW < x.shape[3]:
        y = _padded(y, _opposite(window, padding))  # by itself: inside the convolution it is 30 times slower
        return _turned(_correlate_channels(y, x, window, stride, ((0, 0), (0, 0))))
    return _correlate_channels(x, y, window, stride, padding)


def _conv_taps(x: Array, kernel: Array, padding: Pairs) -> Array:
    """The convolution into few channels: one matrix product for all taps, shifted and added up."""
    x, (h, w, channels, features) = _padded(x, padding), kernel.shape
    batch, (rows, columns) = x.shape[0], _size(x)
    wide = jnp.promote_types(x.dtype, jnp.float32)  # for the sum over taps
    kernel = kernel.transpose(0, 1, 3, 2).reshape(-1, channels)
    taps = lax.dot_general(
        kernel, x.reshape(-1, channels), (((1,), (1,)), ((), ())), preferred_element_type=wide
    )
    taps = once(taps).reshape(h, w, features, batch, rows, columns)
    height, width = rows - h + 1, columns - w + 1
    shifted = [taps[i, j, :, :, i : i + height, j : j + width] for i in range(h) for j in range(w)]
    return once(sum(shifted[1:], shifted[0]).transpose(1, 2, 3, 0).astype(x.dtype))


def _conv_transpose_phases(y: Array, kernel: Array, stride: Pair, padding: Pairs, size: Pair) -> Array:
    """The transpose for a window of whole strides: y times the kernel's matrices, shifted and added up.

    A pixel of y makes stride * stride pixels of each tap; they are channels until the taps have been added.
    """
    (h, w, channels, features), (down, across) = kernel.shape, stride
    h, w = h // down, w // across
    kernel = kernel.reshape(h, down, w, across, channels, features).transpose(0, 2, 1, 3, 4, 5)
    kernel = kernel.reshape(h, w, down * across * channels, features)
    wide = jnp.promote_types(y.dtype, jnp.float32)  # for the sum over taps
    taps = []
    for i in range(h):
        for j in range(w):
            tap = lax.dot_general(y, kernel[i, j], (((3,), (1,)), ((), ())), preferred_element_type=wide)
            borders = ((0, 0, 0), (i, h - 1 - i, 0), (j, w - 1 - j, 0), (0, 0, 0))
            taps.append(lax.pad(tap, jnp.zeros((), wide), borders))
    x = sum(taps[1:], taps[0]).astype(y.dtype)
    height, width = _size(x)
    x = x.reshape(-1, height, width, down, across, channels).transpose(0, 1, 3, 2, 4, 5)
    x = x.reshape(-1, height * down, width * across, channels)
    rows, columns = ((-p, n - m + p, 0) for (p, _), n, m in zip(padding, size, _size(x), strict=True))
    return once(lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), rows, columns, (0, 0, 0))))


def _correlate_pixels(x: Array, y: Array, stride: Pair, padding: Pairs) -> Array:
    """One matrix product, for a window of one pixel."""
    x = _padded(x, padding)
    bottom, right = ((m - 1) * s + 1 for m, s in zip(_size(y), stride, strict=True))
    pixels = lax.slice(x, (0, 0, 0, 0), (x.shape[0], bottom, right, x.shape[3]), (1, *stride, 1))
    pixels, y = pixels.reshape(-1, x.shape[3]), y.reshape(-1, y.shape[3])
    if y.shape[1] <= FEW < pixels.shape[1]:
        return lax.dot_general(y, pixels, (((0,), (0,)), ((), ()))).T[None, None]
    return lax.dot_general(pixels, y, (((0,), (0,)), ((), ())))[None, None]


def _correlate_channels(x: Array, y: Array, window: Pair, stride: Pair, padding: Pairs) -> Array:
    """One convolution of the channels of x, as images whose channels are the batch, with y as its kernel."""
    extents = zip(_size(x), _size(y), window, stride, padding, strict=True)
    # The second is below 0 where the stride leaves border pixels unused.
    rows, columns = ((p, k + (m - 1) * s - n - p) for n, m, k, s, (p, _) in extents)
    x, y = once((x, y))
    # XLA would take the transposes into the convolution, and inside loops that is a hundred times slower.
    images, kernel = once((x.transpose(3, 1, 2, 0), y.transpose(1, 2, 0, 3)))
    result = lax.conv_general_dilated(
        images, kernel, (1, 1), (rows, columns), rhs_dilation=stride, dimension_numbers=LAYOUT
    )
    return once(result).transpose(1, 2, 0, 3)


def _conv_backward(stride: Pair, padding: Pairs, saved: Saved, dy: Array) -> Saved:
    x, kernel = saved
    dkernel = _correlate(x, dy, _window(kernel), stride, padding)
    return _conv_transpose(dy, kernel, stride, padding, _size(x)), dkernel


def _conv_transpose_backward(stride: Pair, padding: Pairs, size: Pair, saved: Saved, dx: Array) -> Saved:
    y, kernel = saved
    return _conv(dx, kernel, stride, padding), _correlate(dx, y, _window(kernel), stride, padding)


def _correlate_backward(window: Pair, stride: Pair, padding: Pairs, saved: Saved, dkernel: Array) -> Saved:
    x, y = saved
    return _conv_transpose(y, dkernel, stride, padding, _size(x)), _conv(x, dkernel, stride, padding)


_conv.defvjp(lambda x, kernel, *static: (_conv(x, kernel, *static), (x, kernel)), _conv_backward)
_conv_transpose.defvjp(
    lambda y, kernel, *static: (_conv_transpose(y, kernel, *static), (y, kernel)), _conv_transpose_backward
)
_correlate.defvjp(lambda x, y, *static: (_correlate(x, y, *static), (x, y)), _correlate_backward)


def _turned(kernel: Array) -> Array:
    """The kernel of the transpose at stride 1."""
    return jnp.flip(kernel, (0, 1)).swapaxes(2, 3)


def _padded(images: Array, padding: Pairs) -> Array:
    """With zeros at the borders, or without pixels where the padding is below 0."""
    (top, bottom), (left, right) = padding
    borders = ((0, 0, 0), (top, bottom, 0), (left, right, 0), (0, 0, 0))
    return lax.pad(images, jnp.zeros((), images.dtype), borders)


def _opposite(window: Pair, padding: Pairs) -> Pairs:
    """The padding of the transpose at stride 1; below 0 where the padding is wider than the window."""
    rows, columns = ((k - 1 - p, k - 1 - q) for k, (p, q) in zip(window, padding, strict=True))
    return rows, columns


def _size(images: Array) -> Pair:
    return images.shape[1], images.shape[2]


def _window(kernel: Array) -> Pair:
    return kernel.shape[0], kernel.shape[1]


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
    if _size(y) != expected:
        raise InputError(
            f"y has the size {_size(y)}, but {name} {size} with window {window}, stride {stride} and padding "
            f"{padding} gives {expected}"
        )


def _output_size(name: str, size: Pair, window: Pair, stride: Pair, padding: Pairs) -> Pair:
    extents = zip(size, window, stride, padding, strict=True)
    height, width = ((n + sum(p) - k) // s + 1 for n, k, s, p in extents)
    if min(height, width) < 1:
        raise InputError(f"{name}: a window of {window} does not fit into {size} with padding {padding}")
    return height, width


def _same_dtype(a: Array, b: Array) -> tuple[Array, Array]:
    dtype = jnp.result_type(a, b)
    return a.astype(dtype), b.astype(dtype)
