"""A table of a paper: trains what is missing, measures it, and sets it beside what the paper prints."""

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gaxjax import parallel
from gaxjax.errors import InputError
from gaxjax.files import write_bytes
from gaxjax.metrics.result import as_row, check_comparable
from gaxjax.recipe import Recipe
from gaxjax.runs.record import last_picture
from gaxjax.tables import sheets
from gaxjax.tables.table_run import TableRun, read_all_measurements, run_length
from gaxjax.tables.verdict import Budget, Line, Row, format_table
from gaxjax.tables.workers import Workers, make_runs


def reproduce(
    out: Path,
    name: str,
    about: str,
    rows: Sequence[Row],
    budget: Budget,
    seeds: int,
    data_directory: str,
    together: bool = False,
    workers: Workers = Workers(),
) -> str:
    """Trains, measures and writes OUT/NAME.md, .csv, .json and .png; returns the table as Markdown.

    Runs are in OUT/<row>/seed<n>, or OUT/<row>/seeds<N> where all are trained together, in one program:
    finished ones are not trained again, longer ones count as they are. `workers` says where they are made,
    and the table is the same.
    """
    groups = measure_rows(out, rows, budget, seeds, data_directory, together, workers)
    return write_table(out, name, about, groups)


@dataclass
class Group:
    """The lines of one name, and the runs that they tell of; none where the paper's number is quoted."""

    lines: list[Line]
    runs: list[TableRun]


def measure_rows(
    out: Path,
    rows: Sequence[Row],
    budget: Budget,
    seeds: int,
    data_directory: str,
    together: bool,
    workers: Workers,
) -> list[Group]:
    """Trains and measures what the rows ask for, with what came of each."""
    if seeds < 1:
        raise InputError(f"seeds must be at least 1; got {seeds}")
    # A line is a number, a run may have several: lines of one name share a folder, and are trained once.
    groups = []
    for name in dict.fromkeys(row.name for row in rows):
        lines = [Line(row, [], 0.0, 0.0, []) for row in rows if row.name == name]
        groups.append(Group(lines, plan_runs(out, lines, budget, seeds, data_directory, together)))
    diverged = make_runs(out, [run for group in groups for run in group.runs], workers)
    for group in groups:
        for run in group.runs:
            collect_results(group.lines, run, diverged.get(run.folder, ""))
    return groups


def write_table(out: Path, name: str, about: str, groups: Sequence[Group]) -> str:
    """Writes OUT/NAME.md, .csv, .json and .png; returns the Markdown."""
    lines = [line for group in groups for line in group.lines]
    # Raises where one column would hold numbers of different protocols.
    for heading in {line.row.heading for line in lines}:
        check_comparable([r for line in lines if line.row.heading == heading for r in line.results[:1]])
    text = f"{about}\n\n{as_markdown(lines)}\n\n{protocols(lines)}\n"
    if not parallel.is_primary():
        return text
    write_bytes(out / f"{name}.csv", as_csv(lines))
    write_bytes(out / f"{name}.json", as_json(lines))
    # Of the first seed; quoted rows have no samples to show.
    shown = [
        (sheet_title(group.lines[0]), sheets.read_picture(last_picture(group.runs[0].folder)))
        for group in groups
        if group.runs
    ]
    if shown:
        sheets.draw_sheets(shown, out / f"{name}.png")
    # Last: where the Markdown is, everything else is.
    write_bytes(out / f"{name}.md", text.encode())
    return text


def plan_runs(
    out: Path, lines: Sequence[Line], budget: Budget, seeds: int, data_directory: str, together: bool
) -> list[TableRun]:
    """The runs that the lines of one name tell of, at one length, which the lines are told."""
    row = lines[0].row
    if row.recipe is None:
        return []
    recipe = replace(row.recipe(), seeds=seeds if together else 1)
    # Trained together, all seeds have one folder.
    names = [f"seeds{seeds}"] if together else [f"seed{i}" for i in range(seeds)]
    folders = [out / row.name / name for name in names]
    # The longest that is there counts for all: a smaller budget asked for later makes no run shorter, and
    # seeds of different lengths are never averaged.
    kimg = max([recipe.kimg * budget.share, *(run_length(folder) for folder in folders)])
    measures = []
    for line in lines:
        line.kimg, line.share = kimg, kimg / recipe.kimg
        assert line.row.evaluation is not None
        evaluation = replace(line.row.evaluation, n=budget.samples or line.row.evaluation.n)
        measures.append((line.row.metric, evaluation))
    # Where data lie is no part of training: a finished run is taken up on another machine too.
    recipe = at_length(replace(recipe, data=replace(recipe.data, directory=data_directory)), kimg)
    return [
        TableRun(
            folder,
            f"{row.title}, {'all seeds' if together else f'seed {seed}'}",
            with_seed(recipe, seed),
            tuple(measures),
        )
        for seed, folder in enumerate(folders)
    ]


def at_length(recipe: Recipe, kimg: float) -> Recipe:
    """The recipe of a run of so many kimg; stages that are given share them as they did before."""
    share = kimg / recipe.kimg
    stages = tuple(replace(stage, kimg=share * stage.kimg) for stage in recipe.stages)
    return replace(recipe, kimg=kimg, stages=stages)


def with_seed(recipe: Recipe, seed: int) -> Recipe:
    """The recipe of a run of its own, with its own choice of labels where it has few."""
    if recipe.data.labeled is None:
        return replace(recipe, seed=seed)
    return replace(recipe, seed=seed, data=replace(recipe.data, labeled_seed=seed))


def collect_results(lines: Sequence[Line], run: TableRun, failure: str) -> None:
    """Gives the lines of a run what was measured of it, or what has stopped it."""
    if failure:
        for line in lines:
            line.failures.append(failure)
        return
    measurements = read_all_measurements(run)
    # Whoever made the run, here or elsewhere, has measured it as this reads it.
    assert measurements is not None
    for line, results in zip(lines, measurements, strict=True):
        line.results += results


def select_rows(rows: Sequence[Row], only: str) -> list[Row]:
    """The rows of a comma-separated list of names; all of them if it is empty."""
    known = list(dict.fromkeys(row.name for row in rows))
    # By name and not by line: of a run with two numbers both are selected.
    names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"unknown row {', '.join(map(repr, unknown))}; known: {', '.join(known)}")
    return [row for row in rows if row.name in (names or known)]


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
    rows = [head]
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
    return format_table(rows)


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
