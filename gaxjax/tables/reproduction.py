"""A table of a paper: trains what is missing, measures it, and sets it beside what the paper prints."""

import csv
import functools
import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gaxjax
from gaxjax.errors import Diverged, InputError
from gaxjax.evaluate import evaluate_run
from gaxjax.evaluation import Evaluation
from gaxjax.evaluator import extractors
from gaxjax.files import write_bytes
from gaxjax.metrics.metric import chosen
from gaxjax.metrics.result import Result, as_row, summary
from gaxjax.plain import load_recipe
from gaxjax.recipe import Recipe
from gaxjax.record import last_picture, read_results, read_run
from gaxjax.tables import sheets
from gaxjax.train import train

ENOUGH = 2.0
"""Standard errors of the difference within which a number is reproduced."""


@dataclass(frozen=True)
class Printed:
    """A number as the paper prints it."""

    value: float
    error: float | None
    """what it prints after ±"""
    runs: int
    """over how many runs `error` is a standard deviation; 1: it is itself a standard error"""
    mark: str
    """how the number is known: "read", or "memory" for one that was not seen in the paper"""

    @property
    def standard_error(self) -> float:
        """Of the value; nan if the paper prints none."""
        return math.nan if self.error is None else self.error / math.sqrt(self.runs)

    def __str__(self) -> str:
        error = "" if self.error is None else f" ± {self.error:g}"
        return f"{self.value:g}{error}" + ("" if self.mark == "read" else f" [{self.mark}]")


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    name: str
    """of its runs' directory"""
    title: str
    """as the paper names it"""
    metric: str
    """the number that is compared, as `Result.metric`"""
    printed: Printed | None
    """in the paper"""
    recipe: Callable[[], Recipe] | None = None
    """at the paper's length, for seed 0; None: the paper's number is quoted, nothing is run"""
    evaluation: Evaluation | None = None
    """how its runs are measured"""
    measured_as: str = ""
    """what the paper's number is called (`Result.name`), where it is comparable with ours by protocol"""
    better: str = "lower"
    """or higher"""
    differs: str = ""
    """why ours would not be comparable even so"""


@dataclass(frozen=True)
class Budget:
    """How much of the paper's training is done."""

    share: float
    """of the paper's length"""
    samples: int = 0
    """that are measured; 0: as many as the paper"""


def budget_of(text: str, smoke: Budget, small: Budget) -> Budget:
    """The budget of that name, or of that share of the paper's length ("0.4").

    >>> budget_of("0.4", Budget(0.01), Budget(0.1))
    Budget(share=0.4, samples=0)
    """
    named = {"smoke": smoke, "small": small, "paper": Budget(1.0)}
    if text in named:
        return named[text]
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 100:
        raise InputError(f"budget is smoke, small, paper or a share of the paper's length; got {text!r}")
    return Budget(share)


@dataclass
class Line:
    """A row with what came of it."""

    row: Row
    results: list[Result]
    kimg: float
    """length of the runs"""
    share: float
    """of the paper's length"""
    broken: list[str]
    """what stopped runs that came to nothing"""

    @property
    def ours(self) -> str:
        """Mean and standard deviation of the runs, or the error of the only one."""
        if not self.results:
            return ""
        mean, deviation, n = summary(self.results)
        error = self.results[0].error if n == 1 else deviation
        return f"{mean:.4g}{'' if error is None else f' ± {error:.2g}'} ({n})"

    @property
    def difference(self) -> float:
        """Ours less the paper's, in standard errors of the difference; nan where that has no meaning."""
        if not self.results or self.row.printed is None or self.reason:
            return math.nan
        mean, deviation, n = summary(self.results)
        own = self.results[0]
        known = own.error if own.error is not None and own.spread.startswith("standard error") else math.nan
        ours = known if n == 1 else deviation / math.sqrt(n)
        theirs = self.row.printed.standard_error
        both = math.sqrt(ours**2 + (0 if math.isnan(theirs) else theirs) ** 2)
        return (mean - self.row.printed.value) / both if both > 0 else math.nan

    @property
    def reason(self) -> str:
        """Why ours and the paper's number are not comparable; "" if they are."""
        if self.results and self.results[0].name != self.row.measured_as:
            return f"ours is {self.results[0].name}, theirs {self.row.measured_as or self.row.metric}"
        if self.results and self.row.evaluation and self.results[0].fake != self.row.evaluation.n:
            return f"ours is of {self.results[0].fake:,} samples, theirs of {self.row.evaluation.n:,}"
        return self.row.differs

    @property
    def verdict(self) -> str:
        """reproduced, better, worse, or not comparable and why."""
        if self.row.recipe is None:
            return "quoted"
        if self.broken and not self.results:
            return f"no result: {self.broken[0]}"
        partly = "" if self.share >= 1 else f", at {self.share:.2g} of the paper's length"
        if self.row.printed is None:
            return f"no number in the paper{partly}"
        if self.reason:
            return f"not comparable: {self.reason}{partly}"
        mean, _, n = summary(self.results)
        sign = 1 if self.row.better == "higher" else -1
        direction = "better" if sign * (mean - self.row.printed.value) > 0 else "worse"
        if math.isnan(self.difference):
            return f"{direction} ({n} run, so no standard error){partly}"
        return f"{'reproduced' if abs(self.difference) <= ENOUGH else direction}{partly}"


def reproduce(
    out: Path, name: str, about: str, rows: Sequence[Row], budget: Budget, seeds: int, data_directory: str
) -> str:
    """Trains, measures and writes OUT/NAME.md, .csv, .json and .png; returns the table as Markdown.

    Runs are in OUT/<row>/seed<n>: finished ones are not trained again, longer ones count as they are.
    """
    if seeds < 1:
        raise InputError(f"seeds must be at least 1; got {seeds}")
    lines = []
    for row in rows:
        line = Line(row, [], 0.0, 0.0, [])
        for seed in range(seeds if row.recipe else 0):
            print(f"== {row.title}, seed {seed}", flush=True)
            run(out / row.name / f"seed{seed}", line, budget, seed, data_directory)
        lines.append(line)
    text = f"{about}\n\n{as_markdown(lines)}\n\n{protocols(lines)}\n"
    write_bytes(out / f"{name}.csv", as_csv(lines))
    write_bytes(out / f"{name}.json", as_json(lines))
    ran = {line.row.name: line.row.title for line in lines if line.row.recipe}
    shown = [(title, sheets.read(last_picture(out / name / "seed0"))) for name, title in ran.items()]
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


def run(workdir: Path, line: Line, budget: Budget, seed: int, directory: str) -> None:
    """One run of a row, trained and measured if that is still to be done."""
    row = line.row
    assert row.recipe is not None and row.evaluation is not None
    whole = row.recipe()
    there = read_run(workdir).kimg if (workdir / "recipe.json").exists() else 0.0
    kimg = max(whole.kimg * budget.share, there)
    recipe = replace(whole, kimg=kimg, seed=seed, data=replace(whole.data, directory=directory))
    line.kimg, line.share = kimg, kimg / whole.kimg
    try:
        train(recipe, workdir)
    except Diverged as error:
        line.broken.append(str(error))
        return
    evaluation = replace(row.evaluation, n=budget.samples or row.evaluation.n)
    like = (row.metric, evaluation.n, *seen_by(row.metric, evaluation, directory))
    seen = [r for r in read_results(workdir) if (r.metric, r.fake, r.features, r.weights, r.level) == like]
    images = max((result.checkpoint or 0 for result in seen), default=0)
    if images < kimg * 1000:
        seen = evaluate_run(workdir, evaluation, directory=directory)
    found = [result for result in seen if result.metric == row.metric][-1]
    print(found, flush=True)
    line.results.append(found)


@functools.lru_cache(maxsize=4)
def seen_by(metric: str, evaluation: Evaluation, directory: str) -> tuple[str, str, str]:
    """The network, weights and level that a result has if it is measured as asked."""
    way = next(way for way in chosen(evaluation.metrics).values() if metric in way.values)
    features, level, classifier = extractors(evaluation, {*way.fake, *way.real}, directory)
    network = features or classifier
    if network is None:
        return "", "", ""
    return network.name, network.weights, "logits" if "logits" in way.fake else level


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
