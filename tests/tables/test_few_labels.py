"""The tables of Odena 2016 and Salimans et al. 2016: their rows, and that each run has labels of its own."""

from pathlib import Path

from gaxjax.tables import odena2016, salimans2016
from gaxjax.tables.reproduction import plan_runs
from gaxjax.tables.verdict import Budget, Line


def test_rows_of_odena() -> None:
    rows = {row.name: row for row in odena2016.rows()}
    assert len(rows) == 8 and {str(row.printed)[-8:] for row in rows.values()} == {"[memory]"}
    with_fakes, alone = (odena2016.recipe(model, 25) for model in ("sgan", "cnn"))
    assert with_fakes.data.labeled == alone.data.labeled == 25
    assert with_fakes.gan.discriminator == alone.gan.discriminator
    # As many labeled examples of each step, over as many steps.
    seen = [recipe.batch_size * recipe.data.labeled_share for recipe in (with_fakes, alone)]
    assert seen[0] == seen[1] and with_fakes.kimg / alone.kimg == with_fakes.batch_size / alone.batch_size
    assert (with_fakes.gan.weight, alone.gan.weight) == (1, 0)


def test_rows_of_salimans() -> None:
    rows = {row.name: row for row in salimans2016.rows()}
    assert [str(row.printed) for row in rows.values()] == [
        "1677 ± 452 [secondary]",
        "221 ± 136 [memory]",
        "93 ± 6.5 [secondary]",
        "90 ± 4.2 [secondary]",
    ]
    recipe = salimans2016.recipe(20)
    (stage,) = recipe.all_stages
    # 300 epochs of 600 steps, of 100 labeled and 100 other images.
    assert stage.steps == 300 * 600 and recipe.batch_size * recipe.data.labeled_share == 100


def test_each_run_has_labels_of_its_own() -> None:
    (row, *_) = salimans2016.rows()
    runs = plan_runs(Path("out"), [Line(row, [], 0.0, 0.0, [])], Budget(1.0), 3, "DIR", together=False)
    assert [(run.recipe.seed, run.recipe.data.labeled_seed) for run in runs] == [(0, 0), (1, 1), (2, 2)]
    assert {run.recipe.data.labeled for run in runs} == {20}
