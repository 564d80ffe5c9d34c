"""A table of a paper: trains what is missing, measures it, and sets it beside what the paper prints."""

import csv
import functools
import io
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gaxjax import parallel
from gaxjax.errors import Diverged, InputError
from gaxjax.evaluation.extractors import load_extractors
from gaxjax.evaluation.measuring import evaluate_run
from gaxjax.files import write_bytes
from gaxjax.metrics.metric import parse_metrics
from gaxjax.metrics.result import Result, as_row, check_comparable
from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.runs.record import last_picture, read_results, read_run
from gaxjax.tables import sheets
from gaxjax.tables.verdict import Budget, Line, Row, format_summary
from gaxjax.training.train import train


def reproduce(
    out: Path,
    name: str,
    about: str,
    rows: Sequence[Row],
    budget: Budget,
    seeds: int,
    data_directory: str,
    together: bool = False,
) -> str:
    """Trains, measures and writes OUT/NAME.md, .csv, .json and .png; returns the table as Markdown.

    Runs are in OUT/<row>/seed<n>, or OUT/<row>/seeds<N> where all are trained together, in one program:
    finished ones are not trained again, longer ones count as they are.
    """
    if seeds < 1:
        raise InputError(f"seeds must be at least 1; got {seeds}")
    # A line is a number, a run may have several: lines of one name share a folder, and are trained once.
    lines = [Line(row, [], 0.0, 0.0, []) for row in rows]
    runs = {row.name: [line for line in lines if line.row.name == row.name] for row in rows}
    for own in runs.values():
        row = own[0].row
        if row.recipe is None:
            continue
        recipe = replace(row.recipe(), seeds=seeds if together else 1)
        folders = [out / row.name / (f"seeds{seeds}" if together else f"seed{i}") for i in range(seeds)]
        # The longest that is there counts for all: a smaller budget asked for later makes no run shorter, and
        # seeds of different lengths are never averaged.
        kimg = max([recipe.kimg * budget.share, *(run_length(folder) for folder in folders)])
        for line in own:
            line.kimg, line.share = kimg, kimg / recipe.kimg
        # Trained together, all seeds have one folder; dict.fromkeys leaves it once, in order.
        for seed, folder in enumerate(dict.fromkeys(folders)):
            print(f"== {row.title}, {'all seeds' if together else f'seed {seed}'}", flush=True)
            train_and_measure(folder, own, replace(recipe, kimg=kimg, seed=seed), budget, data_directory)
    # Raises where one column would hold numbers of different protocols.
    for heading in {row.heading for row in rows}:
        check_comparable([r for line in lines if line.row.heading == heading for r in line.results[:1]])
    text = f"{about}\n\n{as_markdown(lines)}\n\n{protocols(lines)}\n"
    if not parallel.is_primary():
        return text
    write_bytes(out / f"{name}.csv", as_csv(lines))
    write_bytes(out / f"{name}.json", as_json(lines))
    first = f"seeds{seeds}" if together else "seed0"
    # Quoted rows have no samples to show.
    ran = [own[0] for own in runs.values() if own[0].row.recipe]
    if ran:
        shown = [
            (sheet_title(line), sheets.read_picture(last_picture(out / line.row.name / first)))
            for line in ran
        ]
        sheets.draw_sheets(shown, out / f"{name}.png")
    # Last: where the Markdown is, everything else is.
    write_bytes(out / f"{name}.md", text.encode())
    return text


def select_rows(rows: Sequence[Row], only: str) -> list[Row]:
    """The rows of a comma-separated list of names; all of them if it is empty."""
    known = list(dict.fromkeys(row.name for row in rows))
    # By name and not by line: of a run with two numbers both are selected.
    names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"unknown row {', '.join(map(repr, unknown))}; known: {', '.join(known)}")
    return [row for row in rows if row.name in (names or known)]


def run_length(workdir: Path) -> float:
    """Of a run that was begun, in kimg; all runs of a row are made as long as the longest."""
    return read_run(workdir).kimg if (workdir / "recipe.json").exists() else 0.0


def train_and_measure(
    workdir: Path, lines: Sequence[Line], recipe: Recipe, budget: Budget, directory: str
) -> None:
    """One run, trained and measured if that is still to be done, for the lines that tell of it."""
    # Where data lie is no part of training: a finished run is taken up on another machine too.
    recipe = replace(recipe, data=replace(recipe.data, directory=directory))
    try:
        train(recipe, workdir)
    # A run that came to nothing is a result of the table, and no reason to lose the rows after it.
    except Diverged as error:
        for line in lines:
            line.failures.append(str(error))
        return
    # Lines of one run that are measured alike are measured once.
    for way in dict.fromkeys(line.row.evaluation for line in lines):
        assert way is not None
        evaluation = replace(way, n=budget.samples or way.n)
        measured = [line for line in lines if line.row.evaluation == way]
        metrics = [line.row.metric for line in measured]
        measurements = read_measurements(workdir, metrics, evaluation, recipe, directory)
        # Results are kept with the run: a second call of the table measures nothing again.
        if measurements is None:
            evaluate_run(workdir, evaluation, directory=directory)
            measurements = read_measurements(workdir, metrics, evaluation, recipe, directory)
        assert measurements is not None
        for line, results in zip(measured, measurements, strict=True):
            print(
                results[0] if len(results) == 1 else f"{results[0].name} {format_summary(results)}",
                flush=True,
            )
            line.results += results


def read_measurements(
    workdir: Path, metrics: Sequence[str], evaluation: Evaluation, recipe: Recipe, directory: str
) -> list[list[Result]] | None:
    """What was measured of a run at its full length or later, of every seed, by metric; None if one lacks."""
    measurements = []
    for metric in metrics:
        # Only what was measured as this table asks: a run's file may hold results with other features, or of
        # fewer samples.
        like = (metric, evaluation.n, *feature_protocol(metric, evaluation, directory))
        of_metric = [
            r
            for r in read_results(workdir)
            if (r.metric, r.fake, r.features, r.weights, r.level) == like
            and r.sampling == evaluation.sampling
            # And not those of checkpoints on the way.
            and (r.checkpoint or 0) >= recipe.kimg * 1000
        ]
        # The newest, where a run was measured more than once.
        measurements.append(of_metric[-recipe.seeds :])
    return measurements if all(len(results) == recipe.seeds for results in measurements) else None


# Loading Inception takes seconds, and is asked for by every row.
@functools.lru_cache(maxsize=4)
def feature_protocol(metric: str, evaluation: Evaluation, directory: str) -> tuple[str, str, str]:
    """The network, weights and level that a result has if it is measured as asked."""
    way = next(way for way in parse_metrics(evaluation.metrics).values() if metric in way.values)
    network, level = load_extractors(evaluation, {*way.fake, *way.real}, directory).features_for(way)
    return (network.name, network.weights, level) if network else ("", "", "")


COLUMNS = ("row", "metric", "ours (runs)", "paper", "difference / standard error", "verdict", "kimg")


def cells(line: Line) -> tuple[str, ...]:
    """A line in columns."""
    difference = "" if math.isnan(line.difference) else f"{line.difference:+.1f}"
    row, kimg = line.row, f"{line.kimg:g}" if line.kimg else ""
    return row.title, row.heading, line.ours, str(row.printed or ""), difference, line.verdict, kimg


def as_markdown(lines: Sequence[Line]) -> str:
    """The table: every run once, with its numbers side by side."""
    metrics = {
        line.row.heading: any(x.row.printed for x in lines if x.row.heading == line.row.heading)
        for line in lines
    }
    # A column for each metric; the paper's and the difference only where it prints some.
    head = ["row"]
    for metric, printed in metrics.items():
        names = COLUMNS[2:5] if printed else COLUMNS[2:3]
        head += [f"{metric}, {name}" if len(metrics) > 1 else name for name in names]
    head += COLUMNS[5:]
    rows = [head, ["---"] * len(head)]
    for name in dict.fromkeys(line.row.name for line in lines):
        own = {line.row.heading: line for line in lines if line.row.name == name}
        row: list[str] = []
        for metric, printed in metrics.items():
            numbers = cells(own[metric])[2:5] if metric in own else ("", "", "")
            row += numbers if printed else numbers[:1]
        # One verdict where all numbers of a run agree, else each with its metric.
        verdicts = {metric: line.verdict for metric, line in own.items()}
        several = "; ".join(f"{metric}: {verdict}" for metric, verdict in verdicts.items())
        one = next(iter(own.values()))
        verdict = one.verdict if len(set(verdicts.values())) == 1 else several
        rows.append([one.row.title, *row, verdict, cells(one)[-1]])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def sheet_title(line: Line) -> str:
    """What stands over a run's samples: what it is, and its first number."""
    return f"{line.row.title}\n{line.results[0].name} {line.ours}" if line.results else line.row.title


def protocols(lines: Sequence[Line]) -> str:
    """How each column of numbers was measured, once for each way."""
    ways: dict[str, dict[str, None]] = {}
    for line in lines:
        for result in line.results[:1]:
            ways.setdefault(result.description, {})[result.name] = None
    return "\n".join(f"{', '.join(names)}: {way}." for way, names in ways.items())


def as_csv(lines: Sequence[Line]) -> bytes:
    """The table, and every run's number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, "values"])
    for line in lines:
        writer.writerow([*cells(line), " ".join(f"{result.value:.6g}" for result in line.results)])
    return text.getvalue().encode()


def as_json(lines: Sequence[Line]) -> bytes:
    """Everything that is known of every line."""
    entries: list[dict[str, Any]] = []
    for line in lines:
        printed = line.row.printed
        entries.append(
            {
                "row": line.row.title,
                "metric": line.row.metric,
                "paper": None if printed is None else vars(printed),
                "kimg": line.kimg,
                "share": line.share,
                "verdict": line.verdict,
                "broken": line.failures,
                "results": [as_row(result) for result in line.results],
            }
        )
    return json.dumps(entries, indent=2).encode() + b"\n"
