"""Tables of papers: verdicts by hand, budgets, rows, and the files that are written."""

import csv
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gaxjax.errors import InputError
from gaxjax.metrics.result import Result
from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.tables.reproduction import as_csv, as_json, select_rows
from gaxjax.tables.verdict import Budget, Line, Printed, Row, parse_budget

INCEPTION = {"features": "inception-2015-12-05", "level": "2048", "real": 10_000, "fake": 10_000}


def never() -> Recipe:
    raise AssertionError("a verdict trains nothing")


ROW = Row(
    name="a",
    title="A",
    metric="fid",
    printed=Printed(10.0, 0.7, 49, "read"),  # a standard error of 0.1
    recipe=never,
    evaluation=Evaluation("fid", n=10_000),
    measured_as="FID",
)
"""What a line is of, below."""


def line(
    *values: float, row: Row = ROW, share: float = 1.0, broken: tuple[str, ...] = (), **more: Any
) -> Line:
    """A line of runs that came to these numbers."""
    results = [Result("fid", value, **(INCEPTION | more)) for value in values]
    return Line(row, results, 100.0 * share, share, list(broken))


@pytest.mark.parametrize(
    ("values", "difference", "verdict"),
    [
        # mean 10.1, standard deviation 0.2, so 0.2 / sqrt 3 of ours and 0.1 of theirs
        ((9.9, 10.1, 10.3), 0.1 / math.hypot(0.2 / math.sqrt(3), 0.1), "reproduced"),
        ((10.05, 10.25, 10.45), 0.25 / math.hypot(0.2 / math.sqrt(3), 0.1), "reproduced"),
        ((10.15, 10.35, 10.55), 0.35 / math.hypot(0.2 / math.sqrt(3), 0.1), "worse"),
        ((9.0, 9.2, 9.4), -0.8 / math.hypot(0.2 / math.sqrt(3), 0.1), "better"),
    ],
)
def test_verdicts_of_several_runs(values: tuple[float, ...], difference: float, verdict: str) -> None:
    found = line(*values)
    assert found.difference == pytest.approx(difference) and found.verdict == verdict
    assert line(*values, share=0.05).verdict == f"{verdict}, at 0.05 of the paper's length"
    turned = {"worse": "better", "better": "worse"}.get(verdict, verdict)
    assert line(*values, row=replace(ROW, better="higher")).verdict == turned
    assert found.ours == f"{np.mean(values):.4g} ± 0.2 (3)"


def test_one_run_has_a_standard_error_only_if_its_metric_has_one() -> None:
    assert line(10.01).verdict == "worse (1 run, so no standard error)"
    assert math.isnan(line(10.01).difference) and line(10.01).ours == "10.01 (1)"
    theirs = replace(ROW, printed=Printed(10.0, 0.4, 1, "read"))
    known = {"error": 0.3, "spread": "standard error over images"}
    assert line(10.9, row=theirs, **known).difference == pytest.approx(0.9 / 0.5)
    assert line(10.9, row=theirs, **known).verdict == "reproduced"
    assert line(11.1, row=theirs, **known).verdict == "worse"
    other = known | {"spread": "standard deviation over subsets"}
    assert line(10.9, row=theirs, **other).verdict == "worse (1 run, so no standard error)"
    exact = replace(ROW, printed=Printed(10.0, None, 1, "read"))  # what the paper prints may have no error
    assert line(10.9, row=exact, **known).difference == pytest.approx(3)


def test_what_is_not_comparable_says_why() -> None:
    shallow = line(9.9, 10.1, level="768")
    assert shallow.verdict == "not comparable: ours is FID-768, theirs FID" and math.isnan(shallow.difference)
    digits = line(9.9, 10.1, features="classifier-mnist", level="features", share=0.05)
    expected = "not comparable: ours is FID-classifier-mnist, theirs FID, at 0.05 of the paper's length"
    assert digits.verdict == expected
    assert line(9.9, fake=256).verdict == "not comparable: ours is of 256 samples, theirs of 10,000"
    ours = replace(ROW, differs="architecture not known: ours")
    assert line(9.9, 10.1, row=ours).verdict == "not comparable: architecture not known: ours"


def test_lines_without_a_comparison() -> None:
    assert Line(replace(ROW, recipe=None, evaluation=None), [], 0, 0, []).verdict == "quoted"
    assert line(broken=("the loss is nan at step 2",)).verdict == "no result: the loss is nan at step 2"
    assert line(broken=("the loss is nan at step 2",)).ours == ""
    assert line(9.9, row=replace(ROW, printed=None), share=0.5).verdict == (
        "no number in the paper, at 0.5 of the paper's length"
    )
    # of three runs one broke: two are summed up
    assert line(9.9, 10.1, broken=("the loss is nan",)).verdict == "reproduced"


def test_runs_that_were_measured_differently_are_not_summed_up() -> None:
    mixed = line(9.9, 10.1)
    mixed.results[1] = replace(mixed.results[1], split="test", fake=5_000)
    with pytest.raises(InputError, match=r"differ in fake: 10000 and 5000; split: '' and 'test'"):
        _ = mixed.ours
    with pytest.raises(InputError, match="cannot be compared"):
        _ = mixed.verdict


def test_printed() -> None:
    assert str(Printed(225, 2, 1, "read")) == "225 ± 2" and Printed(225, 2, 1, "read").standard_error == 2
    assert str(Printed(23.8, 0.6, 50, "memory")) == "23.8 ± 0.6 [memory]"
    assert str(Printed(5.4, None, 1, "read")) == "5.4" and math.isnan(
        Printed(5.4, None, 1, "read").standard_error
    )


def test_budgets() -> None:
    smoke, small = Budget(0.01, 100), Budget(0.1)
    assert [parse_budget(text, smoke, small) for text in ("smoke", "small", "paper", "2")] == [
        smoke,
        small,
        Budget(1.0),
        Budget(2.0),
    ]
    for text in ("large", "0", "-1", "nan"):
        with pytest.raises(InputError, match=f"smoke, small, paper or a share .*; got '{text}'"):
            parse_budget(text, smoke, small)


def test_selected_rows() -> None:
    rows = [replace(ROW, name=name) for name in ("a", "b", "b", "c")]
    assert [row.name for row in select_rows(rows, "c, b")] == ["b", "b", "c"]
    assert select_rows(rows, "") == rows
    with pytest.raises(InputError, match=r"unknown row 'd'; known: a, b, c"):
        select_rows(rows, "a,d")


def test_files_of_a_table_are_strict_and_whole() -> None:
    lines = [line(9.9, 10.1, 10.3), line(math.inf), line(broken=("it broke",))]
    lines.append(Line(replace(ROW, recipe=None, printed=Printed(23.8, 0.6, 50, "memory")), [], 0, 0, []))

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    told = json.loads(as_json(lines), parse_constant=refuse)
    assert [entry["verdict"] for entry in told] == [
        "reproduced",
        "worse (1 run, so no standard error)",
        "no result: it broke",
        "quoted",
    ]
    assert [result["value"] for result in told[0]["results"]] == [9.9, 10.1, 10.3]
    assert told[0]["paper"] == {"value": 10.0, "error": 0.7, "runs": 49, "mark": "read"}
    assert told[1]["results"][0]["value"] is None
    rows = list(csv.DictReader(as_csv(lines).decode().splitlines()))
    assert (
        rows[0]["values"].split() == ["9.9", "10.1", "10.3"]
        and rows[0]["difference / standard error"] == "+0.7"
    )
    assert rows[3]["paper"] == "23.8 ± 0.6 [memory]" and rows[3]["kimg"] == ""
