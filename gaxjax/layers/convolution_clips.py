"""The three maps of `convolution` for clips, as CPUs are fastest at them: by those of images.

A window's frames lie beside one another as channels, those of a clip are images of one batch, and what is
left is a convolution of images. XLA's own transposes of clips take up to a hundred times as long. As in
`convolution_cpu`, none of these is differentiated.
"""

import jax.numpy as jnp
from jax import Array, lax

from gaxjax.layers import convolution_cpu as of_images
from gaxjax.layers.convolution_cpu import LAYOUT, Borders, PerAxis, barrier, window_of

# Pixels of an image from which on all taps of a transposed convolution, in one matrix, are past any cache.
MANY_PIXELS = 256


def conv(x: Array, kernel: Array, stride: PerAxis, padding: Borders) -> Array:
    """`convolution.conv`."""
    frames = (x.shape[1] + sum(padding[0]) - kernel.shape[0]) // stride[0] + 1
    # Each frame is copied into every window that it is in: memory, for the speed of images' convolution.
    windows = _windows(x, kernel.shape[0], stride[0], padding[0][0], frames)
    y = of_images.conv(windows, _merge_frames(kernel), stride[1:], padding[1:])
    return y.reshape(-1, frames, *y.shape[1:])


def conv_transpose(y: Array, kernel: Array, stride: PerAxis, padding: Borders, size: PerAxis) -> Array:
    """`convolution.conv_transpose`."""
    (frames, *pixels), (length, *window), channels = y.shape[1:4], window_of(kernel), kernel.shape[3]
    images, flat = y.reshape(-1, *y.shape[2:]), _merge_frames(kernel)
    start, step = padding[0][0], stride[0]
    whole = all(k % s == 0 for k, s in zip(window, stride[1:], strict=True))
    if not whole or pixels[0] * pixels[1] < MANY_PIXELS:
        x = of_images.conv_transpose(images, flat, stride[1:], padding[1:], size[1:])
        return _add_frames(x.reshape(-1, frames, *size[1:], length, channels), step, start, size[0])
    blocks = _conv_transpose_blocks(images, flat, stride[1:])
    x = _add_frames(blocks.reshape(-1, frames, *blocks.shape[1:5], length, channels), step, start, size[0])
    return _join_blocks(x, padding[1:], size[1:])


def correlate(x: Array, y: Array, window: PerAxis, stride: PerAxis, padding: Borders) -> Array:
    """`convolution.correlate`."""
    windows = _windows(x, window[0], stride[0], padding[0][0], y.shape[1])
    images = y.reshape(-1, *y.shape[2:])
    kernel = of_images.correlate(windows, images, window[1:], stride[1:], padding[1:])
    return kernel.reshape(*window[1:], window[0], x.shape[4], y.shape[4]).transpose(2, 0, 1, 3, 4)


def _windows(x: Array, length: int, step: int, before: int, count: int) -> Array:
    """Frames that meet in a window as channels, [B, T, H, W, C] -> [B * count, H, W, length * C]."""
    reach = (count - 1) * step + 1
    # Below 0 where the stride leaves the last frames unused.
    after = reach + length - 1 - before - x.shape[1]
    x = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), (before, after, 0), *[(0, 0, 0)] * 3))
    frames = [lax.slice_in_dim(x, i, i + reach, step, axis=1) for i in range(length)]
    windows = jnp.concatenate(frames, axis=-1)
    return barrier(windows.reshape(-1, *windows.shape[2:]))


def _merge_frames(kernel: Array) -> Array:
    """The kernel for what `_windows` gives, [t, h, w, I, O] -> [h, w, t * I, O]."""
    length, *window, channels, features = kernel.shape
    return barrier(kernel.transpose(1, 2, 0, 3, 4).reshape(*window, length * channels, features))


def _add_frames(windows: Array, step: int, before: int, count: int) -> Array:
    """The transpose of `_windows`: [B, T', ..., length, C] -> [B, count, ..., C]."""
    windows, zero = barrier(windows), jnp.zeros((), windows.dtype)
    wide = jnp.promote_types(windows.dtype, jnp.float32)  # for the sum over frames
    reach, terms = (windows.shape[1] - 1) * step + 1, []
    for i in range(windows.shape[-2]):
        # Below 0 where there is padding, whose frames are cut off.
        start = i - before
        borders = [(0, 0, 0)] * (windows.ndim - 1)
        # Zeros between frames that are `step` apart, so that all can be added up as they lie.
        borders[1] = (start, count - reach - start, step - 1)
        terms.append(lax.pad(windows[..., i, :], zero, borders).astype(wide))
    return barrier(sum(terms[1:], terms[0]).astype(windows.dtype))


def _conv_transpose_blocks(y: Array, kernel: Array, stride: PerAxis) -> Array:
    """The transpose for a window of whole strides, [B, H', W', O] -> [B, rows, columns, *stride, I].

    Blocks of so many pixels, in whose every pixel the same ones of y meet: a convolution at stride 1, with
    all pixels of a block as its channels. Nothing is cut off yet.
    """
    (h, w, channels, features), (down, across) = kernel.shape, stride
    h, w = h // down, w // across
    # The window in whole strides, turned around, and the place within a block.
    kernel = kernel.reshape(h, down, w, across, channels, features)[::-1, :, ::-1]
    kernel = kernel.transpose(0, 2, 5, 1, 3, 4).reshape(h, w, features, -1)
    borders = ((h - 1, h - 1), (w - 1, w - 1))
    blocks = lax.conv_general_dilated(y, barrier(kernel), (1, 1), borders, dimension_numbers=LAYOUT)
    return blocks.reshape(*blocks.shape[:3], down, across, channels)


def _join_blocks(blocks: Array, padding: Borders, size: PerAxis) -> Array:
    """[B, T, rows, columns, down, across, C] -> [B, T, *size, C], without the padding."""
    batch, frames, rows, columns, down, across, channels = blocks.shape
    x = blocks.transpose(0, 1, 2, 4, 3, 5, 6).reshape(batch, frames, rows * down, columns * across, channels)
    cuts = [
        (-before, n - m + before, 0) for (before, _), n, m in zip(padding, size, x.shape[2:4], strict=True)
    ]
    return barrier(lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), (0, 0, 0), *cuts, (0, 0, 0)]))
