"""A paper's number beside ours: what each is, and what can be said of both."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gaxjax.errors import InputError
from gaxjax.metrics.result import Result, summarize
from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation

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
    """how the number is known: "read", "secondary" for one read in others' notes, or "memory" for neither"""

    @property
    def standard_error(self) -> float:
        """Of the value; nan if the paper prints none."""
        # A standard deviation of n runs is by sqrt(n) the standard error of their mean; what is one already
        # has 1 run.
        return math.nan if self.error is None else self.error / math.sqrt(self.runs)

    def __str__(self) -> str:
        error = "" if self.error is None else f" ± {self.error:g}"
        return f"{self.value:g}{error}" + ("" if self.mark == "read" else f" [{self.mark}]")


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    name: str
    """of its runs' directory; rows of one name are numbers of the same runs"""
    title: str
    """as the paper names it"""
    metric: str
    """the number that is compared, as `Result.metric`"""
    printed: Printed | None
    """in the paper"""
    recipe: Callable[[], Recipe] | None = None
    """at the paper's length, for seed 0; None: nothing is run: the paper's number is quoted, or a method that
    needs no training is measured"""
    evaluation: Evaluation | None = None
    """how its runs are measured"""
    measured_as: str = ""
    """what the paper's number is called (`Result.name`), where it is comparable with ours by protocol"""
    better: str = "lower"
    """or higher"""
    differs: str = ""
    """why ours would not be comparable even so"""
    column: str = ""
    """of the table, where one metric has several; empty: the metric's name"""

    @property
    def heading(self) -> str:
        """The name of its column."""
        return self.column or self.metric


@dataclass(frozen=True)
class Budget:
    """How much of the paper's training is done."""

    share: float
    """of the paper's length"""
    samples: int = 0
    """that are measured; 0: as many as the paper"""


def parse_budget(text: str, smoke: Budget, small: Budget) -> Budget:
    """The budget of that name, or of that share of the paper's length ("0.4").

    >>> parse_budget("0.4", Budget(0.01), Budget(0.1))
    Budget(share=0.4, samples=0)
    """
    named = {"smoke": smoke, "small": small, "paper": Budget(1.0)}
    if text in named:
        return named[text]
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    # More than 1 is a longer training than the paper's, which is allowed; nan is not between.
    if not 0 < share <= 100:
        raise InputError(f"budget is smoke, small, paper or a share of the paper's length; got {text!r}")
    return Budget(share)


def format_summary(results: Sequence[Result]) -> str:
    """Mean and standard deviation of runs, or the error of the only one, and how many there are."""
    mean, deviation, n = summarize(results)
    # Of one run the error is the metric's own; of several their deviation, which holds it.
    error = results[0].error if n == 1 else deviation
    return f"{mean:.4g}{'' if error is None else f' ± {error:.2g}'} ({n})"


@dataclass
class Line:
    """A row with what came of it."""

    row: Row
    results: list[Result]
    kimg: float
    """length of the runs"""
    share: float
    """of the paper's length"""
    failures: list[str]
    """what stopped runs that came to nothing"""

    @property
    def ours(self) -> str:
        """Mean and standard deviation of the runs, or the error of the only one."""
        return format_summary(self.results) if self.results else ""

    @property
    def difference(self) -> float:
        """Ours less the paper's, in standard errors of the difference; nan where that has no meaning."""
        if not self.results or self.row.printed is None or self.reason:
            return math.nan
        mean, deviation, n = summarize(self.results)
        own = self.results[0]
        # Some metrics' errors are deviations over parts of the samples (KID), not errors of the number.
        known = own.error if own.error is not None and own.spread.startswith("standard error") else math.nan
        ours = known if n == 1 else deviation / math.sqrt(n)
        theirs = self.row.printed.standard_error
        # Independent, so squares add; a paper without an error is taken as exact, which judges ours strictly.
        both = math.sqrt(ours**2 + (0 if math.isnan(theirs) else theirs) ** 2)
        return (mean - self.row.printed.value) / both if both > 0 else math.nan

    @property
    def reason(self) -> str:
        """Why ours and the paper's number are not comparable; "" if they are."""
        # The name is the protocol's: FID is called so with the published Inception's 2,048 features alone.
        if self.results and self.results[0].name != self.row.measured_as:
            return f"ours is {self.results[0].name}, theirs {self.row.measured_as or self.row.metric}"
        if self.results and self.row.evaluation and self.results[0].fake != self.row.evaluation.n:
            return f"ours is of {self.results[0].fake:,} samples, theirs of {self.row.evaluation.n:,}"
        return self.row.differs

    @property
    def verdict(self) -> str:
        """reproduced, better, worse, or not comparable and why."""
        if self.row.recipe is None and not self.results:
            return "quoted"
        if self.failures and not self.results:
            return f"no result: {self.failures[0]}"
        # Said of every verdict: a number after a tenth of the training reproduces nothing, whatever it is.
        partly = "" if self.share >= 1 else f", at {self.share:.2g} of the paper's length"
        if self.row.printed is None:
            return f"no number in the paper{partly}"
        if self.reason:
            return f"not comparable: {self.reason}{partly}"
        mean, _, n = summarize(self.results)
        sign = 1 if self.row.better == "higher" else -1
        direction = "better" if sign * (mean - self.row.printed.value) > 0 else "worse"
        # Without a standard error there is an order of the two numbers, and no more.
        if math.isnan(self.difference):
            return f"{direction} ({n} run, so no standard error){partly}"
        return f"{'reproduced' if abs(self.difference) <= ENOUGH else direction}{partly}"


def format_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a table in Markdown, of which the first is the head."""
    head, *others = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *others])
