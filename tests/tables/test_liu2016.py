"""The table of Liu and Tuzel 2016: its rows, and what each of them is measured on."""

from gaxjax.recipe.serialization import describe, differences
from gaxjax.tables import liu2016
from gaxjax.tables.reproduction import select_rows


def test_rows() -> None:
    rows = {row.name: row for row in liu2016.rows()}
    assert [str(row.printed) for row in rows.values()][:4] == [
        f"{value} [memory]" for value in (0.952, 0.909, 0.967, 0.778)
    ]
    games = {name: row.recipe() for name, row in rows.items() if row.recipe}
    for name in ("edges", "negatives"):
        ours, told = games[name], games[f"conditional_{name}"]
        # On the same data, over the same length: what differs is what the networks share.
        assert (ours.data, ours.kimg, ours.optimizers) == (told.data, told.kimg, told.optimizers)
        assert ours.data.domain_b == name and not ours.data.paired and ours.gan != told.gan
    measured = {name: row.evaluation for name, row in rows.items() if row.evaluation}
    assert measured["edges"] == measured["conditional_negatives"] and measured["edges"].n == 10_000
    # Of images that no run has seen.
    assert games["to_digits"].data.split != measured["to_digits"].split == "train[80%:]"
    assert games["to_negatives"].data.split != measured["to_negatives"].split == "test"
    headings = [row.heading for row in rows.values()]
    assert len(set(headings)) == 3 and [row.name for row in select_rows(list(rows.values()), "edges")] == [
        "edges"
    ]


def test_every_row_has_the_width_asked_for() -> None:
    for wide, narrow in zip(liu2016.rows(), liu2016.rows(features=4), strict=True):
        assert wide.recipe and narrow.recipe
        widths = differences(describe(wide.recipe()), describe(narrow.recipe()))
        # The generator's alone, wherever it lies in what is told the domain.
        assert len(widths) == 1 and "generator" in widths[0] and "features: 32" in widths[0], widths
