"""What numbers are of, and which may be compared: data, options, and the best of those with the same."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gaxjax.data import Data
from gaxjax.data.config import as_stored, with_all_labels
from gaxjax.errors import InputError
from gaxjax.metrics.metric import UNITS, Metric
from gaxjax.metrics.result import Result
from gaxjax.metrics.samples import OF_REAL
from gaxjax.recipe.evaluation import Evaluation


def measured_data(evaluation: Evaluation, data: Data, pairs: bool) -> Data:
    """The examples that a run on `data` is measured by; pairs: whether they are compared one by one."""
    # Labels are withheld from training alone: what is measured may ask about any of them.
    stored = with_all_labels(as_stored(data))
    return replace(
        stored,
        shape=evaluation.shape or data.shape,
        split=evaluation.split or data.split,
        # What training has shuffled apart may belong together, and has to where pairs are compared.
        paired=data.paired or pairs,
    )


def check_count(data: Data, count: int) -> None:
    """InputError for data of so few examples that nothing can be measured of them."""
    if count < 2:
        unit, place = UNITS[len(data.shape)], data.directory or data.name
        raise InputError(
            f"{place} has {count} of the 2 {unit} or more that numbers are of: add some, or measure on "
            "another split (--split, or of a recipe --evaluation.split)"
        )


def describe_options(metric: Metric, evaluation: Evaluation) -> str:
    """What a metric's number depends on beside features, data and how many there are, in words."""
    e, is_of_samples = evaluation, not OF_REAL & set(metric.fake)
    # A game of levels names the finest of its images, one of streams its clips: these are compared with the
    # data's like any others.
    is_whole = e.reference == "image" or e.output == e.reference == "video"
    of_pairs = bool(e.output) and not is_whole
    # Options are part of the protocol: numbers with different ones are never put into one column.
    options = {
        metric.options: True,
        f"validation {e.validation}": metric.validation,
        f"palette {e.palette}": metric.palette,
        f"without {e.border} pixels at each border": metric.bordered,
        f"{e.output!r} against {e.reference!r}": of_pairs,
        f"translated back by {e.back}": bool(e.back),
        f"crop {e.crop}": e.crop != "none" and "paths" in metric.fake,
        "samples of all classes alike": e.balanced and is_of_samples,
    }
    return "; ".join(option for option, is_meant in options.items() if option and is_meant)


def is_best(name: str, better: str, results: Sequence[Result], before: Sequence[Result]) -> bool:
    """Whether a checkpoint's number, by which the best is chosen, is better than all like it before.

    better: "lower" or "higher".
    """
    now = [result for result in results if result.metric == name]
    # Of another protocol (fewer samples, other features) a lower number would not be a better one.
    like = [r for r in before if r.protocol == now[0].protocol]
    # A checkpoint has one number for each seed; checkpoints are compared by the mean of these.
    earlier = [[r.value for r in like if r.checkpoint == at] for at in {r.checkpoint for r in like}]
    sign = 1 if better == "higher" else -1
    reached = sign * np.mean([result.value for result in now])  # of all seeds
    # On a tie the earlier checkpoint stays the best; nan, of a run that diverged, never is.
    return bool(np.isfinite(reached)) and not any(sign * np.mean(x) >= reached for x in earlier)
