"""The metrics by name: what each keeps of the examples that it is shown, and how it makes numbers of that."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gaxjax.errors import InputError
from gaxjax.metrics import computing
from gaxjax.metrics.disentanglement import BINS
from gaxjax.metrics.samples import DRAWS, OUTPUTS, PATHS, SPACES, Need, Samples, Value
from gaxjax.metrics.similarity import LEAST_SIDE


@dataclass(frozen=True)
class Metric:
    """How to get from images to numbers."""

    compute: Callable[[Samples], dict[str, Value]]
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
    side: int = 1
    """the shorter side that its images need at least"""
    palette: bool = False
    """whether it takes colors for classes, those of the evaluation's palette"""
    bordered: bool = False
    """whether it leaves out the border that the evaluation names"""

    @property
    def unit(self) -> str:
        """What it is of."""
        return "points" if "points" in self.fake else "images"

    def direction(self, value: str) -> str:
        """Which is better of one of its numbers."""
        return "lower" if value in self.lower else self.better

    def check(self, name: str, shape: tuple[int, ...], fake: int, real: int) -> None:
        """Refuses before anything is trained what would be refused when it is measured."""
        # Examples of one axis are points, of three images.
        if (len(shape) == 1) != (self.unit == "points"):
            others = ", ".join(key for key, metric in METRICS.items() if metric.unit != self.unit)
            raise InputError(f"{name} measures {self.unit}, not examples of shape {shape}: use {others}")
        # Real examples count only where the metric compares with any.
        few = min([fake] + [real] * bool(self.real))
        if few < self.least:
            raise InputError(f"{name} needs at least {self.least:,} {self.unit} of each side; got {few:,}")
        if self.square and (shape[0] != shape[1] or shape[0] < self.square):
            side = f"square, of at least {self.square} pixels a side"
            raise InputError(f"{name} needs images that are {side}; these are {shape[0]} x {shape[1]}")
        if min(shape[:2]) < self.side:
            least = f"sides of at least {self.side} pixels"
            raise InputError(f"{name} needs images with {least}; these are {shape[0]} x {shape[1]}")


METRICS = {
    "fid": Metric(computing.fid, ("fid",), ("moments",), ("moments",)),
    "kid": Metric(
        computing.kid,
        ("kid",),
        ("vectors",),
        ("vectors",),
        spread="standard deviation over subsets",
        options="100 subsets of 1,000",
        least=1000,
    ),
    "prdc": Metric(
        computing.prdc,
        ("precision", "recall", "density", "coverage"),
        ("vectors",),
        ("vectors",),
        better="higher",
        options="5 neighbors",
        least=6,
    ),
    "is": Metric(
        computing.inception_mean,
        ("inception score",),
        ("logits",),
        better="higher",
        spread="standard deviation over splits",
        options="10 splits",
        least=10,
    ),
    "swd": Metric(
        computing.swd, ("swd",), ("images",), ("images",), options="x 1000; 4 x 128 directions", square=16
    ),
    "ms_ssim": Metric(
        computing.ms_ssim,
        ("ms_ssim",),
        ("images",),
        options="10,000 pairs; lower is more varied",
        side=LEAST_SIDE,
    ),
    "class_ms_ssim": Metric(
        computing.class_ms_ssim,
        ("class_ms_ssim", "class_ms_ssim_real"),
        ("images", "labels"),
        ("images", "labels"),
        options="10,000 pairs, as many of each class; 5 scales, windows of at most a scale's shorter side",
        side=LEAST_SIDE,
    ),
    "class_accuracy": Metric(
        computing.class_accuracy,
        ("class_accuracy", "class_accuracy_real"),
        ("classes", "labels"),
        ("classes", "labels"),
        better="higher",
        spread="standard error over images",
        options="images that the classifier reads as the class asked for",
    ),
    "test_accuracy": Metric(
        computing.test_accuracy,
        ("test_accuracy", "misclassified"),
        ("readings",),
        better="higher",
        lower=("misclassified",),
        spread="standard error over images",
        options="by the game's discriminator",
    ),
    "code_error": Metric(
        computing.code_error,
        ("code_error", "classes found"),
        ("readings",),
        better="higher",
        lower=("code_error",),
        spread="standard error over images",
        options="codes matched one to one to classes by these images",
    ),
    "pixel_agreement": Metric(
        computing.average("agreement", "pixel_agreement"),
        ("pixel_agreement",),
        ("agreement",),
        better="higher",
        spread="standard error over pairs",
        options="pixels black or white, from 128 of 256 on",
    ),
    "diversity": Metric(
        computing.average("diversity", "diversity"),
        ("diversity",),
        ("diversity",),
        better="higher",
        spread="standard error over images",
        options=f"mean squared distance between {OUTPUTS} translations of one image",
    ),
    "parzen": Metric(
        computing.log_likelihood,
        ("parzen",),
        ("pixels",),
        ("pixels",),
        validation=True,
        better="higher",
        spread="standard error over images",
        options="nats; sigma of 10 from 0.1 to 1, chosen on the validation split",
    ),
    "modes": Metric(
        computing.count_modes,
        ("modes", "modes kl"),
        ("digits",),
        better="higher",
        lower=("modes kl",),
        options="classes by the classifier of MNIST; KL in nats to the uniform",
    ),
    "points": Metric(
        computing.compare_points,
        ("modes found", "high quality", "sliced distance"),
        ("points",),
        ("points",),
        better="higher",
        lower=("sliced distance",),
        options=f"found: {computing.LEAST} within 3 deviations; "
        "quality: within 3 of any; distance: 32 directions",
    ),
    "ppl": Metric(
        computing.path_lengths,
        PATHS,
        ("paths",),
        spread="standard error over paths",
        options="as many paths, steps of 1e-4, without 1% at either end",
    ),
    "separability": Metric(
        computing.separate_classes,
        SPACES,
        ("spaces",),
        options="a class against the rest, not the 40 attributes of the paper; the surer half of either side",
        least=4,
    ),
    "elbo": Metric(
        computing.lower_bound,
        ("elbo",),
        ("bounds",),
        better="higher",
        spread="standard error over images",
        options=f"nats an image; {DRAWS} draws of the latents",
    ),
    "mig": Metric(
        computing.gap_of_encodings,
        ("mig",),
        ("encodings",),
        better="higher",
        options=f"real images; codes in {BINS} bins each, factors by their values",
    ),
    "l2": Metric(
        computing.error_of_encodings,
        ("l2",),
        ("encodings",),
        spread="standard error over images",
        options="real images; mean norm, factors in [0, 1]",
    ),
    "mig_gen": Metric(
        computing.gap_of_generations,
        ("mig_gen",),
        ("generations",),
        better="higher",
        options=f"codes in {BINS} bins each, factors as read, at the nearest of their values",
    ),
    "l2_gen": Metric(
        computing.error_of_generations,
        ("l2_gen",),
        ("generations",),
        spread="standard error over images",
        options="mean norm, factors in [0, 1], as read",
    ),
    "psnr": Metric(
        computing.compare_pairs("psnr"),
        ("psnr",),
        ("images",),
        ("images",),
        better="higher",
        spread="standard error",
    ),
    "ssim": Metric(
        computing.compare_pairs("ssim"),
        ("ssim",),
        ("images",),
        ("images",),
        better="higher",
        spread="standard error",
    ),
    "pixel_accuracy": Metric(
        computing.pixel_accuracy,
        ("pixel_accuracy", "per_class_accuracy", "class_iou"),
        ("images",),
        ("images",),
        better="higher",
        spread="standard error over images",
        options="pixels' classes by the nearest color; over the pixels of all images",
        palette=True,
    ),
    "psnr_y": Metric(
        computing.compare_luma("psnr"),
        ("psnr_y",),
        ("images",),
        ("images",),
        better="higher",
        spread="standard error over images",
        bordered=True,
    ),
    "ssim_y": Metric(
        computing.compare_luma("ssim"),
        ("ssim_y",),
        ("images",),
        ("images",),
        better="higher",
        spread="standard error over images",
        bordered=True,
    ),
    "perceptual": Metric(
        computing.compare_vectors,
        ("perceptual",),
        ("vectors",),
        ("vectors",),
        spread="standard error over images",
        options="squared distance of pairs",
    ),
}
PAIRED = {"psnr", "ssim", "pixel_accuracy", "psnr_y", "ssim_y", "perceptual"}
"""Metrics of images that belong together, one by one."""


def parse_metrics(text: str) -> dict[str, Metric]:
    """The metrics of a comma-separated list."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in METRICS]
    # None at all too: a command that measures nothing would succeed.
    if unknown or not names:
        what = f"unknown metric {', '.join(map(repr, unknown))}" if unknown else "no metric is named"
        # "accuracy" is resolved before, to those of its two that a game has.
        raise InputError(f"{what}; known: {', '.join(METRICS)}, and accuracy")
    return {name: METRICS[name] for name in names}


def check_metrics(metrics: dict[str, Metric], shape: tuple[int, ...], fake: int, real: int) -> None:
    """Refuses, of all together, what `Metric.check` refuses of any, and says which of them would go."""
    refused: dict[str, str] = {}
    for name, metric in metrics.items():
        try:
            metric.check(name, shape, fake, real)
        except InputError as error:
            refused[name] = str(error)
    if refused:
        fine = ",".join(name for name in metrics if name not in refused)
        hint = [f"the others would go: --metrics {fine}"] if fine else []
        raise InputError("; ".join([*refused.values(), *hint]))


def check_pairs(metrics: dict[str, Metric], fake: int, real: int, known: int) -> None:
    """Refuses metrics of pairs where there are not as many samples as images, of so many that are known."""
    paired = [name for name in metrics if name in PAIRED]
    if paired and fake != real:
        raise InputError(
            f"{', '.join(paired)} compares pairs, and {fake:,} samples have {real:,} partners: set n to as "
            f"many as there are ({known:,}), or n and real to one number"
        )
