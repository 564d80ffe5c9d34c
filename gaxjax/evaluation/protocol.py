"""Which numbers may be compared: the options that each depends on, and the best of those with the same."""

from collections.abc import Sequence

import numpy as np

from gaxjax.metrics.metric import Metric
from gaxjax.metrics.result import Result
from gaxjax.metrics.samples import OF_REAL
from gaxjax.recipe.evaluation import Evaluation


def describe_options(metric: Metric, evaluation: Evaluation) -> str:
    """What a metric's number depends on beside features, data and how many there are, in words."""
    e, asked_of_samples = evaluation, not OF_REAL & set(metric.fake)
    # Options are part of the protocol: numbers with different ones are never put into one column.
    options = {
        metric.options: True,
        f"validation {e.validation}": metric.validation,
        f"palette {e.palette}": metric.palette,
        f"without {e.border} pixels at each border": metric.bordered,
        f"{e.output!r} against {e.reference!r}": bool(e.output),
        f"translated back by {e.back}": bool(e.back),
        f"crop {e.crop}": e.crop != "none" and "paths" in metric.fake,
        "samples of all classes alike": e.balanced and asked_of_samples,
    }
    return "; ".join(option for option, counts in options.items() if option and counts)


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
