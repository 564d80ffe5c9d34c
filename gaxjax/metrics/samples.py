"""What a metric is given of images or points: the kinds of statistics that are kept of each set of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from gaxjax.metrics.frechet import Moments, Vectors
from gaxjax.metrics.points import Mixture

Need = Literal[
    "moments",
    "vectors",
    "logits",
    "classes",
    "images",
    "pixels",
    "digits",
    "labels",
    "points",
    "frame_colors",
    "paths",
    "spaces",
    "agreement",
    "diversity",
    "readings",
    "bounds",
    "encodings",
    "generations",
]
"""moments and vectors of the chosen features' level, logits of the features; classes, the likeliest by a
classifier's logits, [N]; images as uint8 [N, H, W, C]; pixels in [0, 1], [N, D]; digits, the class of each
channel [N, C] by the classifier of MNIST; labels, the classes that images are of, [N]; points as they are,
[N, D]; frame_colors, the mean color of each frame of clips, 0 to 255, [N, T, C]. Of the game behind its
images: paths, the lengths of steps between latents; spaces, latents and logits of their images; agreement,
the share of each generated pair's pixels that agree, [N]; diversity, the mean distance between two
translations of each real image, [N]; readings, what the game itself takes real images for, and their labels,
[N, 2]; bounds, both terms of the lower bound of real images; encodings, factors of real images and what the
game reads of them; generations, factors that latents ask for and what an encoder that was trained on real
ones reads of their images."""
OF_FEATURES = {"moments", "vectors", "logits", "classes", "spaces"}
OF_CLASSES = {"logits", "classes", "spaces"}
"""Those that are of the features' level "logits"."""
OF_CLIPS = {"moments", "vectors", "logits", "frame_colors"}
"""Those that clips have as well as, or in place of, images: by features of clips, not of images."""
OF_LATENTS, OF_FACTORS = {"paths", "spaces"}, {"encodings", "generations"}
"""Those that a game is asked of points of its spaces, and of factors of the data."""
OF_REAL = {"readings", "bounds", "diversity", *OF_FACTORS}
"""Those that it is asked of the images of a split, each once."""
OF_GAME = OF_LATENTS | OF_REAL | {"agreement"}
"""Those that images alone do not give: what is made of latents, and of pairs, has to be asked."""
PATHS = ("ppl_z_full", "ppl_z_end", "ppl_w_full", "ppl_w_end")
DRAWS = 10
"""Of the latents of each image, over which a lower bound's error is averaged."""
OUTPUTS = 10
"""Translations of each image, whose distances are diversity."""
BOUNDS = ("bound error", "bound kl")
SPACES = ("separability_z", "separability_w")


@dataclass(frozen=True)
class Statistics:
    """What was kept of a set of images."""

    count: int
    moments: Moments | Vectors | None = None
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    """the other needs, by name"""


class Samples(NamedTuple):
    """What a metric is given."""

    real: Statistics
    fake: Statistics
    validation: Statistics
    """of a split of its own, for what has to be chosen"""
    seed: int
    mixture: Mixture | None = None
    """that the data are, where they are points"""
    factor_names: Sequence[str] = ()
    """of the data, where they have any"""
    factor_sizes: Sequence[int] = ()
    """how many values each has"""
    palette: np.ndarray | None = None
    """colors of the classes of pixels, [K, 3] uint8, where a metric has such"""
    border: int = 0
    """pixels at each side of images that metrics of luma leave out"""


class Value(NamedTuple):
    """A number, what is known of its error, and how it was come by if that is not always the same."""

    value: float
    error: float | None = None
    details: str = ""
