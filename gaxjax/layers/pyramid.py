"""Laplacian pyramids of images of any sizes. Burt and Adelson 1983; Denton et al. 2015, section 2.2.

    levels = build(images, [(8, 8), (14, 14), (28, 28)])    # coarse to fine: I_2, h_1, h_0
    images = reconstruct(levels)

Level k is what the image of its size has beyond the next coarser one: h_k = I_k - u(I_{k+1}). A size need not
be half of another, so that 28 goes by way of 14 to 8.
"""

from collections.abc import Sequence

import jax
from jax import Array

from gaxjax.errors import InputError
from gaxjax.layers.convolution_cpu import PerAxis, size_of

Size = tuple[int, int]
"""Height and width."""


def down(x: Array, size: PerAxis) -> Array:
    """d: blurred and subsampled, [B, H, W, C] -> [B, *size, C]; the size is no larger along either axis.

    By a triangle as wide as the step between its outputs: the taps (1, 3, 3, 1) where that is 2.
    """
    check_size(x, size, down=True)
    # Weights that a border cuts off are shared among the rest: flat images stay flat.
    return jax.image.resize(x, (len(x), *size, x.shape[-1]), "linear", antialias=True)


def up(x: Array, size: PerAxis) -> Array:
    """u: enlarged by linear interpolation, [B, H, W, C] -> [B, *size, C]; no smaller along either axis."""
    check_size(x, size, down=False)
    return jax.image.resize(x, (len(x), *size, x.shape[-1]), "linear", antialias=False)


def reduce_images(images: Array, sizes: Sequence[Size]) -> tuple[Array, ...]:
    """I_k: images [B, H, W, C] at each size, coarse to fine, each made of the next finer one.

    The last size is the images' own.
    """
    if not sizes or tuple(sizes[-1]) != size_of(images):
        raise InputError(
            f"sizes go from coarse to fine and end with that of the images, {size_of(images)}; got "
            f"{[tuple(size) for size in sizes]}"
        )
    # By way of every size: a level's residual is then what the next one alone has lost.
    levels = [images]
    for size in reversed(sizes[:-1]):
        levels.insert(0, down(levels[0], size))
    return tuple(levels)


def build(images: Array, sizes: Sequence[Size]) -> tuple[Array, ...]:
    """The pyramid, coarse to fine: the coarsest image, and residuals h_k = I_k - u(I_{k+1})."""
    coarsest, *finer = levels = reduce_images(images, sizes)
    residuals = [x - up(coarse, size_of(x)) for coarse, x in zip(levels, finer, strict=False)]
    return (coarsest, *residuals)


def reconstruct(levels: Sequence[Array]) -> Array:
    """Images [B, H, W, C] of a pyramid, coarse to fine: I_k = u(I_{k+1}) + h_k."""
    # The same additions as in `build`, so that nothing is lost but rounding.
    image, *residuals = levels
    for residual in residuals:
        image = up(image, size_of(residual)) + residual
    return image


def check_size(x: Array, size: PerAxis, down: bool) -> None:
    """Refuses what is no image, and a size on the wrong side of its own."""
    if x.ndim != 4:
        raise InputError(f"a pyramid is of images [B, H, W, C]; got shape {x.shape}")
    if any(new > old if down else new < old for new, old in zip(size, size_of(x), strict=True)):
        verb = "down" if down else "up"
        raise InputError(f"images of {x.shape[1]} x {x.shape[2]} pixels do not go {verb} to {size}")
