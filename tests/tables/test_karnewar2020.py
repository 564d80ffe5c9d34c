"""The table of Karnewar and Wang 2020: rows of one size and length, which differ by what is connected."""

import dataclasses
from pathlib import Path

from gaxjax.recipe.serialization import describe, differences
from gaxjax.tables import karnewar2020
from gaxjax.tables.karnewar2020 import RUNS
from gaxjax.tables.reproduction import Group
from gaxjax.tables.table_run import TableRun
from gaxjax.tables.verdict import Line


def test_rows_differ_by_connections_alone() -> None:
    recipes = {name: karnewar2020.recipe(name, 32, 16) for name in RUNS}
    whole = describe(recipes["all"])
    for name in ("none", "coarse", "middle", "fine"):
        found = differences(whole, describe(recipes[name]))
        assert len(found) == 1 and found[0].startswith("gan.connections:") and name in found[0]
    # All are of one set, as many images and networks of one size; the first two end at what the others are.
    assert len({(recipe.data, recipe.kimg) for recipe in recipes.values()}) == 1
    for recipe in recipes.values():
        last = recipe.all_stages[-1].gan
        for network in (last.generator, last.discriminator):
            assert (network.shape, network.features, network.max_features) == ((32, 32, 1), 32, 16)
    grown = dataclasses.asdict(recipes["progan"].all_stages[-1].gan.generator)
    ours = dataclasses.asdict(recipes["all"].gan.generator)
    assert {name for name in ours if ours[name] != grown[name]} == {"output", "fading"}


def test_times_are_those_of_the_record(tmp_path: Path) -> None:
    row = karnewar2020.rows(32, 16, karnewar2020.Evaluation())[0]
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "images": 16, "seconds": 90.0}\n')
    runs = [
        TableRun(folder, "", karnewar2020.recipe("progan", 32, 16), ())
        for folder in (tmp_path, tmp_path / "not begun")
    ]
    table = karnewar2020.training_times([Group([Line(row, [], 1.0, 1.0, [])], runs)])
    assert table.splitlines()[2:] == ["| ProGAN, grown | 1.5 |"]
