"""The metrics by name: what each keeps of the examples that it is shown, and how it makes numbers of that."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from gaxjax.errors import InputError
from gaxjax.metrics import (
    inception_score,
    kernel,
    modes,
    neighbors,
    parzen,
    points,
    separability,
    similarity,
    sliced,
)
from gaxjax.metrics.frechet import Moments, Vectors, frechet_distance
from gaxjax.metrics.path_length import path_length
from gaxjax.metrics.points import Mixture

Need = Literal["moments", "vectors", "logits", "images", "pixels", "digits", "points", "paths", "spaces"]
"""moments and vectors of the chosen features' level, logits of the features; images as uint8 [N, H, W, C];
pixels in [0, 1], [N, D]; digits, the class of each channel [N, C] by the classifier of MNIST; points as they
are, [N, D]. Of the game behind its images: paths, the lengths of steps between latents; spaces, latents and
logits of their images."""
OF_FEATURES = {"moments", "vectors", "logits", "spaces"}
OF_CLASSES = {"logits", "spaces"}
"""Those that are of the features' level "logits"."""
OF_GAME = {"paths", "spaces"}
"""Those that images alone do not give: what is made of latents has to be asked."""
PATHS = ("ppl_z_full", "ppl_z_end", "ppl_w_full", "ppl_w_end")
SPACES = ("separability_z", "separability_w")


@dataclass(frozen=True)
class Gathered:
    """What was kept of a set of images."""

    count: int
    moments: Moments | Vectors | None = None
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    """the other needs, by name"""


class Sides(NamedTuple):
    """What a metric is given."""

    real: Gathered
    fake: Gathered
    validation: Gathered
    """of a split of its own, for what has to be chosen"""
    seed: int
    mixture: Mixture | None = None
    """that the data are, where they are points"""


class Value(NamedTuple):
    """A number, what is known of its error, and how it was come by if that is not always the same."""

    value: float
    error: float | None = None
    how: str = ""


@dataclass(frozen=True)
class Metric:
    """How to get from images to numbers."""

    compute: Callable[[Sides], dict[str, Value]]
    values: tuple[str, ...]
    """the numbers that it gives"""
    fake: tuple[Need, ...]
    """what it keeps of the images that are measured"""
    real: tuple[Need, ...] = ()
    """what it keeps of the images that they are compared with"""
    validation: bool = False
    """whether it keeps the same of a validation set"""
    better: Literal["lower", "higher"] = "lower"
    lower: tuple[str, ...] = ()
    """those of its numbers that are better lower, where it is else higher"""
    spread: str = ""
    """what the error of its numbers is"""
    options: str = ""
    """its own numbers, in words"""
    least: int = 2
    """images that it needs of each side"""
    square: int = 0
    """side that its images need at least, if they have to be square"""

    @property
    def unit(self) -> str:
        """What it is of."""
        return "points" if "points" in self.fake else "images"

    def direction(self, value: str) -> str:
        """Which is better of one of its numbers."""
        return "lower" if value in self.lower else self.better

    def check(self, name: str, shape: tuple[int, ...], fake: int, real: int) -> None:
        """Refuses before anything is trained what would be refused when it is measured."""
        if (len(shape) == 1) != (self.unit == "points"):
            others = ", ".join(key for key, metric in METRICS.items() if metric.unit != self.unit)
            raise InputError(f"{name} measures {self.unit}, not examples of shape {shape}: use {others}")
        few = min([fake] + [real] * bool(self.real))
        if few < self.least:
            raise InputError(f"{name} needs at least {self.least:,} {self.unit} of each side; got {few:,}")
        if self.square and (shape[0] != shape[1] or shape[0] < self.square):
            side = f"square, of at least {self.square} pixels a side"
            raise InputError(f"{name} needs images that are {side}; these are {shape[0]} x {shape[1]}")


def fid(sides: Sides) -> dict[str, Value]:
    assert sides.real.moments and sides.fake.moments
    return {"fid": Value(frechet_distance(sides.real.moments, sides.fake.moments))}


def kid(sides: Sides) -> dict[str, Value]:
    found = kernel.kernel_distance(sides.real.arrays["vectors"], sides.fake.arrays["vectors"], 100, 1000)
    return {"kid": Value(found.mean, found.standard_deviation)}


def prdc(sides: Sides) -> dict[str, Value]:
    found = neighbors.neighbors(sides.real.arrays["vectors"], sides.fake.arrays["vectors"], 5)
    return {name: Value(value) for name, value in found._asdict().items()}


def inception(sides: Sides) -> dict[str, Value]:
    found = inception_score.inception_score(sides.fake.arrays["logits"], 10)
    return {"inception score": Value(found.mean, found.standard_deviation)}


def swd(sides: Sides) -> dict[str, Value]:
    real, fake = sides.real.arrays["images"], sides.fake.arrays["images"]
    n = min(len(real), len(fake))
    found = sliced.sliced_wasserstein(real[:n], fake[:n], sides.seed)
    by_side = ", ".join(f"{side} px {value:.4g}" for side, value in found.items())
    return {"swd": Value(float(np.mean(list(found.values()))), None, f"mean of {by_side}")}


def ms_ssim(sides: Sides) -> dict[str, Value]:
    return {"ms_ssim": Value(similarity.diversity(sides.fake.arrays["images"], 10_000, sides.seed))}


def log_likelihood(sides: Sides) -> dict[str, Value]:
    test, validation, fake = (s.arrays["pixels"] for s in (sides.real, sides.validation, sides.fake))
    found = parzen.parzen(test, validation, fake)
    return {"parzen": Value(found.mean, found.standard_error, f"sigma {found.sigma:.3f}")}


def stacked(sides: Sides) -> dict[str, Value]:
    digits = sides.fake.arrays["digits"]
    found = modes.modes(
        modes.stacked_labels(digits) if digits.shape[1] == 3 else digits[:, 0], 10 ** digits.shape[1]
    )
    return {"modes": Value(found.found), "modes kl": Value(found.kl)}


def mixture(sides: Sides) -> dict[str, Value]:
    real, fake = sides.real.arrays["points"], sides.fake.arrays["points"]
    assert sides.mixture
    found = points.modes_found(fake, sides.mixture, LEAST)
    halves = points.sliced_distance(real[0::2], real[1::2])
    return {
        "modes found": Value(found.modes),
        "high quality": Value(found.high_quality),
        "sliced distance": Value(
            points.sliced_distance(real, fake), None, f"{halves:.3g} between halves of the real points"
        ),
    }


def paths(sides: Sides) -> dict[str, Value]:
    found = {name: path_length(sides.fake.arrays[name]) for name in PATHS if name in sides.fake.arrays}
    return {name: Value(mean, standard_error) for name, (mean, standard_error) in found.items()}


def separable(sides: Sides) -> dict[str, Value]:
    logits = separability.against_rest(sides.fake.arrays["classes"])
    found = {}
    for name in SPACES:
        space = name.removeprefix("separability_")
        if space in sides.fake.arrays:
            score, entropies = separability.separability(sides.fake.arrays[space], logits, either=True)
            how = ", ".join(f"{entropy:.3f}" for entropy in entropies)
            found[name] = Value(score, None, f"entropies {how}")
    return found


def pairs(name: str) -> Callable[[Sides], dict[str, Value]]:
    def compute(sides: Sides) -> dict[str, Value]:
        real, fake = sides.real.arrays["images"], sides.fake.arrays["images"]
        if real.shape != fake.shape:
            raise InputError(f"{name} compares pairs; got images of shapes {real.shape} and {fake.shape}")
        each = getattr(similarity, name)(fake, real, 255.0)
        return {name: Value(float(np.mean(each)), float(np.std(each) / np.sqrt(len(each))))}

    return compute


LEAST = 20
"""Samples near a mode of a mixture that make it a found one."""
METRICS = {
    "fid": Metric(fid, ("fid",), ("moments",), ("moments",)),
    "kid": Metric(
        kid,
        ("kid",),
        ("vectors",),
        ("vectors",),
        spread="standard deviation over subsets",
        options="100 subsets of 1,000",
        least=1000,
    ),
    "prdc": Metric(
        prdc,
        ("precision", "recall", "density", "coverage"),
        ("vectors",),
        ("vectors",),
        better="higher",
        options="5 neighbors",
        least=6,
    ),
    "is": Metric(
        inception,
        ("inception score",),
        ("logits",),
        better="higher",
        spread="standard deviation over splits",
        options="10 splits",
        least=10,
    ),
    "swd": Metric(swd, ("swd",), ("images",), ("images",), options="x 1000; 4 x 128 directions", square=16),
    "ms_ssim": Metric(ms_ssim, ("ms_ssim",), ("images",), options="10,000 pairs; lower is more varied"),
    "parzen": Metric(
        log_likelihood,
        ("parzen",),
        ("pixels",),
        ("pixels",),
        validation=True,
        better="higher",
        spread="standard error over images",
        options="nats; sigma of 10 from 0.1 to 1, chosen on the validation split",
    ),
    "modes": Metric(
        stacked,
        ("modes", "modes kl"),
        ("digits",),
        better="higher",
        lower=("modes kl",),
        options="classes by the classifier of MNIST; KL in nats to the uniform",
    ),
    "points": Metric(
        mixture,
        ("modes found", "high quality", "sliced distance"),
        ("points",),
        ("points",),
        better="higher",
        lower=("sliced distance",),
        options=f"found: {LEAST} within 3 deviations; quality: within 3 of any; distance: 32 directions",
    ),
    "ppl": Metric(
        paths,
        PATHS,
        ("paths",),
        spread="standard error over paths",
        options="as many paths, steps of 1e-4, without 1% at either end",
    ),
    "separability": Metric(
        separable,
        SPACES,
        ("spaces",),
        options="a class against the rest, not the 40 attributes of the paper; the surer half of either side",
        least=4,
    ),
    "psnr": Metric(
        pairs("psnr"), ("psnr",), ("images",), ("images",), better="higher", spread="standard error"
    ),
    "ssim": Metric(
        pairs("ssim"), ("ssim",), ("images",), ("images",), better="higher", spread="standard error"
    ),
}
PAIRED = {"psnr", "ssim"}
"""Metrics of images that belong together, one by one."""


def chosen(text: str) -> dict[str, Metric]:
    """The metrics of a comma-separated list."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in METRICS]
    if unknown or not names:
        what = f"unknown metric {', '.join(map(repr, unknown))}" if unknown else "no metric is named"
        raise InputError(f"{what}; known: {', '.join(METRICS)}")
    return {name: METRICS[name] for name in names}
