"""The three maps of `convolution` as CPUs are fastest at them: matrix products and plain convolutions.

XLA's own are several times slower there, above all inside loops. None of these is differentiated: the
gradients of the three maps are the three maps.
"""

import itertools

import jax.numpy as jnp
from jax import Array, lax

from gaxjax.sharding import count_devices

PerAxis = tuple[int, ...]
"""A number for each axis of pixels: sizes, windows, strides."""
Borders = tuple[tuple[int, int], ...]
"""Zeros before and after, for each axis of pixels."""

LAYOUT = ("NHWC", "HWIO", "NHWC")
# Channels that fill no matrix product.
FEW_CHANNELS = 4
# Numbers of a processor's vector: a batch of so many, or a multiple, is summed over in whole vectors.
LANES = 16
# XLA fuses what comes before and after these maps into their copies and sums, computing it again for each:
# the barriers are where a value is made once.
barrier = lax.optimization_barrier


def conv(x: Array, kernel: Array, stride: PerAxis, padding: Borders) -> Array:
    """`convolution.conv`."""
    # A window of one pixel is a product of matrices, over the channels of each.
    if window_of(kernel) == stride == (1, 1) and padding == ((0, 0), (0, 0)):
        return lax.dot_general(x, kernel[0, 0], (((3,), (0,)), ((), ())))
    # To colors or to logits.
    if stride == (1, 1) and kernel.shape[3] <= FEW_CHANNELS < kernel.shape[2]:
        return _conv_taps(x, kernel, padding)
    return lax.conv_general_dilated(x, kernel, stride, padding, dimension_numbers=LAYOUT)


def conv_transpose(y: Array, kernel: Array, stride: PerAxis, padding: Borders, size: PerAxis) -> Array:
    """`convolution.conv_transpose`."""
    window = window_of(kernel)
    # At stride 1 the transpose is a convolution with the kernel turned around.
    if stride == (1, 1):
        return conv(y, transpose_kernel(kernel), stride, _transposed_padding(window, padding))
    # Whole strides, such as a window of 4 at stride 2: every output pixel meets as many taps as the next.
    if window[0] % stride[0] == window[1] % stride[1] == 0:
        return _conv_transpose_phases(y, kernel, stride, padding, size)
    # All others: y with zeros between its pixels, which XLA skips over. A border below 0 takes pixels away.
    extents = zip(size, size_of(y), window, stride, padding, strict=True)
    rows, columns = ((k - 1 - p, n - (m - 1) * s - 1 + p) for n, m, k, s, (p, _) in extents)
    kernel = barrier(transpose_kernel(kernel))
    return lax.conv_general_dilated(
        y, kernel, (1, 1), (rows, columns), lhs_dilation=stride, dimension_numbers=LAYOUT
    )


def correlate(x: Array, y: Array, window: PerAxis, stride: PerAxis, padding: Borders) -> Array:
    """`convolution.correlate`."""
    if window == (1, 1):
        return _correlate_pixels(x, y, stride, padding)
    x, y = barrier((x, y))
    if stride == (1, 1) and y.shape[3] <= FEW_CHANNELS < x.shape[3]:
        # x and y change places, so that the few channels are the batch of a convolution into many; what comes
        # of it is the kernel turned around.
        # Borders by themselves: inside the convolution they are 30 times slower.
        y = _pad(y, _transposed_padding(window, padding))
        return transpose_kernel(_correlate_channels(y, x, window, stride, ((0, 0), (0, 0))))
    return _correlate_channels(x, y, window, stride, padding)


def _conv_taps(x: Array, kernel: Array, padding: Borders) -> Array:
    """The convolution into few channels: one matrix product for all taps, shifted and added up."""
    x, (h, w, channels, features) = _pad(x, padding), kernel.shape
    batch, (rows, columns) = x.shape[0], size_of(x)
    wide = jnp.promote_types(x.dtype, jnp.float32)  # for the sum over taps
    # [h * w * O, I] times [I, pixels]: all taps of all pixels in one product, before any is shifted.
    kernel = kernel.transpose(0, 1, 3, 2).reshape(-1, channels)
    taps = lax.dot_general(
        kernel, x.reshape(-1, channels), (((1,), (1,)), ((), ())), preferred_element_type=wide
    )
    taps = barrier(taps).reshape(h, w, features, batch, rows, columns)
    height, width = rows - h + 1, columns - w + 1
    # Tap (i, j) of an output is of the pixel that far down and across.
    shifted = [taps[i, j, :, :, i : i + height, j : j + width] for i in range(h) for j in range(w)]
    return barrier(sum(shifted[1:], shifted[0]).transpose(1, 2, 3, 0).astype(x.dtype))


def _conv_transpose_phases(
    y: Array, kernel: Array, stride: PerAxis, padding: Borders, size: PerAxis
) -> Array:
    """The transpose for a window of whole strides: one matrix product for all taps, shifted and added up.

    A pixel of y makes stride * stride pixels of each tap; they are axes until the taps have been added.
    """
    (h, w, channels, features), (down, across) = kernel.shape, stride
    wide = jnp.promote_types(y.dtype, jnp.float32)  # for the sum over taps
    kernel = kernel.reshape(-1, features)
    taps_of = lax.dot_general(y, kernel, (((3,), (1,)), ((), ())), preferred_element_type=wide)
    h, w = h // down, w // across
    # [B, H, W, h, down, w, across, C]: the window in whole strides, and the phase within a stride.
    taps_of = taps_of.reshape(*y.shape[:3], h, down, w, across, channels)
    taps = []
    for i in range(h):
        for j in range(w):
            borders = ((0, 0, 0), (i, h - 1 - i, 0), (j, w - 1 - j, 0), *[(0, 0, 0)] * 3)
            taps.append(lax.pad(taps_of[:, :, :, i, :, j], jnp.zeros((), wide), borders))
    x = sum(taps[1:], taps[0]).astype(y.dtype)
    height, width = x.shape[1:3]
    # [B, H, down, W, across, C]: phases beside their pixels, to be read as pixels of the large image.
    x = x.transpose(0, 1, 3, 2, 4, 5).reshape(-1, height * down, width * across, channels)
    rows, columns = ((-p, n - m + p, 0) for (p, _), n, m in zip(padding, size, size_of(x), strict=True))
    # Padding is cut off; where `size` goes past what y reaches, there are zeros.
    return barrier(lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), rows, columns, (0, 0, 0))))


def _correlate_pixels(x: Array, y: Array, stride: PerAxis, padding: Borders) -> Array:
    """One matrix product, for a window of one pixel."""
    x = _pad(x, padding)
    bottom, right = ((m - 1) * s + 1 for m, s in zip(size_of(y), stride, strict=True))
    # The pixels that the stride has met.
    pixels = lax.slice(x, (0, 0, 0, 0), (x.shape[0], bottom, right, x.shape[3]), (1, *stride, 1))
    pixels, y = pixels.reshape(-1, x.shape[3]), y.reshape(-1, y.shape[3])
    if y.shape[1] <= FEW_CHANNELS < pixels.shape[1]:
        return lax.dot_general(y, pixels, (((0,), (0,)), ((), ()))).T[None, None]
    return lax.dot_general(pixels, y, (((0,), (0,)), ((), ())))[None, None]


def _correlate_channels(x: Array, y: Array, window: PerAxis, stride: PerAxis, padding: Borders) -> Array:
    """One convolution of the channels of x, as images whose channels are the batch, with y as its kernel."""
    # As many as each device has, so that its work does not depend on how many there are.
    if x.shape[0] // count_devices() % LANES:
        return _correlate_phases(_pad(x, padding), y, window, stride)
    # [I, H, W, B] with [H', W', B, O]: the batch is what is summed over, and y is the window.
    extents = zip(size_of(x), size_of(y), window, stride, padding, strict=True)
    # The second is below 0 where the stride leaves border pixels unused.
    rows, columns = ((p, k + (m - 1) * s - n - p) for n, m, k, s, (p, _) in extents)
    # XLA would take the transposes into the convolution, and inside loops that is a hundred times slower.
    images, kernel = barrier((x.transpose(3, 1, 2, 0), y.transpose(1, 2, 0, 3)))
    result = lax.conv_general_dilated(
        images, kernel, (1, 1), (rows, columns), rhs_dilation=stride, dimension_numbers=LAYOUT
    )
    return barrier(result).transpose(1, 2, 0, 3)


def _correlate_phases(x: Array, y: Array, window: PerAxis, stride: PerAxis) -> Array:
    """The same as one convolution for each phase of the stride, without gaps and borders.

    The taps of a phase meet pixels of x that no other's do, as at stride 1. Of a batch that fills no vectors
    XLA takes up to twice as long where there are gaps or borders.
    """
    kernel = barrier(y.transpose(1, 2, 0, 3))
    taps = []
    for phase in itertools.product(*(range(min(s, k)) for s, k in zip(stride, window, strict=True))):
        extents = list(zip(phase, stride, window, size_of(y), strict=True))
        # The last pixel that the last tap of this phase meets, and one more.
        ends = [a + (m - 1) * s + (k - 1 - a) // s * s + 1 for a, s, k, m in extents]
        pixels = lax.slice(x, (0, *phase, 0), (x.shape[0], *ends, x.shape[3]), (1, *stride, 1))
        pixels = barrier(pixels.transpose(3, 1, 2, 0))
        found = lax.conv_general_dilated(pixels, kernel, (1, 1), "VALID", dimension_numbers=LAYOUT)
        # [I, h', w', O] to [h, w, I, O], in which taps of other phases lie between.
        borders = [(a, (k - 1 - a) % s, s - 1) for a, s, k, _ in extents]
        found = barrier(found).transpose(1, 2, 0, 3)
        taps.append(lax.pad(found, jnp.zeros((), x.dtype), [*borders, (0, 0, 0), (0, 0, 0)]))
    return barrier(sum(taps[1:], taps[0]))


def transpose_kernel(kernel: Array) -> Array:
    """The kernel of the transpose at stride 1, [h, w, I, O] -> [h, w, O, I]."""
    return jnp.flip(kernel, (0, 1)).swapaxes(2, 3)


def _pad(images: Array, padding: Borders) -> Array:
    """With zeros at the borders, or without pixels where the padding is below 0."""
    (top, bottom), (left, right) = padding
    borders = ((0, 0, 0), (top, bottom, 0), (left, right, 0), (0, 0, 0))
    return lax.pad(images, jnp.zeros((), images.dtype), borders)


def _transposed_padding(window: PerAxis, padding: Borders) -> Borders:
    """The padding of the transpose at stride 1; below 0 where the padding is wider than the window."""
    rows, columns = ((k - 1 - p, k - 1 - q) for k, (p, q) in zip(window, padding, strict=True))
    return rows, columns


def size_of(images: Array) -> PerAxis:
    """(H, W) of images, (T, H, W) of clips."""
    return images.shape[1:-1]


def window_of(kernel: Array) -> PerAxis:
    """(h, w) of a kernel for images, (t, h, w) of one for clips."""
    return kernel.shape[:-2]
