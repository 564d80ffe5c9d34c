"""The tables of games with classes or codes, on tiny networks: Chen et al. 2016."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gaxjax import cli
from gaxjax.layers.conditioning import Head
from gaxjax.networks import mlp
from gaxjax.recipe import Recipe
from gaxjax.recipe.serialization import load_recipe
from gaxjax.runs.record import read_results
from gaxjax.tables import chen2016, table_run
from gaxjax.tables.reproduction import Group
from gaxjax.tables.verdict import Line

SHAPE = (8, 8, 1)


def small(target: str) -> tuple[Recipe, Path]:
    """A recipe on images of 8 px with tiny networks."""
    recipe, path = load_recipe(target)
    networks = {
        "generator": mlp.Generator(SHAPE, (4,)),
        "discriminator": Head(mlp.Discriminator((4,)), "code", 12),
    }
    data = replace(recipe.data, shape=SHAPE, memory=0.0)
    return replace(recipe, gan=replace(recipe.gan, **networks), data=data, samples=4), path


@pytest.fixture(autouse=True)
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small recipes, and a home of its own."""
    monkeypatch.setattr(chen2016, "load_recipe", small)
    monkeypatch.setenv("HOME", str(tmp_path))
    table_run.feature_protocol.cache_clear()
    yield
    table_run.feature_protocol.cache_clear()


def test_how_many_seeds_find_ten_classes(shared_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "table"
    command = ["table", "chen2016", "--out", str(out), "--budget", "smoke", "--seeds", "1"]
    assert cli.main([*command, "--data-directory", str(shared_data / "tfds")]) == 0
    error, found = read_results(out / "infogan" / "seed0")
    assert (error.metric, found.metric) == ("code_error", "classes found")
    assert (error.fake, error.split) == (500, "test") and "500 images of mnist at 8x8x1" in error.description
    # A network that has learned nothing finds some classes by chance, and never all.
    assert 0.5 < error.value < 1 and 1 <= found.value < 10
    text = (out / "chen2016.md").read_text()
    assert "All 10 classes were found by 0 of 1 seeds." in text and "| 0.05 [memory] |" in text
    # As if one had found all: what is said is counted, and not written.
    line = Line(chen2016.ROWS[1], [replace(found, value=10.0), found], 0.256, 0.0004, [])
    assert chen2016.describe_seeds([Group([line], [])]) == "All 10 classes were found by 1 of 2 seeds."
