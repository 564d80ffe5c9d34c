"""Up- and downsampling by separable FIR filters, alone or around a convolution.

A filter is written by its taps, in any scale: they are normalized here. Of what the papers use:

    ()            nearest neighbor up, average down (ProGAN)
    (1, 2, 1)     the same, and a blur after it up, before it down (StyleGAN)
    (1, 3, 3, 1)  one filter between zeros up, before every second pixel down (StyleGAN2)

so an odd number of taps is a blur beside the plain resampling, an even number the resampling itself. Filters
are sums of shifted images, which compilers fuse; depthwise convolutions are many times slower on CPUs.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array, lax

from gaxjax.errors import InputError
from gaxjax.layers.convolution import conv, conv_transpose
from gaxjax.layers.convolution_cpu import transpose_kernel
from gaxjax.layers.multilinear import define_linear

Taps = tuple[float, ...]
Pads = tuple[int, int]


def resample(x: Array, taps: Taps, up: int = 1, down: int = 1, pads: Pads = (0, 0)) -> Array:
    """Zeros between pixels, zeros at the borders, a filter, every `down`-th pixel; [B, H, W, C], both axes.

    H becomes (H * up + sum(pads) - len(taps)) // down + 1, with up - 1 zeros after every pixel, `pads` before
    and after them all, and no more beyond. Flat images keep their brightness: taps are normalized to the sum
    `up`. Convolution, not correlation, as in scipy.signal.upfirdn.
    """
    check_resampling(x, taps, up, down, pads)
    # Turned around, as what follows is a correlation; times `up`, as only every up-th pixel is not zero.
    weights = tuple(tap * up / sum(taps) for tap in reversed(taps))
    for axis in (1, 2):
        length = (x.shape[axis] * up + sum(pads) - len(taps)) // down + 1
        x = filter_axis(x, axis, weights, up, down, pads[0], length)
    return x


def compute_filter_axis(
    x: Array, axis: int, weights: Taps, up: int, down: int, before: int, length: int
) -> Array:
    """[j] = the sum over k of weights[k] * z[j * down + k - before], j below `length`, along one axis.

    z is x with up - 1 zeros after every pixel, and zeros outside. Its transpose is one more of its kind, so
    that gradients are; JAX's own would be a sum of padded images, each of which is written to memory.
    """
    # Both at once: filtered at the full rate, then thinned out.
    if down > 1 and up > 1:
        whole = compute_filter_axis(x, axis, weights, up, 1, before, (length - 1) * down + 1)
        return lax.slice_in_dim(whole, 0, None, down, axis)
    if up == 1:
        return shifted_sum(x, axis, {k - before: w for k, w in enumerate(weights)}, length, down)
    # Of every `up` outputs, each one meets other taps: the rest of them meets zeros.
    count, phases = -(-length // up), []
    for phase in range(up):
        shifts = {phase + k - before: weight for k, weight in enumerate(weights)}
        met = {shift // up: weight for shift, weight in shifts.items() if shift % up == 0}
        phases.append(shifted_sum(x, axis, met, count))
    whole = jnp.stack(phases, axis + 1).reshape(*x.shape[:axis], count * up, *x.shape[axis + 1 :])
    return lax.slice_in_dim(whole, 0, length, 1, axis)


filter_axis: Callable[..., Array] = define_linear(
    "resampling",
    compute_filter_axis,
    # The transpose: weights turned around, up and down exchanged, and the border that is left of the window.
    lambda dy, shape, axis, weights, up, down, before, length: filter_axis(
        dy, axis, weights[::-1], down, up, len(weights) - 1 - before, shape[axis]
    ),
)
"""`compute_filter_axis`, differentiable."""


def shifted_sum(x: Array, axis: int, weights: dict[int, float], count: int, step: int = 1) -> Array:
    """[j] = the sum over shifts of weight * x[j * step + shift], j below `count`, zeros outside of x."""
    if not weights:
        return jnp.zeros((*x.shape[:axis], count, *x.shape[axis + 1 :]), x.dtype)
    before = max(-min(weights), 0)
    after = max((count - 1) * step + max(weights) + 1 - x.shape[axis], 0)
    # Padded once for all shifts, each of which is then a slice.
    edges = [(before, after, 0) if i == axis else (0, 0, 0) for i in range(x.ndim)]
    x = lax.pad(x, jnp.zeros((), x.dtype), edges)
    terms = []
    for shift, weight in weights.items():
        start = shift + before
        part = lax.slice_in_dim(x, start, start + (count - 1) * step + 1, step, axis)
        terms.append(part * jnp.asarray(weight, x.dtype))
    return sum(terms[1:], terms[0])


def reference_resample(x: Array, taps: Taps, up: int = 1, down: int = 1, pads: Pads = (0, 0)) -> Array:
    """`resample` as one depthwise convolution with zeros between the pixels."""
    check_resampling(x, taps, up, down, pads)
    line = jnp.asarray(taps[::-1], x.dtype) * (up / sum(taps))
    channels = x.shape[-1]
    kernel = jnp.broadcast_to(jnp.outer(line, line)[..., None, None], (len(taps), len(taps), 1, channels))
    pad = (pads[0], pads[1] + up - 1)  # zeros follow the last pixel too
    return lax.conv_general_dilated(
        x,
        kernel,
        (down, down),
        (pad, pad),
        lhs_dilation=(up, up),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=channels,
    )


def blur(x: Array, taps: Taps) -> Array:
    """Filtered at the same size, [B, H, W, C]; the taps are an odd number of them, or none."""
    half = len(taps) // 2
    return resample(x, taps, pads=(half, half)) if taps else x


def upsample(x: Array, taps: Taps = ()) -> Array:
    """Twice the size, [B, H, W, C] -> [B, 2 H, 2 W, C]."""
    if len(taps) % 2 or not taps:
        return blur(repeat_pixels(x), taps)
    # Pads as in upsample_2d and downsample_2d of StyleGAN2's code: the middle of the filter stays where it
    # was.
    rest = len(taps) - 2
    return resample(x, taps, up=2, pads=((rest + 1) // 2 + 1, rest // 2))


def repeat_pixels(x: Array, factor: int = 2) -> Array:
    """Nearest-neighbor upsampling, [B, H, W, C] -> [B, H * factor, W * factor, C]."""
    b, h, w, c = x.shape
    x = jnp.broadcast_to(x[:, :, None, :, None, :], (b, h, factor, w, factor, c))
    return x.reshape(b, h * factor, w * factor, c)


def pixel_shuffle(x: Array, factor: int = 2) -> Array:
    """Channels become pixels, [B, H, W, C * factor^2] -> [B, H * factor, W * factor, C].

    Channel c * factor^2 + i * factor + j becomes pixel (i, j) of channel c, as in PyTorch. Shi et al. 2016,
    eq. 4.
    """
    b, h, w, channels = x.shape
    if channels % factor**2:
        raise InputError(f"pixel_shuffle({factor}) takes a multiple of {factor**2} channels; got {channels}")
    # [B, H, W, C, i, j] -> [B, H, i, W, j, C]
    x = x.reshape(b, h, w, channels // factor**2, factor, factor).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(b, h * factor, w * factor, channels // factor**2)


def downsample(x: Array, taps: Taps = ()) -> Array:
    """Half the size, [B, 2 H, 2 W, C] -> [B, H, W, C]."""
    if len(taps) % 2 or not taps:
        return average_pool(blur(x, taps))
    rest = len(taps) - 2
    return resample(x, taps, down=2, pads=((rest + 1) // 2, rest // 2))


def average_pool(x: Array, side: int = 2) -> Array:
    """Means of squares of so many pixels a side."""
    batch, height, width, channels = x.shape
    if height % side or width % side:
        raise InputError(f"average_pool: {height} x {width} pixels are no multiple of {side} x {side}")
    # A reshape and a mean, whose gradient is a broadcast.
    blocks = x.reshape(batch, height // side, side, width // side, side, channels)
    return jnp.mean(blocks, axis=(2, 4), dtype=jnp.promote_types(x.dtype, jnp.float32)).astype(x.dtype)


def up_conv(x: Array, kernel: Array, taps: Taps = ()) -> Array:
    """Upsampled, then convolved with kernel [k, k, I, O], k odd: [B, H, W, I] -> [B, 2 H, 2 W, O].

    One transposed convolution of the small image and, with taps, a filter of what comes out, which is
    the same (but for one pixel at the border with an odd number of taps) at less than half of the work.
    """
    side, size = kernel.shape[0], (2 * x.shape[1], 2 * x.shape[2])
    if len(taps) % 2 or not taps:
        half = side // 2
        kernel = double_kernel(transpose_kernel(kernel))  # nearest neighbors: each pixel is four
        # Nearest neighbors and a convolution, in one window of side + 1 at stride 2.
        return blur(conv_transpose(x, kernel, 2, ((half, half), (half, half)), size), taps)
    # Larger by what the filter takes away again.
    size = (size[0] + side - 2, size[1] + side - 2)
    # The filter leaves room for the kernel's border too, which then needs no zeros of its own.
    rest = len(taps) - 2 - (side - 1)
    # A filter between zeros sums up to 2 on each axis. The factor comes before the turn, which XLA undoes:
    # to a kernel that it does not recognize, GPUs would be given images with the zeros written out.
    wide = conv_transpose(x, transpose_kernel(4 * kernel), 2, 0, size)
    return resample(wide, taps, pads=((rest + 1) // 2 + 1, rest // 2 + 1))


def down_conv(x: Array, kernel: Array, taps: Taps = ()) -> Array:
    """Convolved with kernel [k, k, I, O], k odd, then downsampled: [B, 2 H, 2 W, I] -> [B, H, W, O].

    With taps, filtered first; then one convolution with stride 2. A kernel of one pixel comes after both.
    """
    side = kernel.shape[0]
    if side == 1:
        return conv(downsample(x, taps), kernel)
    if len(taps) % 2 or not taps:
        half = side // 2
        # The mean of four pixels is within the kernel.
        return conv(blur(x, taps), double_kernel(kernel) / 4, 2, ((half, half), (half, half)))
    rest = len(taps) - 2 + (side - 1)
    return conv(resample(x, taps, pads=((rest + 1) // 2, rest // 2)), kernel, 2, 0)


def double_kernel(kernel: Array) -> Array:
    """A kernel [k, k, ...] over pixels that are each four: [k + 1, k + 1, ...], the sum of four shifts."""
    zeros = [(0, 0)] * (kernel.ndim - 2)
    shifts = [((i, 1 - i), (j, 1 - j)) for i in range(2) for j in range(2)]
    return sum(
        (jnp.pad(kernel, (*shift, *zeros)) for shift in shifts[1:]), jnp.pad(kernel, (*shifts[0], *zeros))
    )


def check_resampling(x: Array, taps: Taps, up: int, down: int, pads: Pads) -> None:
    """Refuses what has no meaning."""
    if x.ndim != 4:
        raise InputError(f"resampling takes images [B, H, W, C]; got shape {x.shape}")
    if not taps or sum(taps) == 0:
        raise InputError(f"a filter has taps whose sum is not 0, such as (1, 3, 3, 1); got {taps}")
    if up < 1 or down < 1:
        raise InputError(f"up and down are at least 1; got {up} and {down}")
    if min(x.shape[1:3]) * up + sum(pads) < len(taps):
        raise InputError(f"{len(taps)} taps do not fit into {x.shape[1]} x {x.shape[2]} pixels with {pads}")
