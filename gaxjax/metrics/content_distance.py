"""The average content distance of clips: how far what should stay the same moves from frame to frame."""

import numpy as np
from jaxtyping import Float

from gaxjax.errors import InputError
from gaxjax.metrics.checking import Values, check_finite


def content_distance(colors: Float[Values, "clips frames channels"]) -> Float[np.ndarray, " clips"]:
    """The mean L2 distance between what two frames of a clip are, over all pairs of its frames.

    Tulyakov et al. 2018, section 5, for shapes that move: a frame is its mean color, which a shape that
    keeps its color and size does not change.

    >>> content_distance(np.array([[[0.0], [2.0], [0.0]]]))  # pairs: 2, 0 and 2
    array([1.33333333])
    """
    shape = np.shape(colors)
    if len(shape) != 3 or shape[1] < 2:
        raise InputError(
            f"colors must have shape [clips, frames, channels], of 2 frames or more; got {shape}"
        )
    check_finite(colors=colors)
    # Means come in float32; what is added up of them, over all pairs, is in float64.
    values = np.asarray(colors, np.float64)
    frames = shape[1]
    # Pairs so many frames apart at a time: all pairs of all clips at once would be frames times the colors.
    apart = (np.linalg.norm(values[:, d:] - values[:, :-d], axis=2).sum(axis=1) for d in range(1, frames))
    total: np.ndarray = sum(apart, np.zeros(shape[0]))
    return total / (frames * (frames - 1) / 2)
