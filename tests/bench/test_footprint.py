"""What a step needs of memory, without running it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import runs
import styled

from gaxjax import cli
from gaxjax.bench import footprint
from gaxjax.errors import InputError
from gaxjax.recipe import Growth
from gaxjax.recipe.serialization import load_recipe

SPEC = {"image": jax.ShapeDtypeStruct((8, 8, 1), np.uint8), "label": jax.ShapeDtypeStruct((), np.int32)}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Any:
    text = styled.CONDITIONAL.replace("depth=1)", 'depth=1, norm="none")')
    return load_recipe(str(runs.write_recipe(tmp_path_factory.mktemp("recipe"), text)))[0]


def test_rows_and_their_table(recipe: Any) -> None:
    rows = list(footprint.measure_footprints(recipe, SPEC, sides=(8, 16), batch_sizes=(8,)))
    rows += footprint.measure_footprints(recipe, SPEC, batch_sizes=(64,), recompute=(False,))
    asked = [(row.shape, row.batch_size, row.recompute) for row in rows]
    assert asked == [
        ((8, 8, 1), 8, False),
        ((8, 8, 1), 8, True),
        ((16, 16, 1), 8, False),
        ((16, 16, 1), 8, True),
        ((8, 8, 1), 64, False),
    ]
    assert rows[2].temporaries > rows[0].temporaries and rows[4].temporaries > rows[0].temporaries
    for row in rows:
        assert row.total == row.arguments + row.temporaries + row.outputs - row.alias
        pixels = 2 * row.batch_size * np.prod(row.shape)  # uint8, a minibatch for each player
        # The state is donated, so that it is there once: logs alone are outputs of their own.
        assert pixels < row.arguments - row.alias < pixels + 1000 and row.outputs - row.alias < 1000
    lines = footprint.as_markdown(rows).splitlines()
    assert len(lines) == 7 and len({line.count("|") for line in lines}) == 1
    assert lines[3].startswith("| 8 x 8 x 1 | 8 | 1 | yes | ")


def test_parts_need_less(recipe: Any) -> None:
    large = replace(recipe, batch_size=64)
    whole, parts = (
        footprint.measure_footprint(replace(large, accumulate=n), SPEC).temporaries for n in (1, 8)
    )
    assert parts < whole


def test_the_stage_that_weighs_most_is_measured() -> None:
    from shrinking import recipes

    recipe = recipes()["progan_small.py:recipe"]
    shape = recipe.data.shape
    spec = {"image": jax.ShapeDtypeStruct(shape, np.uint8)}
    assert len(recipe.all_stages) > 1
    assert footprint.heaviest_program(recipe, spec).stage == recipe.all_stages[-1]
    first = replace(recipe, growth=replace(recipe.growth, batch_sizes=((4, 6400), (8, 4))))
    assert footprint.heaviest_program(first, spec).stage == first.all_stages[0]
    larger = footprint.resize_recipe(replace(recipe, growth=Growth()), 2 * min(shape[:2]))
    sides = {larger.gan.generator.shape, larger.gan.discriminator.shape, tuple(larger.data.shape)}  # type: ignore[attr-defined]
    assert sides == {(2 * shape[0], 2 * shape[1], shape[2])}


def test_command(recipe: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = styled.CONDITIONAL.replace("depth=1)", 'depth=1, norm="none")')
    path = str(runs.write_recipe(tmp_path, text))
    assert cli.main(["bench", path, "--memory", "--batch-sizes", "8"]) == 0
    said = capsys.readouterr().out
    assert "MiB on each" in said and said.count("| 8 x 8 x 1 | 8 |") == 2
    assert cli.main(["bench", path, "--memory", "--sides", "0"]) == 2
    assert "sides and batch_sizes are at least 1, not (0,)" in capsys.readouterr().err
    points = replace(recipe, data=replace(recipe.data, name="ring", shape=(2,)))
    with pytest.raises(InputError, match="are no images: leave sides out"):
        footprint.resize_recipe(points, 8)
