"""What the functions of this package refuse, in the name of the argument that came."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from gaxjax.errors import InputError

Values = Array | np.ndarray


def check_features(**features: Values) -> None:
    """Refuses anything but [examples, features] of one width, with at least one of each."""
    _check_rank(2, "[examples, features]", features)
    if len({np.shape(value)[1] for value in features.values()}) > 1:
        raise InputError(f"both must have the same number of features; got {_shapes(features)}")


def check_images(**images: Values) -> None:
    """Refuses anything but [batch, height, width, channels] of one shape."""
    _check_rank(4, "[batch, height, width, channels]", images)
    if len({np.shape(value) for value in images.values()}) > 1:
        raise InputError(f"both must have the same shape; got {_shapes(images)}")


def check_finite(**values: Values) -> None:
    """Refuses NaN and infinity, which would turn the whole result into NaN."""
    for name, value in values.items():
        # Where the array is: one bool comes from the device, and not the array.
        if not bool(jnp.isfinite(value).all() if isinstance(value, Array) else np.isfinite(value).all()):
            raise InputError(f"{name} has values that are not finite: find where they come from")


def check_pixels(**images: Values) -> None:
    """Refuses images that are not in [0, 255]; those of generators, in [-1, 1], are the ones that come."""
    for name, value in images.items():
        check_finite(**{name: value})
        low, high = float(value.min()), float(value.max())
        # Those of a generator would pass for nearly black images, and give a number without a word.
        if low < 0 or high > 255:
            raise InputError(
                f"{name} must be images in [0, 255]; got values from {low:.4g} to {high:.4g}: "
                "(x + 1) * 127.5 maps [-1, 1] there"
            )


def _check_rank(rank: int, axes: str, values: dict[str, Values]) -> None:
    for name, value in values.items():
        shape = np.shape(value)
        if len(shape) != rank or 0 in shape:
            raise InputError(f"{name} must have shape {axes}, none of them 0; got {shape}: reshape it")


def _shapes(values: dict[str, Values]) -> str:
    return " and ".join(f"{name} {np.shape(value)}" for name, value in values.items())
