"""Tables from the command line: what they train, write and refuse."""

import contextlib
import csv
import inspect
from collections.abc import Iterator
from pathlib import Path

import games
import jax
import jax.numpy as jnp
import pytest
from PIL import Image

from gaxjax import cli, tables
from gaxjax.errors import Diverged
from gaxjax.game import init, objective, player_params
from gaxjax.recipe.serialization import describe, differences
from gaxjax.runs.record import read_results
from gaxjax.tables import objectives, table_run


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
    for option, parameter in inspect.signature(tables.find_table(name)).parameters.items():
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
    """Images of 16 px, the least that the distance has a level for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objectives, "SHAPE", (16, 16, 1))
        patch.setattr(objectives, "COMPARED", 100)
        yield


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A table of one objective on the built-in digits, at 16 px, and the command that made it."""
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
        "objectives.json",
        "objectives.md",
        "objectives.png",
    }
    (row,) = csv.DictReader((out / "objectives.csv").read_text().splitlines())
    (result,) = read_results(out / "wasserstein_clip" / "seed0")
    assert (row["row"], row["metric"], float(row["kimg"])) == ("Wasserstein, clipped", "swd", 0.128)
    assert float(row["values"]) == pytest.approx(result.value, rel=1e-5) and result.value > 0
    assert (result.fake, result.real, result.split, result.checkpoint) == (100, 100, "train[1400:]", 128)
    text = (out / "objectives.md").read_text()
    assert text.startswith("digits at 16 px, 0.128 kimg each") and text.count("\n| ") == 3
    with Image.open(out / "objectives.png") as picture:
        assert picture.height >= 300  # its samples under their title


def test_the_rows_differ_by_the_game_alone() -> None:
    recipes = [objectives.recipe(name, "digits", 1.0, 2) for name in objectives.ENTRIES]
    assert len({str(describe(recipe)["gan"]["generator"]) for recipe in recipes}) == 1
    found = {
        line.split(":")[0] for recipe in recipes for line in differences(*map(describe, (recipes[0], recipe)))
    }
    assert {path.split(".")[1] for path in found} == {"adversary", "discriminator"}
    assert {path.split(".")[0] for path in found} == {"gan"}


def test_what_is_finished_is_not_trained_again(
    table: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    out, command = table
    written = ("objectives.csv", "objectives.md", "wasserstein_clip/seed0/metrics.jsonl")
    before = [(out / name).read_bytes() for name in written]
    with tiny():
        assert cli.main(command) == 0
    assert capsys.readouterr().out.count("this run is finished") == 1
    assert [(out / name).read_bytes() for name in written] == before


def test_a_diverged_objective_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*_: object) -> None:
        raise Diverged("the loss is nan at step 2")

    monkeypatch.setattr(table_run, "train", train)
    text = objectives.make(tmp_path, dataset="digits", features=2, only="hinge_spectral")
    assert "| hinge, spectral norm |  | no result: the loss is nan at step 2 | 64 |" in text


def test_an_unknown_objective_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["table", "objectives", "--out", str(tmp_path / "out"), "--only", "hinge,energy"]) == 2
    assert capsys.readouterr().err.startswith("error: unknown row 'hinge'; known: minimax, nonsat")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", objectives.ENTRIES)
def test_every_objective_fits_the_discriminator(name: str) -> None:
    """Traced, not computed: penalties are not refused, features are there."""
    gan = objectives.recipe(name, "fashion_mnist", 1.0, 2).gan
    batch, key = {"image": jnp.zeros((4, *objectives.SHAPE))}, jax.random.key(0)
    state = jax.eval_shape(lambda: init(gan, games.sgd(gan), key, batch))
    for player in gan.players:
        loss, _ = jax.eval_shape(
            lambda state, player=player: objective(gan, player, state, batch, key)(
                player_params(gan, player, state.params)
            ),
            state,
        )
        assert loss.shape == ()
