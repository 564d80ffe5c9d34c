"""The table of labels and smoothness: what its rows differ by, and its numbers factor by factor."""

from typing import Any

from gaxjax.metrics.catalog import METRICS
from gaxjax.metrics.result import Result
from gaxjax.recipe.serialization import describe, differences
from gaxjax.tables.nie2020 import MEASURED, RUNS, by_factor, recipe, rows
from gaxjax.tables.reproduction import Group
from gaxjax.tables.verdict import Line


def test_rows_differ_by_labels_and_smoothness_alone() -> None:
    recipes = {name: recipe(name, 32, 128, 32) for name in RUNS}
    first = describe(recipes["smooth"])
    varied = {
        line.split(":")[0] for other in recipes.values() for line in differences(first, describe(other))
    }
    assert varied == {"gan.alpha", "gan.beta", "data.labeled", "data.labeled_share"}
    found = {name: (r.data.labeled, r.gan.beta, r.gan.alpha) for name, r in recipes.items()}
    assert found == {
        "info": (None, 0, 0),
        "half_percent_plain": (553, 1, 0),
        "half_percent": (553, 1, 1),
        "plain": (2765, 1, 0),
        "smooth": (2765, 1, 1),
        "all_labels_plain": (None, 1, 0),
        "all_labels": (None, 1, 1),
    }
    gan = recipes["info"].gan
    assert gan.gamma == 1 and gan.noise.size == gan.generator.style_size == 32
    assert gan.generator.shape == gan.discriminator.network.shape == recipes["info"].data.shape == (32, 32, 3)


def test_four_numbers_of_each_run() -> None:
    table = rows(64, 4096, 256)
    assert len(table) == 28 and {row.evaluation for row in table} == {MEASURED}
    for row in table:
        assert METRICS[row.metric].direction(row.metric) == row.better and row.printed is None


def line_of(row: Any, details: str) -> Line:
    return Line(row, [Result(row.metric, 0.5, options="bins", details=details)], 1.0, 1.0, [])


def test_numbers_by_factor() -> None:
    mig, l2 = rows(64, 4096, 256)[:2]
    lines = [line_of(mig, "size 0.500, x 0.250"), line_of(l2, "size 0.100, x 0.200")]
    broken = Line(mig, [], 1.0, 1.0, ["the loss is nan"])
    text = by_factor([Group(lines, []), Group([broken], [])])
    assert text.splitlines() == [
        "| labels | number | size | x |",
        "| --- | --- | --- | --- |",
        "| 0%, Info-StyleGAN | MIG | 0.500 | 0.250 |",
        "| 0%, Info-StyleGAN | L2 | 0.100 | 0.200 |",
    ]
    assert "labels" in by_factor([])
