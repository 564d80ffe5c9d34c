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
from gaxjax.evaluation.extractors import extractors
from gaxjax.evaluation.measuring import evaluate_run
from gaxjax.files import write_bytes
from gaxjax.metrics.metric import chosen
from gaxjax.metrics.result import Result, as_row, check_comparable
from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.runs.record import last_picture, read_results, read_run
from gaxjax.tables import sheets
from gaxjax.tables.verdict import Budget, Line, Row, told
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
    lines = [Line(row, [], 0.0, 0.0, []) for row in rows]
    runs = {row.name: [line for line in lines if line.row.name == row.name] for row in rows}
    for own in runs.values():
        row = own[0].row
        if row.recipe is None:
            continue
        recipe = replace(row.recipe(), seeds=seeds if together else 1)
        folders = [out / row.name / (f"seeds{seeds}" if together else f"seed{i}") for i in range(seeds)]
        kimg = max([recipe.kimg * budget.share, *(length_of(folder) for folder in folders)])
        for line in own:
            line.kimg, line.share = kimg, kimg / recipe.kimg
        for seed, folder in enumerate(dict.fromkeys(folders)):
            print(f"== {row.title}, {'all seeds' if together else f'seed {seed}'}", flush=True)
            run(folder, own, replace(recipe, kimg=kimg, seed=seed), budget, data_directory)
    for heading in {row.heading for row in rows}:
        check_comparable([r for line in lines if line.row.heading == heading for r in line.results[:1]])
    text = f"{about}\n\n{as_markdown(lines)}\n\n{protocols(lines)}\n"
    if not parallel.primary():
        return text
    write_bytes(out / f"{name}.csv", as_csv(lines))
    write_bytes(out / f"{name}.json", as_json(lines))
    first = f"seeds{seeds}" if together else "seed0"
    ran = [own[0] for own in runs.values() if own[0].row.recipe]
    if ran:
        shown = [(titled(line), sheets.read(last_picture(out / line.row.name / first))) for line in ran]
        sheets.draw(shown, out / f"{name}.png")
    write_bytes(out / f"{name}.md", text.encode())
    return text


def selected(rows: Sequence[Row], only: str) -> list[Row]:
    """The rows of a comma-separated list of names; all of them if it is empty."""
    known = list(dict.fromkeys(row.name for row in rows))
    names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"unknown row {', '.join(map(repr, unknown))}; known: {', '.join(known)}")
    return [row for row in rows if row.name in (names or known)]


def length_of(workdir: Path) -> float:
    """Of a run that was begun, in kimg; all runs of a row are made as long as the longest."""
    return read_run(workdir).kimg if (workdir / "recipe.json").exists() else 0.0


def run(workdir: Path, lines: Sequence[Line], recipe: Recipe, budget: Budget, directory: str) -> None:
    """One run, trained and measured if that is still to be done, for the lines that tell of it."""
    recipe = replace(recipe, data=replace(recipe.data, directory=directory))
    try:
        train(recipe, workdir)
    except Diverged as error:
        for line in lines:
            line.broken.append(str(error))
        return
    for way in dict.fromkeys(line.row.evaluation for line in lines):
        assert way is not None
        evaluation = replace(way, n=budget.samples or way.n)
        own = [line for line in lines if line.row.evaluation == way]
        metrics = [line.row.metric for line in own]
        found = measured(workdir, metrics, evaluation, recipe, directory)
        if found is None:
            evaluate_run(workdir, evaluation, directory=directory)
            found = measured(workdir, metrics, evaluation, recipe, directory)
        assert found is not None
        for line, results in zip(own, found, strict=True):
            print(results[0] if len(results) == 1 else f"{results[0].name} {told(results)}", flush=True)
            line.results += results


def measured(
    workdir: Path, metrics: Sequence[str], evaluation: Evaluation, recipe: Recipe, directory: str
) -> list[list[Result]] | None:
    """What was measured of a run at its full length or later, of every seed, by metric; None if one lacks."""
    found = []
    for metric in metrics:
        like = (metric, evaluation.n, *seen_by(metric, evaluation, directory))
        of_metric = [
            r
            for r in read_results(workdir)
            if (r.metric, r.fake, r.features, r.weights, r.level) == like
            and r.sampling == evaluation.sampling
            and (r.checkpoint or 0) >= recipe.kimg * 1000
        ]
        found.append(of_metric[-recipe.seeds :])
    return found if all(len(results) == recipe.seeds for results in found) else None


@functools.lru_cache(maxsize=4)
def seen_by(metric: str, evaluation: Evaluation, directory: str) -> tuple[str, str, str]:
    """The network, weights and level that a result has if it is measured as asked."""
    way = next(way for way in chosen(evaluation.metrics).values() if metric in way.values)
    network, level = extractors(evaluation, {*way.fake, *way.real}, directory).seen_by(way)
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
            found = cells(own[metric])[2:5] if metric in own else ("", "", "")
            row += found if printed else found[:1]
        verdicts = {metric: line.verdict for metric, line in own.items()}
        several = "; ".join(f"{metric}: {verdict}" for metric, verdict in verdicts.items())
        one = next(iter(own.values()))
        verdict = one.verdict if len(set(verdicts.values())) == 1 else several
        rows.append([one.row.title, *row, verdict, cells(one)[-1]])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def titled(line: Line) -> str:
    """What stands over a run's samples: what it is, and its first number."""
    return f"{line.row.title}\n{line.results[0].name} {line.ours}" if line.results else line.row.title


def protocols(lines: Sequence[Line]) -> str:
    """How each column of numbers was measured, once for each way."""
    ways: dict[str, dict[str, None]] = {}
    for line in lines:
        for result in line.results[:1]:
            ways.setdefault(result.described, {})[result.name] = None
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
    found: list[dict[str, Any]] = []
    for line in lines:
        printed = line.row.printed
        found.append(
            {
                "row": line.row.title,
                "metric": line.row.metric,
                "paper": None if printed is None else vars(printed),
                "kimg": line.kimg,
                "share": line.share,
                "verdict": line.verdict,
                "broken": line.broken,
                "results": [as_row(result) for result in line.results],
            }
        )
    return json.dumps(found, indent=2).encode() + b"\n"
