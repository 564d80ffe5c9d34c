"""The command line: what its commands print, write and do not write."""

import json
import shutil
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
import runs
from PIL import Image

from gaxjax import cli
from gaxjax.data import Data, open_source, spec_of
from gaxjax.parallel.configure import configure_jax
from gaxjax.recipe.serialization import CONFIG, describe, load_recipe


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe file that defines its own game and networks."""
    return runs.write_recipe(tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="module")
def run(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of ten steps."""
    workdir = tmp_path_factory.mktemp("run") / "run"
    assert cli.main(["train", f"{recipe}:short", "--workdir", str(workdir)]) == 0
    return workdir


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["train", "--help"], ["show", "-h"]])
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 0
    said = capsys.readouterr()
    for command in ("train", "show", "sample", "edit", "evaluate", "table", "classifier", "prepare"):
        assert f"gaxjax {command} " in said.out
    assert said.err == ""


def test_nothing_and_unknown_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "gaxjax train CONFIG[:name]" in capsys.readouterr().out
    assert cli.main(["trian"]) == 2
    known = (
        "train, status, show, bench, compile, sample, translate, edit, evaluate, table, classifier, prepare"
    )
    assert capsys.readouterr().err == f"error: unknown command 'trian'; known: {known}\n"


@pytest.mark.parametrize("command", ["sample", "translate", "evaluate", "classifier", "prepare"])
def test_help_of_a_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main([command, "--help"])
    assert stop.value.code == 0 and f"usage: gaxjax {command}" in capsys.readouterr().out


def test_help_of_a_recipe_file_of_ones_own(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", str(recipe), "--help"])
    assert stop.value.code == 0
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "A tiny game with batch norm, convolutions and a value of its own, on the digits." in text
    for flag, line, default in (
        ("--gan.painter.width INT", "units of the hidden layer", "12"),
        ("--gan.critic.channels INT", "of the convolution", "4"),
        ("--gan.memory FLOAT", "share of the old mean that a step leaves", "0.9"),
        ("--gan.latents.size INT", "number of latent variables; of a category, its classes", "4"),
        ("--optimizers.painter.b2 FLOAT", "decay of the second moment (adam, rmsprop)", "0.999"),
        ("--data.name STR", '"digits" (built in), "ring"', None),
        ("--half-life FLOAT", "of the moving average of parameters, in images", None),
        ("--workdir DIR", "directory of the run: made, or resumed if it is there", "None"),
    ):
        assert f"{flag} {line}" in text
        assert default is None or f"{flag} {line} (default: {default})" in text


def test_dry_run_writes_nothing(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", str(recipe), "--workdir", "run", "--gan.painter.width", "8", "--dry-run"]) == 0
    said = capsys.readouterr()
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert lines[0] == "data digits, 1,797 examples: image uint8[8, 8, 1], label int32[]"
    assert lines[1] == "devices 1 cpu, 1 process(es)"
    expected = "stage 60 steps of 16 images (0.96 kimg): critic x 1, then painter x 1, "
    assert lines[2].startswith(expected + "16 examples of a minibatch on each device")
    painter = 4 * 8 + 8 + 2 * 8 + 8 * 64 + 64
    critic = 3 * 3 * 4 + 4 + 2 * 4 + 64 + 1
    assert {f"painter Painter {painter}", f"critic Critic {critic}", f"parameters {painter + critic}"} <= {
        *lines
    }
    assert lines[-1] == "nothing was written" and said.err == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--evaluation.metrics fid,psnr", "psnr compares pairs, and samples of noise have no partner"),
        ("--evaluation.metrics fid --evaluation.best kid", "best='kid' is not measured"),
        ("--evaluation.metrics mig", "mig"),
        ("--evaluation.metrics accuracy", "Duel is told no class and has no method classify"),
    ],
)
def test_a_dry_run_looks_at_what_is_measured(
    recipe: Path, flags: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Features are looked at by the start: Inception's file, which is not there, is not missed."""
    assert cli.main(["train", f"{recipe}:short", "--dry-run", *flags.split()]) == 2
    assert message in capsys.readouterr().err


def test_show_is_the_recipe_resolved(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", f"{recipe}:short", "--optimizers.critic.learning-rate", "0.5"]) == 0
    head, _, text = capsys.readouterr().out.partition("{")
    shown, written = json.loads("{" + text), describe(load_recipe(f"{recipe}:short")[0])
    assert shown["optimizers"]["critic"]["learning_rate"] == 0.5
    shown["optimizers"]["critic"]["learning_rate"] = 2e-4
    assert shown == written and written["kimg"] == 0.16
    assert head.splitlines()[0] == "Duel" and "parameters" in head
    # Parameters are counted from shapes: no data are there, and none are needed.
    gone = ["--data.name", "folder", "--data.directory", str(recipe.parent / "gone")]
    assert cli.main(["show", f"{recipe}:short", *gone]) == 0
    assert capsys.readouterr().out.partition("{")[0] == head


@pytest.mark.parametrize("data", [Data("digits", (8, 8, 1)), Data("ring", (2,)), Data("mixture", (1,))])
def test_a_description_says_what_examples_are(data: Data) -> None:
    assert spec_of(data) == open_source(data).spec


def test_sample(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def draw(name: str, *flags: str) -> np.ndarray:
        assert cli.main(["sample", str(run), "--out", str(tmp_path / name), *flags]) == 0
        assert capsys.readouterr().out == f"samples: {tmp_path / name}\n"
        with Image.open(tmp_path / name) as picture:
            return np.asarray(picture)

    grid = draw("grid.png")
    assert grid.shape == (6 * (8 * 10 - 2), 6 * (8 * 10 - 2))  # 64 of 8 pixels, enlarged
    assert np.array_equal(grid, draw("again.png", "--n", "64", "--seed", "0"))
    assert not np.array_equal(grid, draw("others.png", "--seed", "1"))
    assert draw("few.png", "--n", "2").shape == (26 * 8, 26 * 18)


def test_sample_changes_nothing_in_the_run(run: Path, tmp_path: Path) -> None:
    """It may be going on: a checkpoint that is being written, or cannot be read, is left where it is."""
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    (copy / "checkpoints/000000012.orbax-checkpoint-tmp").mkdir()
    shutil.copytree(copy / "checkpoints/000000010", copy / "checkpoints/000000011")
    (copy / "checkpoints/000000011/state/manifest.ocdbt").unlink()
    before = sorted(copy.rglob("*"))
    assert cli.main(["sample", str(copy), "--n", "4", "--out", str(tmp_path / "grid.png")]) == 0
    assert sorted(copy.rglob("*")) == before


def test_classes_of_a_recipe_file_are_found_again(run: Path, tmp_path: Path, recipe: Path) -> None:
    """Through the run's own config.py, whether the process has read another file since, or none."""
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    other = runs.write_recipe(tmp_path, "class Duel: ...")
    assert cli.main(["show", str(other)]) == 2  # it has no recipe; its Duel is not the run's
    assert cli.main(["sample", str(copy), "--out", str(tmp_path / "one.png")]) == 0
    sys.modules.pop(CONFIG)
    assert cli.main(["sample", str(copy), "--out", str(tmp_path / "two.png")]) == 0
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    # A run goes on with the file that it is started from, and keeps that one.
    changed = runs.write_recipe(tmp_path / "new", runs.GAME.replace("jnp.tanh(", "jnp.tanh(0 * "))
    assert cli.main(["train", f"{changed}:short", "--workdir", str(copy)]) == 0
    assert cli.main(["sample", str(copy), "--out", str(tmp_path / "gray.png")]) == 0
    with Image.open(tmp_path / "gray.png") as picture:
        assert set(np.unique(np.asarray(picture))) == {128, 255}  # gray, and the gaps


def test_compiled_programs_are_kept_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    before = jax.config.jax_compilation_cache_dir
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/somewhere")
    configure_jax()
    assert jax.config.jax_compilation_cache_dir == "/somewhere"
    jax.config.update("jax_compilation_cache_dir", before)


def test_a_dry_run_looks_at_the_workdir(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, run = runs.write_recipe(tmp_path), tmp_path / "run"
    run.mkdir()
    (run / "thesis.tex").touch()
    assert cli.main(["train", str(recipe), "--workdir", str(run), "--dry-run"]) == 2
    assert "is there and is not a run of gaxjax" in capsys.readouterr().err
    assert cli.main(["train", str(recipe), "--dry-run", "--restart"]) == 2
    assert "--restart is for a run" in capsys.readouterr().err
