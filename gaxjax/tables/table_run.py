"""One run of a table: trained and measured where that is still to be done, in whichever process this is."""

import functools
from dataclasses import dataclass
from pathlib import Path

from gaxjax.errors import Diverged
from gaxjax.evaluation.extractors import load_extractors
from gaxjax.evaluation.measuring import evaluate_run
from gaxjax.metrics.metric import parse_metrics
from gaxjax.metrics.result import Result
from gaxjax.recipe import Data, Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.runs.record import read_results, read_run
from gaxjax.tables.verdict import format_summary
from gaxjax.training.train import train


@dataclass(frozen=True)
class TableRun:
    """All that a process has to know of a run, here or on another machine: it is pickled."""

    folder: Path
    """the run's directory"""
    title: str
    """for people: the row, and which seed"""
    recipe: Recipe
    """whole, with the data's directory"""
    measures: tuple[tuple[str, Evaluation], ...]
    """metrics of the lines that tell of it, in their order, each with how it is measured"""

    @property
    def evaluations(self) -> list[Evaluation]:
        """Lines that are measured alike are measured once."""
        return list(dict.fromkeys(evaluation for _, evaluation in self.measures))


def make_run(run: TableRun) -> str:
    """Trains and measures what is still to be done; returns why it came to nothing, "" where it did not."""
    try:
        train(run.recipe, run.folder)
    # A run that came to nothing is a result of the table, and no reason to lose the rows after it.
    except Diverged as error:
        return str(error)
    directory = run.recipe.data.directory
    for evaluation in run.evaluations:
        # Results are kept with the run: a second call of the table measures nothing again.
        if read_measurements(run, evaluation) is None:
            evaluate_run(run.folder, evaluation, directory=directory)
    for results in read_all_measurements(run) or ():
        print(describe_results(results), flush=True)
    return ""


def describe_results(results: list[Result]) -> str:
    """A metric of a run in a line, of all its seeds."""
    return str(results[0]) if len(results) == 1 else f"{results[0].name} {format_summary(results)}"


def read_all_measurements(run: TableRun) -> list[list[Result]] | None:
    """What was measured of a run at its full length, in the order of `measures`; None if any lacks."""
    by_way = {evaluation: read_measurements(run, evaluation) for evaluation in run.evaluations}
    collected = []
    for metric, evaluation in run.measures:
        own = by_way[evaluation]
        if own is None:
            return None
        collected.append(own[metric])
    return collected


def read_measurements(run: TableRun, evaluation: Evaluation) -> dict[str, list[Result]] | None:
    """What was measured in one way at a run's full length or later, of every seed; None if a metric lacks."""
    recipe, by_metric = run.recipe, {}
    for metric in (metric for metric, way in run.measures if way == evaluation):
        # Only what was measured as this table asks: a run's file may hold results with other features, or of
        # fewer samples.
        like = (metric, evaluation.n, *feature_protocol(metric, evaluation, recipe.data))
        of_metric = [
            r
            for r in read_results(run.folder)
            if (r.metric, r.fake, r.features, r.weights, r.level) == like
            and r.sampling == evaluation.sampling
            # And not those of checkpoints on the way.
            and (r.checkpoint or 0) >= recipe.kimg * 1000
        ]
        # The newest, where a run was measured more than once.
        by_metric[metric] = of_metric[-recipe.seeds :]
    return by_metric if all(len(results) == recipe.seeds for results in by_metric.values()) else None


# Loading Inception takes seconds, and is asked for by every row.
@functools.lru_cache(maxsize=4)
def feature_protocol(metric: str, evaluation: Evaluation, data: Data) -> tuple[str, str, str]:
    """The network, weights and level that a result has if it is measured as asked."""
    way = next(way for way in parse_metrics(evaluation.metrics).values() if metric in way.values)
    network, level = load_extractors(evaluation, {*way.fake, *way.real}, data, data.split).features_for(way)
    return (network.name, network.weights, level) if network else ("", "", "")


def run_length(workdir: Path) -> float:
    """Of a run that was begun, in kimg; all runs of a row are made as long as the longest."""
    return read_run(workdir).kimg if (workdir / "recipe.json").exists() else 0.0
