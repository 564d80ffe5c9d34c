"""ProGAN's sliced Wasserstein distance between patches of images. Karras et al. 2018, section 5.

At each level of a Laplacian pyramid, random patches of both sets are compared along random directions. The
paper has 16,384 images of each kind.
"""

import numpy as np
from jaxtyping import Shaped

from gaxjax.errors import InputError
from gaxjax.metrics.checking import Values, check_images, check_pixels

PATCH = 7
SMALLEST = 16
BLOCK = 64
"""Images whose pyramids are held at a time."""
CHUNK = 16
"""Directions along which all patches are held at a time."""


def sliced_wasserstein(
    real: Shaped[Values, "images side side channels"],
    fake: Shaped[Values, "images side side channels"],
    seed: int = 0,
    *,
    patches: int = 128,
    repeats: int = 4,
    directions: int = 128,
) -> dict[int, float]:
    """{side of a level, fine to coarse: mean distance of sorted projections, times 1000}.

    The paper's average is the mean over the levels. Images in [0, 255]; their side is halved while it is even
    and the half is at least 16: 128 gives 128, 64, 32, 16 and 28 gives 28 alone. patches: of 7x7 pixels from
    each image and level, normalized per channel over the set. Memory is that of both sets' patches at one
    level, 49 * 4 bytes * patches for each image and channel.

    >>> black, white = np.zeros((2, 32, 32, 1), np.uint8), np.full((2, 32, 32, 1), 255, np.uint8)
    >>> sliced_wasserstein(black, white)  # no patch has any contrast, which is all that is compared
    {32: 0.0, 16: 0.0}
    """
    check_images(real=real, fake=fake)
    check_pixels(real=real, fake=fake)
    _, height, width, channels = real.shape
    if height != width or height < SMALLEST:
        raise InputError(
            f"real and fake must be square, of at least {SMALLEST} pixels a side; got {height} x {width}: "
            "crop or pad them"
        )
    if min(patches, repeats, directions) < 1:
        raise InputError(
            f"patches, repeats and directions must be at least 1; got {patches}, {repeats} and {directions}"
        )
    random = np.random.default_rng(seed)
    result = {}
    for side in level_sides(height):
        real_patches, fake_patches = (
            _descriptors(np.asarray(images), side, patches, random) for images in (real, fake)
        )
        # Directions have the length of a patch's values, 7 * 7 * channels; `repeats` of `directions`, as in
        # ProGAN.
        along = [unit_vectors(directions, PATCH**2 * channels, random) for _ in range(repeats)]
        distances = [distance_along(units.astype(np.float32), real_patches, fake_patches) for units in along]
        result[side] = 1000 * float(np.mean(distances))
    return result


def level_sides(side: int) -> list[int]:
    """The sides of a pyramid's levels, fine to coarse.

    >>> level_sides(128), level_sides(28)
    ([128, 64, 32, 16], [28])
    """
    # An odd side ends the pyramid: the paper's are powers of two.
    halved = side // 2
    return [side, *level_sides(halved)] if side % 2 == 0 and halved >= SMALLEST else [side]


def laplacian_pyramid(images: np.ndarray, levels: int) -> list[np.ndarray]:
    """What each level has beyond the next, and the last one itself. Burt and Adelson 1983.

    images [batch, side, side, channels]; level l has sides of side / 2^l.
    """
    pyramid = [np.asarray(images, np.float32)]
    for _ in range(levels - 1):
        # [side, side], and every other row of it halves: blurs and decimates in one product.
        blur = _blur(pyramid[-1].shape[1])
        coarse = _apply(blur[::2], pyramid[-1])
        # The transpose's way up: zeros between pixels, then the same filter; twice along each axis for those
        # zeros.
        pyramid[-1] = pyramid[-1] - _apply(2 * blur[:, ::2], coarse)
        pyramid.append(coarse)
    return pyramid


def _blur(side: int) -> np.ndarray:
    """The matrix of the filter (1, 4, 6, 4, 1) / 16 over a line mirrored at its ends, [side, side]."""
    # A mirror without repeating the edge, as SciPy's `mirror` of the authors' code.
    lines = np.pad(np.eye(side), ((2, 2), (0, 0)), mode="reflect")
    shifted = [lines[start : start + side] for start in range(5)]
    return np.tensordot(np.array([1, 4, 6, 4, 1]) / 16, shifted, axes=1).astype(np.float32)


def _apply(matrix: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The matrix along the height and the width."""
    return np.einsum("ph,nhwc,qw->npqc", matrix, images, matrix, optimize=True)


def _descriptors(images: np.ndarray, side: int, patches: int, random: np.random.Generator) -> np.ndarray:
    """Normalized patches of the level with that side, [images * patches, channels * 7 * 7]."""
    count, height, _, channels = images.shape
    # of all images at once, so that what is drawn does not depend on the blocks
    corners = random.integers(0, side - PATCH + 1, (2, count, patches))
    level, levels = level_sides(height).index(side), len(level_sides(height))
    found = np.empty((count, patches, channels, PATCH, PATCH), np.float32)
    for start in range(0, count, BLOCK):
        # A level is a difference to the next, where there is one.
        block = laplacian_pyramid(images[start : start + BLOCK], min(level + 2, levels))[level]
        # [n, H - 6, W - 6, C, 7, 7], a view that takes no memory; only the patches that are drawn are copied.
        windows = np.lib.stride_tricks.sliding_window_view(block, (PATCH, PATCH), axis=(1, 2))
        rows, columns = corners[:, start : start + BLOCK]
        found[start : start + BLOCK] = windows[np.arange(len(block))[:, None], rows, columns]
    # [images, patches, C, 7, 7]: per channel over the whole set, not per patch, so that contrasts differ.
    axes = (0, 1, 3, 4)
    # In place, with sums in float64: the patches of 16,384 images in color at one level are 1.2 GB.
    found -= found.mean(axes, np.float64, keepdims=True).astype(np.float32)
    deviation = np.sqrt(np.einsum("npchw,npchw->c", found, found, dtype=np.float64) / (found.size / channels))
    found /= np.where(deviation > 0, deviation, 1).astype(np.float32)[None, None, :, None, None]
    return found.reshape(count * patches, -1)


def distance_along(units: np.ndarray, real: np.ndarray, fake: np.ndarray) -> float:
    """The mean over unit vectors [directions, D] of the Wasserstein-1 distance of projections on them.

    The one sliced distance: others say along what. Rabin et al. 2011. real [n, D], fake [m, D].

    >>> distance_along(np.ones((1, 1)), np.array([[0.0], [2.0]]), np.array([[1.0]]))
    1.0
    """
    total = 0.0
    for start in range(0, len(units), CHUNK):
        # [chunk, n], [chunk, m]: in one dimension sorting is the optimal transport.
        a, b = (units[start : start + CHUNK] @ values.T for values in (real, fake))
        a.sort(axis=1)
        b.sort(axis=1)
        n, m = a.shape[1], b.shape[1]
        if n == m:
            total += np.abs(a - b).sum(dtype=np.float64) / n
            continue
        # Between the steps of both, at multiples of 1 / n and 1 / m, the quantiles stay as they are.
        steps = np.union1d(m * np.arange(1, n + 1), n * np.arange(1, m + 1))
        between = np.abs(a[:, (steps - 1) // m] - b[:, (steps - 1) // n])
        total += np.sum(between @ np.diff(steps, prepend=0)) / (n * m)
    return float(total / len(units))


def unit_vectors(count: int, dimensions: int, random: np.random.Generator) -> np.ndarray:
    """Random directions, [count, dimensions] in float64."""
    normals = random.standard_normal((count, dimensions))
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)
