"""The metric "accuracy": which of two a game can be measured by, and with which classifier and images."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gaxjax.data import Data
from gaxjax.data.named import base_name
from gaxjax.errors import InputError
from gaxjax.features.classifier import EPOCHS
from gaxjax.features.label_classifier import NAME as OF_DATA
from gaxjax.game import GAN
from gaxjax.metrics.metric import Metric
from gaxjax.parallel import tell
from gaxjax.recipe.evaluation import Evaluation

NAME = "accuracy"


def resolve_accuracy(evaluation: Evaluation, gan: GAN, data: Data, spec: Any) -> Evaluation:
    """The evaluation with class_accuracy and test_accuracy, as far as the game has them, for "accuracy".

    Of samples, where the game is told a class, by the classifier of the data's own set unless `features` is
    another; of the game itself, where it has `classify`. Both are of the split "test" unless one is named.
    spec: shapes of examples. InputError for a game that has neither.
    """
    names = [name.strip() for name in evaluation.metrics.split(",")]
    if NAME not in names:
        return evaluation
    has = {"class_accuracy": is_told_labels(gan, spec), "test_accuracy": hasattr(gan, "classify")}
    found = [name for name, there in has.items() if there]
    if not found:
        raise InputError(
            f"accuracy is of samples of a class, or of a game that classifies, and {type(gan).__name__} is "
            "told no class and has no method classify(images)"
        )
    others = [name for name in names if name != NAME]
    # One split serves all metrics: chosen here, it would be another one for those that were asked for beside.
    if others and not evaluation.split:
        raise InputError(
            f"accuracy is of test images, and {', '.join(others)} of what the run trains on: give split=test "
            "(--split test) for all, or measure accuracy by itself"
        )
    # Inception, which is the default of features, has no digit among its classes.
    features = evaluation.features
    if "class_accuracy" in found and not features.strip().startswith("classifier"):
        features = classifier_of(data)
    if not evaluation.split:
        tell("accuracy is of the split test, unless another is named: --split")
    # In the place where "accuracy" stood, each once.
    metrics = ",".join(dict.fromkeys(each for n in names for each in (found if n == NAME else [n])))
    return replace(evaluation, metrics=metrics, features=features, split=evaluation.split or "test")


def classifier_of(data: Data) -> str:
    """The features that are a classifier of the data's set; InputError where there is none."""
    if data.name == "folder":
        return OF_DATA
    name = base_name(data.name)
    if name not in EPOCHS:
        known = " or ".join(f"classifier({name})" for name in EPOCHS)
        raise InputError(
            f"there is no classifier of {name}: give features={known}, if one can read its images, or "
            f"{OF_DATA}, which is trained on them"
        )
    return f"classifier({name})"


def is_told_labels(gan: GAN, batch: Any) -> bool:
    """Whether a game's samples are made of the labels of a batch; shapes will do."""
    try:
        condition = gan.condition_of(batch)
    except InputError:  # of data without labels
        return False
    # The very array: a condition that is made of labels and more is not the class alone.
    return "label" in batch and condition is batch["label"]


def refuse_classes(metrics: Mapping[str, Metric], balanced: bool, data: str) -> None:
    """InputError for metrics of classes, or samples balanced over them, of data without labels."""
    names = [name for name, m in metrics.items() if {"labels", "readings"} & {*m.fake, *m.real}]
    if names or balanced:
        what = ", ".join(names) or "balanced"
        raise InputError(f"{what} is about classes, and the data, {data}, have no labels")
