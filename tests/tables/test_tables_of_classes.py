"""The tables of games with classes or codes, on tiny networks: Mirza and Osindero 2014, Chen et al. 2016."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import pytest

from gaxjax import cli, features
from gaxjax.layers.conditioning import Head
from gaxjax.metrics.result import Result
from gaxjax.networks import mlp
from gaxjax.recipe import Recipe
from gaxjax.recipe.serialization import load_recipe
from gaxjax.runs.record import read_results
from gaxjax.tables import chen2016, mirza2014, table_run
from gaxjax.tables.reproduction import Group
from gaxjax.tables.verdict import Line

SHAPE = (8, 8, 1)


def small(target: str) -> tuple[Recipe, Path]:
    """A recipe on images of 8 px with tiny networks."""
    recipe, path = load_recipe(target)
    networks: dict[str, Any] = {
        "generator": mlp.Generator(SHAPE, (4,)),
        "discriminator": Head(mlp.Discriminator((4,)), "code", 12),
    }
    if target == "cgan_mnist":
        generator, discriminator = recipe.gan.generator, recipe.gan.discriminator
        widths = {"label_features": 4, "features": (4,)}
        networks = {
            "generator": replace(generator, shape=SHAPE, latent_features=4, **widths),
            "discriminator": replace(discriminator, image_features=4, **widths | {"features": 4}),
        }
    data = replace(recipe.data, shape=SHAPE, memory=0.0)
    return replace(recipe, gan=replace(recipe.gan, **networks), data=data, samples=4), path


@pytest.fixture(autouse=True)
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small recipes, and a home of its own."""
    for table in (chen2016, mirza2014):
        monkeypatch.setattr(table, "load_recipe", small)
    monkeypatch.setenv("HOME", str(tmp_path))
    table_run.feature_protocol.cache_clear()
    yield
    table_run.feature_protocol.cache_clear()


def test_how_many_seeds_find_ten_classes() -> None:
    """A run counts where it found all of them, by that number alone."""
    error, found = chen2016.rows()
    assert error.name == found.name and (error.better, found.better) == ("lower", "higher")
    lines = [
        Line(error, [Result("code_error", 0.1), Result("code_error", 10.0)], 640.0, 1.0, []),
        Line(found, [Result("classes found", value) for value in (10.0, 9.0, 10.0)], 640.0, 1.0, []),
    ]
    assert chen2016.describe_seeds([Group(lines, [])]) == "All 10 classes were found by 2 of 3 seeds."
    recipe = error.recipe() if error.recipe else None
    assert recipe and recipe.kimg == 640  # 50 epochs of 100 minibatches of 128


def test_narrower_networks_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both networks' widths are set, Q's head stays, and no verdict compares them with the paper's."""
    monkeypatch.setattr(chen2016, "load_recipe", load_recipe)
    whole, narrow = chen2016.infogan(), chen2016.infogan(16, 256)
    assert whole == load_recipe("infogan_mnist")[0]
    generator, discriminator = narrow.gan.generator, narrow.gan.discriminator
    assert (generator.features, generator.hidden) == (16, (256,))
    assert (discriminator.network.features, discriminator.network.hidden) == (16, (256,))
    assert discriminator.hidden == whole.gan.discriminator.hidden == (128,)
    assert (whole.gan.generator.features, whole.gan.generator.hidden) == (
        chen2016.FEATURES,
        (chen2016.HIDDEN,),
    )
    assert [row.differs for row in chen2016.rows(16)] == ["narrower networks"] * 2
    assert not any(row.differs for row in chen2016.rows())


@pytest.mark.slow  # the metric is tested in evaluation/test_classes.py, the rest is goodfellow2014's
def test_the_code_of_a_run_is_measured(shared_data: Path, tmp_path: Path) -> None:
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


def test_rows_of_the_conditional_gan() -> None:
    """Four models of others, quoted; one run, with 1,000 samples of each class, in two numbers."""
    *quoted, parzen, accuracy = mirza2014.ROWS
    assert [(row.title, str(row.printed)) for row in quoted] == [
        ("DBN", "138 ± 2 [secondary]"),
        ("Stacked CAE", "121 ± 1.6 [secondary]"),
        ("Deep GSN", "214 ± 1.1 [secondary]"),
        ("Adversarial nets", "225 ± 2 [secondary]"),
    ]
    assert all(row.recipe is None for row in quoted)
    assert str(parzen.printed) == "132 ± 1.8 [secondary]" and accuracy.printed is None
    assert parzen.name == accuracy.name and parzen.evaluation == accuracy.evaluation
    evaluation = parzen.evaluation
    assert evaluation and evaluation.balanced and (evaluation.n, evaluation.split) == (10_000, "test")
    assert mirza2014.conditional().kimg == mirza2014.LENGTH


@pytest.mark.slow  # what it does beyond rows is goodfellow2014's, and tested there
def test_the_conditional_gan_is_measured_in_two_ways(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_features(name: str, weights: Path | None = None, directory: str = "") -> features.Features:
        def apply(params: Any, images: jax.Array, levels: tuple[str, ...]) -> dict[str, jax.Array]:
            return dict.fromkeys(levels, images.reshape(len(images), -1)[:, 20:30])

        return features.Features("classifier-mnist", {"logits": 10}, "logits", "none", "f00d", {}, apply)

    monkeypatch.setattr(features, "load_features", load_features)
    out = tmp_path / "table"
    command = ["table", "mirza2014", "--out", str(out), "--budget", "smoke"]
    assert cli.main([*command, "--data-directory", str(shared_data / "tfds")]) == 0
    by_name = {result.metric: result for result in read_results(out / "conditional" / "seed0")}
    assert set(by_name) == {"parzen", "class_accuracy", "class_accuracy_real"}
    assert all("samples of all classes alike" in result.options for result in by_name.values())
    assert 0 <= by_name["class_accuracy"].value <= 1 and by_name["class_accuracy"].fake == 500
    assert "| DBN | " in (out / "mirza2014.md").read_text()
