"""Tables from the command line: what they train, write and refuse."""

import contextlib
import csv
import inspect
from collections.abc import Iterator
from pathlib import Path

import games
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from gaxjax import cli, tables
from gaxjax.errors import Diverged, InputError
from gaxjax.game import init, objective, own
from gaxjax.plain import describe, differences
from gaxjax.record import read_metrics, read_run
from gaxjax.tables import objectives


def test_a_list_of_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["table"]) == 0
    said = capsys.readouterr()
    for name in tables.NAMES:
        assert f"\n  {name} " in said.out
    assert "One DCGAN with each objective" in said.out and said.err == ""


def test_an_unknown_table_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["table", "objectivs"]) == 2
    expected = f"error: unknown table 'objectivs'; known: {', '.join(tables.NAMES)}\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize("name", tables.NAMES)
def test_help_of_every_table(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every option of the function is one of the command, and its line says what it is."""
    with pytest.raises(SystemExit) as stop:
        cli.main(["table", name, "--help"])
    assert stop.value.code == 0
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for option, parameter in inspect.signature(tables.named(name)).parameters.items():
        flag = f"--{option.replace('_', '-')}"
        assert f"{flag} " in text or f"{flag}," in text, option
        assert option == "out" or parameter.default is not inspect.Parameter.empty
    assert "--out PATH directory of the table" in text
    assert f"(default: tables/{name})" in text


def test_help_of_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["table", "objectives", "--help"])
    assert stop.value.code == 0
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "--out PATH directory of the table and its runs (default: tables/objectives)" in text
    assert "--only STR objectives, comma-separated; empty for all" in text


# Objectives


@contextlib.contextmanager
def tiny() -> Iterator[None]:
    """Images of 8 px."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objectives, "SHAPE", (8, 8, 1))
        yield


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A table of one objective on the built-in digits, at 8 px, and the command that made it."""
    out = tmp_path_factory.mktemp("tables") / "objectives"
    command = ["table", "objectives", "--out", str(out), "--dataset", "digits", "--kimg", "0.128"]
    command += ["--features", "2", "--only", "wasserstein_clip"]
    with tiny():
        assert cli.main(command) == 0
    return out, command


def test_a_table_of_objectives(table: tuple[Path, list[str]]) -> None:
    out, _ = table
    assert {path.name for path in out.iterdir()} == {
        "wasserstein_clip",
        "objectives.csv",
        "objectives.md",
        "objectives.png",
    }
    rows = list(csv.DictReader((out / "objectives.csv").read_text().splitlines()))
    (row,), end = rows, read_metrics(out / "wasserstein_clip")[-1]
    assert row["objective"] == "Wasserstein, clipped"
    assert (int(row["steps"]), row["outcome"], end["images"]) == (2, "finished", 128)
    assert float(row["discriminator/loss"]) == end["discriminator/loss"]
    assert float(row["distance"]) > 0
    text = (out / "objectives.md").read_text()
    assert text.count("\n| ") == 2 and "397 samples" in text.replace("\n", " ")
    with Image.open(out / "objectives.png") as picture:
        assert picture.size == (1000, 400)  # its samples, and real images


def test_the_rows_differ_by_the_game_alone() -> None:
    recipes = [objectives.recipe(name, "digits", "", 1.0, 2, 0) for name in objectives.ENTRIES]
    assert len({str(describe(recipe)["gan"]["generator"]) for recipe in recipes}) == 1
    found = {
        line.split(":")[0] for recipe in recipes for line in differences(*map(describe, (recipes[0], recipe)))
    }
    own = ("objective", "penalties", "discriminator_bounds", "discriminator_weights", "discriminator")
    assert {path.split(".")[1] for path in found} == set(own)
    assert {path.split(".")[0] for path in found} == {"gan"}


def test_what_is_finished_is_not_trained_again(
    table: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    out, command = table
    written = ("objectives.csv", "objectives.md", "wasserstein_clip/metrics.jsonl")
    before = [(out / name).read_bytes() for name in written]
    with tiny():
        assert cli.main(command) == 0
    assert capsys.readouterr().out.count("this run is finished") == 1
    assert [(out / name).read_bytes() for name in written] == before


def test_a_diverged_objective_is_a_row(
    table: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(*_: object) -> None:
        raise Diverged("the loss is nan at step 2")

    monkeypatch.setattr(objectives, "train", train)
    folder = table[0] / "wasserstein_clip"
    row = objectives.measure(folder, read_run(folder), np.zeros((3, 8, 8, 1)))
    assert row["outcome"] == "the loss is nan at step 2" and "distance" not in row and row["steps"] == 2
    assert "| the loss is nan at step 2 |" in objectives.as_markdown([{"objective": "any", **row}])


def test_an_unknown_objective_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["table", "objectives", "--out", str(tmp_path / "out"), "--only", "hinge,energy"]) == 2
    assert capsys.readouterr().err.startswith("error: unknown objective 'hinge'; known: minimax, nonsat")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", objectives.ENTRIES)
def test_every_objective_fits_the_discriminator(name: str) -> None:
    """Traced, not computed: penalties are not refused, features are there."""
    gan = objectives.recipe(name, "fashion_mnist", "", 1.0, 2, 0).gan
    batch, key = {"image": jnp.zeros((4, *objectives.SHAPE))}, jax.random.key(0)
    state = jax.eval_shape(lambda: init(gan, games.sgd(gan), key, batch))
    for player in gan.players:
        loss, _ = jax.eval_shape(
            lambda state, player=player: objective(gan, player, state, batch, key)(
                own(gan, player, state.params)
            ),
            state,
        )
        assert loss.shape == ()


def test_sliced_wasserstein_by_hand() -> None:
    """A shift by v is as far as the mean of |v u| over unit vectors u: 2 / pi of its length in the plane."""
    points = np.random.default_rng(0).normal(size=(50, 2))
    shift = np.array([3.0, 4.0])
    found = objectives.sliced_wasserstein(points, np.roll(points, 7, axis=0) + shift, directions=20_000)
    # The standard deviation of 5 |cos| is 1.54.
    assert abs(found - 5 * 2 / np.pi) < 4 * 1.54 / np.sqrt(20_000)
    assert objectives.sliced_wasserstein(points, points[::-1]) == 0
    with pytest.raises(InputError, match=r"one size and shape are compared; got \(50, 2\) and \(49, 2\)"):
        objectives.sliced_wasserstein(points, points[1:])
