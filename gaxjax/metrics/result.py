"""A measured number, which carries the protocol that it was measured by."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from gaxjax.errors import InputError
from gaxjax.files import with_null

INCEPTION, LPIPS = "inception-2015-12-05", "lpips-vgg"
TITLES = {
    "fid": "FID",
    "kid": "KID",
    "inception score": "IS",
    "acd": "ACD",
    "acd_real": "ACD of real clips",
    "ms_ssim": "MS-SSIM",
    "class_accuracy": "class accuracy",
    "class_accuracy_real": "class accuracy of real images",
    "test_accuracy": "test accuracy",
    "class_ms_ssim": "MS-SSIM within classes",
    "class_ms_ssim_real": "MS-SSIM within classes of real images",
    "pixel_agreement": "pixel agreement",
    "elbo": "ELBO",
    "psnr": "PSNR",
    "pixel_accuracy": "pixel accuracy",
    "per_class_accuracy": "per-class accuracy",
    "class_iou": "class IoU",
    "psnr_y": "PSNR-Y",
    "ssim_y": "SSIM-Y",
    "perceptual": "perceptual distance",
    "ppl_z_full": "PPL-z-full",
    "ppl_z_end": "PPL-z-end",
    "ppl_w_full": "PPL-w-full",
    "ppl_w_end": "PPL-w-end",
    "separability_z": "separability-z",
    "separability_w": "separability-w",
    "mig": "MIG",
    "l2": "L2",
    "mig_gen": "MIG-gen",
    "l2_gen": "L2-gen",
}
PUBLISHED = {
    "fid": (INCEPTION, "2048"),
    "kid": (INCEPTION, "2048"),
    "inception score": (INCEPTION, "logits"),
    **{metric: (LPIPS, "lpips") for metric in TITLES if metric.startswith(("ppl", "perceptual"))},
    **{metric: ("classifiers of CelebA", "") for metric in TITLES if metric.startswith("separability")},
}
"""The features, and their level, with which a metric has its plain name. There are none of CelebA here."""
OUTSIDE = {"value", "error", "details", "seed", "trained", "checkpoint", "source", "version"}
"""Fields in which numbers of one column may differ."""


@dataclass(frozen=True)
class Result:
    """A number, how it was measured, and what of."""

    metric: str
    """as `gaxjax evaluate` knows it"""
    value: float
    error: float | None = None
    """what `spread` says; None where the metric has none"""
    spread: str = ""
    """what `error` is, such as "standard deviation of 10 splits" """
    features: str = ""
    """the function that makes vectors of images; "" where the metric takes images"""
    weights: str = ""
    """of the features: the beginning of their SHA-256"""
    level: str = ""
    """of the features"""
    resize: str = ""
    """how images became the features' input"""
    real: int = 0
    """images that were compared with; 0: the metric compares with none"""
    fake: int = 0
    """images that were measured"""
    unit: str = "images"
    """what these are: images, clips, or points"""
    data: str = ""
    """what they were compared with"""
    split: str = ""
    """the part of it"""
    options: str = ""
    """the metric's own numbers"""
    sampling: str = ""
    """options that samples were drawn with; "": the game's own"""
    details: str = ""
    """what was found on the way to the value: a sigma, the value of each level"""
    seed: int = 0
    """of the samples"""
    trained: int | None = None
    """seed of the run"""
    checkpoint: int | None = None
    """real images that the run had seen"""
    source: str = ""
    """the run, or the folder, that was measured"""
    version: str = ""
    """of gaxjax"""

    @property
    def name(self) -> str:
        """The metric's name; one of its own wherever the features are not those that it is published with.

        >>> Result("fid", 3.2, features="inception-2015-12-05", level="768").name
        'FID-768'
        """
        title = TITLES.get(self.metric, self.metric)
        if not self.features or self.metric not in PUBLISHED:
            return title
        features, level = PUBLISHED[self.metric]
        # "FID-classifier-mnist": a number that is not comparable to the published ones does not bear their
        # name.
        if self.features != features:
            return f"{title}-{self.features}"
        return title if self.level == level else f"{title}-{self.level}"

    @property
    def protocol(self) -> dict[str, Any]:
        """All that numbers must share to be compared."""
        # Everything but what may differ: a field that is added later is compared unless someone says
        # otherwise.
        return {"name": self.name, **{k: v for k, v in asdict(self).items() if k not in OUTSIDE}}

    def __str__(self) -> str:
        error = "" if self.error is None else f" ± {self.error:.4g}"
        return f"{self.name} {self.value:.6g}{error}  ({self.description})"

    @property
    def description(self) -> str:
        """The protocol in words."""
        weights = f" (weights {self.weights})" if self.weights else ""
        level = f", level {self.level}" if self.level and self.level != self.features else ""
        split = f", split {self.split}" if self.split else ""
        # Where nothing is compared, and data are named all the same, it is these that are measured.
        against = f" against {self.real:,}" if self.real else ""
        against += f" of {self.data}{split}" if self.data else ""
        drawn = f" drawn with {self.sampling}" if self.sampling else ""
        parts = [
            self.details,
            f"± {self.spread}" if self.spread and self.error is not None else "",
            f"{self.features}{weights}{level}, resized: {self.resize}" if self.features else "",
            f"{self.fake:,} {self.unit}{drawn}{against}",
            self.options,
        ]
        return "; ".join(part for part in parts if part)


def check_comparable(results: Sequence[Result]) -> None:
    """InputError, naming what differs, unless all were measured in the same way."""
    for other in results[1:]:
        first, second = results[0].protocol, other.protocol
        differing = [f"{k}: {first[k]!r} and {second[k]!r}" for k in first if first[k] != second[k]]
        if differing:
            both = " and ".join(f"{r.name} of {r.source or 'images'}" for r in (results[0], other))
            raise InputError(f"{both} cannot be compared, they differ in {'; '.join(differing)}")


def summarize(results: Sequence[Result]) -> tuple[float, float, int]:
    """Mean and standard deviation over runs (n - 1; nan for one run), and their number.

    Raises InputError for results that were measured in different ways.
    """
    check_comparable(results)
    values = [result.value for result in results]
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, math.nan, len(values)
    return mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)), len(values)


def as_row(result: Result) -> dict[str, Any]:
    """As strict JSON: what is not finite is null."""
    return with_null(asdict(result))


def from_row(row: dict[str, Any]) -> Result:
    """The inverse of `as_row`; what later versions may add is left out."""
    known = {field.name for field in fields(Result)}
    # Fields that a row lacks, of earlier versions, have their defaults.
    values = {name: value for name, value in row.items() if name in known}
    return Result(**{**values, "value": math.nan if row["value"] is None else row["value"]})
