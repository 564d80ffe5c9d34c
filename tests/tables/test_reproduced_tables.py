"""The tables of Lucic et al. 2018 and Metz et al. 2017: their rows, and the commands on tiny networks."""

import csv
import functools
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from PIL import Image

from gaxjax import cli, features
from gaxjax.errors import InputError
from gaxjax.networks import mlp
from gaxjax.objectives import Minimax, ZeroSum
from gaxjax.penalties import DRAGAN, GradientPenalty
from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.serialization import load_recipe
from gaxjax.runs.record import read_results
from gaxjax.solvers import Unrolled
from gaxjax.tables import lucic2018, metz2017, table_run

# Lucic et al. 2018


@pytest.mark.parametrize(
    ("name", "rate", "b1", "updates", "norm"),
    [
        ("mm_gan", 5e-5, 0.0, 1, "batch"),
        ("ns_gan", 5e-5, 0.0, 1, "batch"),
        ("lsgan", 2e-4, 0.5, 1, "batch"),
        ("wgan", 5e-5, 0.5, 5, "batch"),
        ("wgan_gp", 1e-4, 0.5, 5, "none"),
        ("dragan", 1e-4, 0.5, 1, "none"),
        ("began", 1e-4, 0.5, 5, "none"),
    ],
)
def test_settings_of_the_study(name: str, rate: float, b1: float, updates: int, norm: str) -> None:
    """The authors' defaults, and 20 epochs of 60,000 images, which the discriminator sees."""
    recipe = lucic2018.recipe(name, "fashion_mnist")
    for player, optimizer in recipe.optimizers.items():
        assert (optimizer.name, optimizer.learning_rate, optimizer.b1, optimizer.b2) == (
            "adam",
            rate,
            b1,
            0.999,
        )
        assert optimizer.updates == (updates if player == "discriminator" else 1)
    discriminator = recipe.gan.discriminator  # WGAN's is clipped, and wrapped for it
    assert getattr(discriminator, "network", discriminator).norm == norm
    assert (recipe.gan.latents.size, recipe.gan.latents.prior, recipe.gan.latents.bound) == (
        64,
        "uniform",
        1.0,
    )
    (stage,) = recipe.all_stages
    assert stage.steps * updates == 20 * 60_000 // 64 and stage.images_per_step == 64 * updates
    assert (recipe.half_life, recipe.data.name, recipe.data.shape) == (0, "fashion_mnist", (28, 28, 1))


def test_the_vae_of_the_study() -> None:
    """The discriminator's layers encode and the generator's decode, with one rule for both."""
    recipe = lucic2018.recipe("vae", "mnist")
    gan: Any = recipe.gan
    assert (gan.encoder.norm, gan.decoder.norm, gan.decoder.output) == ("batch", "batch", "none")
    assert (gan.latents.size, gan.latents.prior, gan.encoder.size) == (64, "normal", 64)
    (optimizer,) = recipe.optimizers.values()
    assert (optimizer.learning_rate, optimizer.b1, optimizer.updates) == (5e-5, 0.5, 1)
    assert (recipe.all_stages[0].steps, recipe.half_life) == (20 * 60_000 // 64, 0)


def test_penalties_are_the_study_s_on_its_own_pixels() -> None:
    """10 (slope - 1)^2 where pixels are in [0, 1], whatever images outside are."""
    keys = jax.random.split(jax.random.key(0), 3)
    real, fake = (jax.random.uniform(key, (5, 4, 4, 1), minval=-1.0) for key in keys[:2])

    def theirs(pixels: jax.Array) -> jax.Array:
        return 3 * jnp.sum(jnp.sin(4 * pixels) * pixels, axis=(1, 2, 3))

    for name, plain in (("wgan_gp", GradientPenalty(10.0)), ("dragan", DRAGAN(10.0))):
        (penalty,) = lucic2018.recipe(name, "mnist").gan.adversary.penalties

        def both(penalty: Any = penalty, plain: Any = plain) -> tuple[jax.Array, jax.Array]:
            ours = penalty(lambda x: theirs((x + 1) / 2), real, fake, keys[2], 0)
            return ours, plain(theirs, (real + 1) / 2, (fake + 1) / 2, keys[2], 0)

        ours, expected = quick.run(both)
        np.testing.assert_allclose(ours, expected, rtol=1e-4)


def test_rows_of_the_study() -> None:
    for dataset in ("mnist", "fashion_mnist"):
        rows = lucic2018.rows(dataset, "inception", "")
        assert [row.title for row in rows] == [*lucic2018.MODELS.values()] and all(row.recipe for row in rows)
        marks = {row.name: row.printed.mark for row in rows if row.printed}
        assert [name for name, mark in marks.items() if mark != "read"] == [f"{dataset}/vae"]
    with pytest.raises(InputError, match="dataset is one of mnist, fashion_mnist, not 'cifar10'"):
        lucic2018.rows("cifar10", "inception", "")


def small(target: str) -> tuple[Recipe, Path]:
    """A recipe on images of 8 px, with other networks, tiny ones; images are decoded as they are needed."""
    recipe, path = load_recipe(target)
    shape = (8, 8, recipe.data.shape[2])
    networks = {"generator": mlp.Generator(shape, (4,)), "discriminator": mlp.Discriminator((4,))}
    data = replace(recipe.data, shape=shape, memory=0.0)
    return replace(recipe, gan=replace(recipe.gan, **networks), data=data, samples=4), path


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small recipes, and a home of its own."""
    for table in (lucic2018, metz2017):
        monkeypatch.setattr(table, "load_recipe", small)
    monkeypatch.setattr(lucic2018, "Evaluation", functools.partial(Evaluation, real=500))
    monkeypatch.setenv("HOME", str(tmp_path))
    table_run.feature_protocol.cache_clear()
    yield
    table_run.feature_protocol.cache_clear()


DRAWN = ("curves.png", "samples.gif", "moments.png")
"""What every start of a run draws again."""


def times(folder: Path) -> dict[str, int]:
    """When each file of the runs was last written; every start opens a new file of events."""
    files = [path for path in folder.rglob("*") if path.is_file() and "tensorboard" not in path.parts]
    return {str(path): path.stat().st_mtime_ns for path in files}


@pytest.mark.usefixtures("tiny")
def test_a_table_is_trained_and_measured_once(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, run = tmp_path / "table", tmp_path / "table" / "mnist" / "ns_gan" / "seed0"
    command = ["table", "lucic2018", "--out", str(out), "--budget", "smoke", "--only", "ns_gan"]
    command += ["--data-directory", str(shared_data / "tfds")]
    assert cli.main([*command, "--features", "pixels", "--seeds", "1"]) == 0
    said = capsys.readouterr().out
    assert said.count("this run is finished") == 0 and said.count("FID-pixels ") == 1
    written = {path.name for path in out.iterdir()}
    assert written == {"mnist", *(f"lucic2018_mnist.{end}" for end in ("md", "csv", "json", "png"))}
    text = (out / "lucic2018_mnist.md").read_text()
    reason = "not comparable: ours is FID-pixels, theirs FID, at 0.0002 of the paper's length | 0.24 |"
    assert f"(1) | 6.8 ± 0.5 |  | {reason}" in text
    assert "FID-pixels: pixels, resized: none; 256 images against 500 of mnist at 8x8x1" in text
    with Image.open(out / "lucic2018_mnist.png") as picture:
        assert picture.width >= 200
    (value,) = values_of(out)
    assert value > 0

    before = times(run)
    assert cli.main([*command, "--features", "pixels", "--seeds", "2"]) == 0
    said = capsys.readouterr().out
    assert said.count("this run is finished") == 1 and said.count("FID-pixels ") == 2
    after = times(run)
    changed = {Path(name).name for name in before if before[name] != after[name]}
    assert changed <= {"recipe.json", *DRAWN} and before.keys() == after.keys()
    first, second = values_of(out)
    assert first == value != second
    (row,) = csv.DictReader((out / "lucic2018_mnist.csv").read_text().splitlines())
    assert [float(number) for number in row["values"].split()] == pytest.approx([first, second], rel=1e-5)
    assert row["ours (runs)"].endswith("(2)")

    # Through other features it is another number, of the same run.
    (tmp_path / "gray.py").write_text("def mean(images):\n    return images.mean(axis=(2, 3))\n")
    assert cli.main([*command, "--features", f"{tmp_path}/gray.py:mean", "--seeds", "1"]) == 0
    (other,) = values_of(out)
    assert other != value and [result.value for result in read_results(run)] == [value, other]
    trained = ("metrics.jsonl", "checkpoints")
    after = times(run)
    assert all(after[name] == time for name, time in before.items() if any(word in name for word in trained))

    # Both seeds in one program are the two runs that there were.
    assert cli.main([*command, "--features", "pixels", "--seeds", "2", "--together"]) == 0
    assert capsys.readouterr().out.count("all seeds") == 1
    assert (out / "mnist" / "ns_gan" / "seeds2" / "recipe.json").exists()
    assert values_of(out) == pytest.approx([first, second], rel=1e-3)


def values_of(out: Path) -> list[float]:
    """The numbers of the table's first row."""
    (entry,) = json.loads((out / "lucic2018_mnist.json").read_text())
    return [result["value"] for result in entry["results"]]


def test_unknown_models_are_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["table", "lucic2018", "--out", str(tmp_path / "out"), "--only", "gan"]) == 2
    assert capsys.readouterr().err.startswith("error: unknown row 'mnist/gan'; known: mnist/mm_gan, ")
    assert not (tmp_path / "out").exists()


# Metz et al. 2017


def test_rows_of_unrolling() -> None:
    rows = metz2017.rows()
    assert [row.metric for row in rows] == ["modes", "modes kl"] * 8
    assert {row.printed.mark for row in rows if row.printed} == {"memory"}
    assert len({row.name for row in rows}) == 8
    for size, share in (("quarter", 4), ("half", 2)):
        gan = metz2017.recipe(size, 5).gan
        assert share * gan.discriminator.features == gan.generator.features
        assert gan.discriminator.norm == "none" and gan.adversary.objective == ZeroSum(Minimax())
    assert metz2017.recipe("half", 10).solver == Unrolled(10)
    one, other = (metz2017.recipe("quarter", updates) for updates in (0, 1))
    assert one != other and replace(one, solver=other.solver) == other


def corner_of(images: jax.Array) -> jax.Array:
    """A class for every image, by ten of its pixels: [N, 10]."""
    return images.reshape(len(images), -1)[:, 20:30]


@pytest.mark.usefixtures("tiny")
def test_two_numbers_of_one_run(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a classifier that needs no training; both rows have one run, which is measured once."""

    def load_features(name: str, weights: Path | None = None, directory: str = "") -> features.Features:
        assert name == "classifier(mnist)"

        def apply(params: Any, images: jax.Array, levels: tuple[str, ...]) -> dict[str, jax.Array]:
            return dict.fromkeys(levels, corner_of(images))

        return features.Features("classifier-mnist", {"logits": 10}, "logits", "none", "f00d", {}, apply)

    monkeypatch.setattr(features, "load_features", load_features)
    out = tmp_path / "table"
    command = ["table", "metz2017", "--out", str(out), "--budget", "smoke", "--only", "quarter_1"]
    command += ["--data-directory", str(shared_data / "tfds")]
    assert cli.main(command) == 0
    said = capsys.readouterr().out
    assert said.count("== D 1/4 of G, 1 step, seed 0") == 1 and said.count("this run is finished") == 0
    modes, kl = read_results(out / "quarter_1" / "seed0")
    assert (modes.metric, kl.metric, modes.fake) == ("modes", "modes kl", 128)
    assert 1 <= modes.value <= 128 and math.log(1000 / modes.value) <= kl.value + 1e-9
    told = json.loads((out / "metz2017.json").read_text())
    assert [entry["results"][0]["value"] for entry in told] == [modes.value, kl.value]
    assert [entry["paper"]["value"] for entry in told] == [65.4, 5.911]
    text = (out / "metz2017.md").read_text()
    head, _, row = (line for line in text.splitlines() if line.startswith("| "))
    for name, printed in (("modes", "65.4 ± 34.75 [memory]"), ("modes kl", "5.911 ± 0.14 [memory]")):
        assert f"| {name}, ours (runs) | {name}, paper |" in head and f" (1) | {printed} |" in row
    assert row.count("not comparable: ours is of 128 samples, theirs of 25,600") == 1


def test_ten_updates_are_left_to_more_than_a_small_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[str]] = []
    monkeypatch.setattr(
        metz2017,
        "reproduce",
        lambda out, name, about, rows, *more: asked.append({row.name for row in rows}) or "",
    )
    for budget, only in (("small", ""), ("paper", ""), ("0.1", ""), ("small", "half_10")):
        metz2017.make(tmp_path, budget=budget, only=only)
    assert asked[1] == asked[2] and len(asked[1]) == 8
    assert asked[0] == {name for name in asked[1] if not name.endswith("_10")}
    assert asked[3] == {"half_10"}
