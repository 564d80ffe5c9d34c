"""The features that an evaluation's metrics compare images by."""

from collections.abc import Mapping, Set
from dataclasses import replace
from typing import NamedTuple

from gaxjax import features as all_features
from gaxjax.data import Data
from gaxjax.errors import InputError
from gaxjax.features import Features
from gaxjax.features.factor_encoder import factor_encoder
from gaxjax.features.label_classifier import NAME as OF_DATA
from gaxjax.features.label_classifier import label_classifier
from gaxjax.files.places import disk_path
from gaxjax.metrics.frechet import bytes_needed
from gaxjax.metrics.metric import UNITS, Metric
from gaxjax.metrics.samples import OF_CLASSES, OF_FEATURES
from gaxjax.parallel.memory import total_memory
from gaxjax.recipe.evaluation import Evaluation


class Extractors(NamedTuple):
    """Each where some metric needs it."""

    features: Features | None
    """that the evaluation names"""
    level: str
    """of these"""
    classifier: Features | None
    """of digits"""
    distance: Features | None
    """whose squared distance paths and translations are measured by"""
    encoder: Features | None = None
    """of the data's factors"""

    def features_for(self, metric: Metric) -> tuple[Features | None, str]:
        """The features that a metric compares images by, and their level."""
        # What a metric is reported with is what it used, not what was loaded: FID in the same evaluation as
        # the modes of stacked MNIST does not name that classifier.
        if OF_FEATURES & {*metric.fake, *metric.real}:
            return self.features, "logits" if OF_CLASSES & set(metric.fake) else self.level
        if {"paths", "diversity"} & set(metric.fake) and self.distance:
            return self.distance, self.distance.level
        if "generations" in metric.fake and self.encoder:
            return self.encoder, self.encoder.level
        return self.classifier if "digits" in metric.fake else None, ""

    def check_features(self, needs: Set[str], shape: tuple[int, ...], n: int, real: int) -> None:
        """InputError, before any is extracted, for features that images of this shape lack.

        And where those of so many do not fit into memory.
        """
        # Only a function of one's own has logits or not; of other features it is known by their levels.
        if self.features and needs & OF_CLASSES and not self.features.levels["logits"]:
            self.features.size(shape, "logits")
        if self.features is None or not needs & {"moments", "vectors"}:
            return
        size = self.features.size(shape, self.level)
        # Float64 vectors of both sides are what KID, precision and recall are computed from.
        needed = bytes_needed(size, n, real) if "moments" in needs else 0
        if "vectors" in needs:
            needed = max(needed, 8 * size * (n + real))
        if needed > (there := total_memory()):
            raise InputError(
                f"{self.features.name} has {size:,} features of an image, and those of {n:,} images and of "
                f"{real:,} real ones take {needed / 2**30:,.0f} GiB, where this machine has "
                f"{there / 2**30:,.0f}: take fewer (--n, --real), smaller images, or other --features"
            )


def refuse_features_of_images(metrics: Mapping[str, Metric], features: str, shape: tuple[int, ...]) -> None:
    """InputError for them where examples are clips, before any network is loaded."""
    names = [name for name, metric in metrics.items() if OF_FEATURES & {*metric.fake, *metric.real}]
    if UNITS[len(shape)] == "clips" and names and features.strip() != "pixels" and ".py:" not in features:
        raise InputError(
            f"{', '.join(names)}: features={features!r} are of images, and examples of shape {shape} are "
            "clips: give FILE.py:function, clips [B, T, H, W, C] in [-1, 1] -> [B, D], or pixels"
        )


def load_extractors(evaluation: Evaluation, needs: Set[str], data: Data, split: str) -> Extractors:
    """What the needs ask for; InputError where it cannot be had.

    data: of the run that is measured, of which it trains on `split`, as a classifier of them does.
    """
    features, level, e, directory = None, "", evaluation, data.directory
    if needs & {"spaces", "classes"} and not e.features.strip().startswith("classifier"):
        what = "separability" if "spaces" in needs else "class_accuracy"
        raise InputError(
            f"{what} is of a classifier's classes, and features={e.features!r} is none: "
            f"give classifier(mnist), classifier(fashion_mnist), classifier(digits) or {OF_DATA}"
        )
    weights = None
    if needs & OF_FEATURES or "diversity" in needs:
        # ~ is expanded here: a recipe's text never passes through a shell.
        weights = disk_path(e.weights, "weights are").expanduser() if e.weights else None
    if needs & OF_FEATURES:
        if (name := e.features.strip()) == OF_DATA:
            features = label_classifier(replace(data, split=split))
        elif name.startswith("lpips"):
            features = all_features.load_distance(name, e.lpips_network, e.lpips_linear)
        else:
            features = all_features.load_features(e.features, weights, directory)
        level = e.level or features.level
        features.check([level, *(["logits"] if needs & OF_CLASSES else [])])
    # Always MNIST's: digits are a need of stacked MNIST alone, whatever features the evaluation names.
    classifier = (
        all_features.load_features("classifier(mnist)", None, directory) if "digits" in needs else None
    )
    files = e.lpips_network, e.lpips_linear
    distance = None
    if "diversity" in needs and "paths" not in needs and e.distance.strip().startswith("inception"):
        # Which sees no step of a path, and any two translations that are seen to differ.
        distance = all_features.load_features(e.distance, weights, directory)
    elif needs & {"paths", "diversity"}:
        distance = all_features.load_distance(e.distance, *files, directory)
    encoder = factor_encoder(data) if "generations" in needs else None
    return Extractors(features, level, classifier, distance, encoder)
