"""Which metrics a list of names means, and which of them examples of a shape and a number have."""

from gaxjax.errors import InputError
from gaxjax.metrics.catalog import METRICS, PAIRED
from gaxjax.metrics.metric import UNITS, Metric


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


def check_metric(name: str, metric: Metric, shape: tuple[int, ...], fake: int, real: int) -> None:
    """Refuses before anything is trained what would be refused when it is measured."""
    unit = UNITS[len(shape)]
    if unit not in metric.units:
        # Pairs are of images: a metric of pairs would be refused for clips in turn.
        others = ", ".join(
            key
            for key, other in METRICS.items()
            if unit in other.units and not (unit == "clips" and key in PAIRED)
        )
        measures = " and ".join(metric.units)
        raise InputError(f"{name} measures {measures}, not examples of shape {shape}: use {others}")
    # Real examples count only where the metric compares with any.
    few = min([fake] + [real] * bool(metric.real))
    if few < metric.least:
        raise InputError(f"{name} needs at least {metric.least:,} {unit} of each side; got {few:,}")
    if metric.square and (shape[0] != shape[1] or shape[0] < metric.square):
        side = f"square, of at least {metric.square} pixels a side"
        raise InputError(f"{name} needs images that are {side}; these are {shape[0]} x {shape[1]}")
    if min(shape[:2]) < metric.side:
        least = f"sides of at least {metric.side} pixels"
        raise InputError(f"{name} needs images with {least}; these are {shape[0]} x {shape[1]}")


def check_metrics(metrics: dict[str, Metric], shape: tuple[int, ...], fake: int, real: int) -> None:
    """Refuses, of all together, what `check_metric` refuses of any, and says which of them would go."""
    refused: dict[str, str] = {}
    for name, metric in metrics.items():
        try:
            check_metric(name, metric, shape, fake, real)
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
