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

import gaxjax
from gaxjax.errors import Diverged, InputError
from gaxjax.evaluate import evaluate_run
from gaxjax.evaluation import Evaluation
from gaxjax.extractors import extractors
from gaxjax.files import write_bytes
from gaxjax.metrics.metric import chosen
from gaxjax.metrics.result import as_row, check_comparable
from gaxjax.plain import load_recipe
from gaxjax.recipe import Recipe
from gaxjax.record import last_picture, read_results, read_run
from gaxjax.tables import sheets
from gaxjax.tables.verdict import Budget, Line, Row
from gaxjax.train import train


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
    lines = []
    for row in rows:
        line = Line(row, [], 0.0, 0.0, [])
        if row.recipe:
            recipe = replace(row.recipe(), seeds=seeds if together else 1)
            folders = [out / row.name / (f"seeds{seeds}" if together else f"seed{i}") for i in range(seeds)]
            line.kimg = max([recipe.kimg * budget.share, *(length_of(folder) for folder in folders)])
            line.share = line.kimg / recipe.kimg
            for seed, folder in enumerate(dict.fromkeys(folders)):
                print(f"== {row.title}, {'all seeds' if together else f'seed {seed}'}", flush=True)
                run(folder, line, replace(recipe, kimg=line.kimg, seed=seed), budget, data_directory)
        lines.append(line)
    for metric in {row.metric for row in rows}:
        check_comparable([r for line in lines if line.row.metric == metric for r in line.results[:1]])
    text = f"{about}\n\n{as_markdown(lines)}\n\n{protocols(lines)}\n"
    write_bytes(out / f"{name}.csv", as_csv(lines))
    write_bytes(out / f"{name}.json", as_json(lines))
    ran = {line.row.name: line.row.title for line in lines if line.row.recipe}
    first = f"seeds{seeds}" if together else "seed0"
    shown = [(title, sheets.read(last_picture(out / name / first))) for name, title in ran.items()]
    if shown:
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


def configured(target: str) -> Recipe:
    """A recipe of the folder configs, FILE.py or FILE.py:name."""
    configs = Path(gaxjax.__file__).parents[1] / "configs"
    if not configs.is_dir():
        raise InputError(f"this table reads recipes from {configs}, which is not there: run it in a checkout")
    return load_recipe(str(configs / target))[0]


def length_of(workdir: Path) -> float:
    """Of a run that was begun, in kimg; all runs of a row are made as long as the longest."""
    return read_run(workdir).kimg if (workdir / "recipe.json").exists() else 0.0


def run(workdir: Path, line: Line, recipe: Recipe, budget: Budget, directory: str) -> None:
    """One run of a row, trained and measured if that is still to be done."""
    row = line.row
    assert row.evaluation is not None
    recipe = replace(recipe, data=replace(recipe.data, directory=directory))
    try:
        train(recipe, workdir)
    except Diverged as error:
        line.broken.append(str(error))
        return
    evaluation = replace(row.evaluation, n=budget.samples or row.evaluation.n)
    like = (row.metric, evaluation.n, *seen_by(row.metric, evaluation, directory))
    seen = [r for r in read_results(workdir) if (r.metric, r.fake, r.features, r.weights, r.level) == like]
    images = max((result.checkpoint or 0 for result in seen), default=0)
    if images < recipe.kimg * 1000:
        seen = evaluate_run(workdir, evaluation, directory=directory)
    found = [result for result in seen if result.metric == row.metric][-recipe.seeds :]
    print(*found, sep="\n", flush=True)
    line.results += found


@functools.lru_cache(maxsize=4)
def seen_by(metric: str, evaluation: Evaluation, directory: str) -> tuple[str, str, str]:
    """The network, weights and level that a result has if it is measured as asked."""
    way = next(way for way in chosen(evaluation.metrics).values() if metric in way.values)
    network, level = extractors(evaluation, {*way.fake, *way.real}, directory).seen_by(way)
    return (network.name, network.weights, level) if network else ("", "", "")


COLUMNS = ("row", "ours (runs)", "paper", "difference / standard error", "verdict", "kimg")


def cells(line: Line) -> tuple[str, ...]:
    """A line in columns."""
    difference = "" if math.isnan(line.difference) else f"{line.difference:+.1f}"
    printed = str(line.row.printed or "")
    return line.row.title, line.ours, printed, difference, line.verdict, f"{line.kimg:g}" if line.kimg else ""


def as_markdown(lines: Sequence[Line]) -> str:
    """The table."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *(cells(line) for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def protocols(lines: Sequence[Line]) -> str:
    """How each column of numbers was measured, once for each way."""
    ways = {line.results[0].described: line.results[0].name for line in lines if line.results}
    return "\n".join(f"{name}: {way}." for way, name in ways.items())


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
                "paper": None if printed is None else vars(printed),
                "kimg": line.kimg,
                "share": line.share,
                "verdict": line.verdict,
                "broken": line.broken,
                "results": [as_row(result) for result in line.results],
            }
        )
    return json.dumps(found, indent=2).encode() + b"\n"
