"""What cannot be done is refused before the first step, with a message that says what to do."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import runs
from PIL import Image

from gaxjax import cli, parallel
from gaxjax.data import open_source
from gaxjax.errors import InputError
from gaxjax.programs.program import StageProgram
from gaxjax.recipe import Data, Optimizer, Recipe
from gaxjax.recipe.serialization import load_recipe
from gaxjax.runs.checkpoint import Checkpoints

ADVERSARIAL = '''
from gaxjax.adversary import Adversary
from gaxjax.gans.adversarial import Adversarial
from gaxjax.networks import dcgan, mlp
from gaxjax.penalties import R1, GradientPenalty


class Row(nn.Module):
    """One logit each, in a row of one example."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return Dense(1)(flatten(x)).T


def game(generator: nn.Module, discriminator: nn.Module, **options: Any) -> Recipe:
    players = {"discriminator": Optimizer(), "generator": Optimizer()}
    return replace(recipe, gan=Adversarial(generator, discriminator, **options), optimizers=players)


small = game(mlp.Generator((4, 4, 1)), mlp.Discriminator())
row = game(mlp.Generator((8, 8, 1)), Row())
slopes = Adversary(penalties=(R1(),))
penalized = game(dcgan.Generator((8, 8, 1), 4, 1), dcgan.Discriminator(4, 2), adversary=slopes)
'''


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runs.write_recipe(tmp_path_factory.mktemp("recipe"), runs.GAME + ADVERSARIAL)


@pytest.fixture(scope="module")
def finished(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with checkpoints at steps 5 and 10; not to be changed."""
    workdir = tmp_path_factory.mktemp("finished") / "run"
    assert cli.main(["train", f"{recipe}:short", "--workdir", str(workdir)]) == 0
    return workdir


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


class Refusal:
    """`gaxjax train` with something wrong: its status is 2, and it has not made the directory of the run."""

    def __init__(self, recipe: Path, workdir: Path, capsys: pytest.CaptureFixture[str]):
        self.recipe, self.workdir, self.capsys = recipe, workdir, capsys

    def __call__(self, *flags: str, name: str = "short", workdir: Path | None = None) -> str:
        """Everything that it says."""
        target = name if name.endswith(".py") else f"{self.recipe}:{name}"
        try:
            status = cli.main(["train", target, "--workdir", str(workdir or self.workdir), *flags])
        except SystemExit as stop:  # the parser of flags leaves so
            status = stop.code
        said = self.capsys.readouterr()
        assert status == 2 and said.out == ""
        assert workdir or not self.workdir.exists()
        return said.err


@pytest.fixture
def refusal(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refusal:
    return Refusal(recipe, tmp_path / "run", capsys)


def test_unknown_recipe_file(refusal: Refusal, recipe: Path) -> None:
    missing = str(recipe.with_name("tinny.py"))
    assert refusal(name=missing) == f"error: no recipe file '{missing}'; did you mean {recipe}?\n"


def test_unknown_recipe_in_a_file(refusal: Refusal, recipe: Path) -> None:
    expected = f"error: {recipe} has no recipe 'shrot'; it has recipe, short, small, row, penalized\n"
    assert refusal(name="shrot") == expected


@pytest.mark.parametrize(
    ("flag", "closest"),
    [
        ("--gan.painter.widht", "--gan.painter.width"),
        ("--optimizers.criticc.learning-rate", "--optimizers.critic.learning-rate"),
        ("--kimgs", "--kimg"),
    ],
)
def test_unknown_flag(refusal: Refusal, flag: str, closest: str) -> None:
    said = refusal(flag, "3")
    assert f"Unrecognized options: {flag}" in said and closest in said.split("Perhaps you meant")[1]


def test_flag_of_the_wrong_kind(refusal: Refusal) -> None:
    assert "--gan.painter.width" in refusal("--gan.painter.width", "wide")


def test_unknown_player(recipe: Path) -> None:
    gan = load_recipe(f"{recipe}:short")[0].gan
    players = {"critic": Optimizer(), "generator": Optimizer()}
    with pytest.raises(InputError, match=r"are for \['critic', 'generator'\], but the players are"):
        Recipe(gan, players, Data("digits", shape=(8, 8, 1)), batch_size=8, kimg=1)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--data.name digitz", "no set is called 'digitz'; did you mean digits?"),
        ("--data.split tests", "has no split 'tests' with examples in it; its splits are train"),
        ("--kimg 0", "kimg, the length in thousands of images, must be positive; got 0.0"),
        ("--kimg -1", "kimg, the length in thousands of images, must be positive; got -1.0"),
        ("--kimg nan", "kimg, the length in thousands of images, must be positive"),
        ("--log-kimg 0", "log_kimg must be positive; got 0.0"),
        ("--sample-kimg -2", "sample_kimg must be positive; got -2.0"),
        ("--checkpoint-kimg 0", "checkpoint_kimg must be positive; got 0.0"),
        ("--batch-size 0", "batch_size must be at least 1; got 0"),
        ("--batch-size -8", "batch_size must be at least 1; got -8"),
        ("--samples 0", "samples must be at least 1; got 0"),
        ("--keep 0", "keep must be at least 1; got 0"),
        ("--half-life -1", "half_life, in images, must not be negative; got -1.0"),
        ("--seed -1", "seed is at least 0, not -1"),
        ("--optimizers.critic.updates 0", "updates must be at least 1; got 0"),
        ("--optimizers.critic.learning-rate -1", "learning_rate must be positive; got -1"),
        (
            "--solver altrenating",
            "'altrenating' is not one of: Alternating, Balanced(margin, threshold), Simultaneous",
        ),
    ],
)
def test_values_that_make_no_run(refusal: Refusal, flags: str, message: str) -> None:
    said = refusal(*flags.split())
    # A part of the recipe, such as an optimizer, has its message in the frame of the parser of flags.
    assert message in " ".join(said.replace("│", " ").split()) and "Traceback" not in said


@pytest.mark.parametrize(
    ("name", "messages"),
    [
        ("small", ["generator makes examples of shape (4, 4, 1), but the data's are (8, 8, 1)"]),
        ("row", ["discriminator must return logits [16, ...], one each; got [(1, 16)]"]),
        ("penalized", ["R1 is a penalty per example, but discriminator", "has batch norm", 'norm="layer"']),
    ],
)
def test_networks_that_do_not_fit(refusal: Refusal, name: str, messages: list[str]) -> None:
    said = refusal(name=name)
    assert said.startswith("error: ") and all(message in said for message in messages)


def test_folder_without_images(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    flags = ("--data.name", "folder", "--data.directory", str(tmp_path / "photographs"))
    assert f"error: {tmp_path / 'photographs'} holds no images" in refusal(*flags)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "photographs" / "one.png")
    (tmp_path / "photographs" / "two.png").write_bytes(b"not a picture")
    assert "1 of 2 images cannot be used" in refusal(*flags)


def test_without_a_directory(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", str(recipe)]) == 2
    assert capsys.readouterr().err == "error: say where the run is kept: --workdir DIR\n"


def test_directory_of_another_recipe(refusal: Refusal, run: Path) -> None:
    before = (run / "recipe.json").read_bytes()
    said = refusal("--gan.painter.width", "8", "--optimizers.critic.b2", "0.9", workdir=run).splitlines()
    assert said[0] == f"error: {run} holds a run of another recipe; use another --workdir, or undo:"
    assert said[1:] == [
        "  gan.painter.width: 12 there, 8 asked for",
        "  optimizers.critic.b2: 0.999 there, 0.9 asked for",
    ]
    assert (run / "recipe.json").read_bytes() == before and runs.steps(run) == [5, 10]


def test_directory_that_is_no_run(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").touch()
    expected = f"error: {tmp_path / 'thesis'} is there and is not a run of gaxjax: use another --workdir\n"
    assert refusal(workdir=tmp_path / "thesis") == expected
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.tex"]
    (tmp_path / "file").touch()
    assert "is there and is not a run of gaxjax" in refusal(workdir=tmp_path / "file")


def test_directory_that_cannot_be_written(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = refusal(workdir=tmp_path / "file" / "run")
    assert said.startswith(f"error: cannot write to {tmp_path / 'file' / 'run'} (")
    assert said.endswith("Not a directory); use another --workdir\n")
    assert "error: cannot write to /proc/run (/proc/run: " in refusal(workdir=Path("/proc/run"))


def test_run_that_can_no_longer_be_written(
    refusal: Refusal, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*arguments: Any) -> None:
        raise PermissionError(13, "Permission denied", str(arguments[0]))

    monkeypatch.setattr(os, "replace", read_only)
    said = refusal(workdir=run)
    assert said.startswith(f"error: cannot write to {run} (") and "Permission denied" in said


def test_file_in_place_of_the_checkpoints(
    run: Path, recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(run / "checkpoints")
    (run / "checkpoints").touch()
    assert cli.main(["train", f"{recipe}:short", "--workdir", str(run)]) == 2
    said = capsys.readouterr().err
    folder = run / "checkpoints"
    assert said == f"error: cannot write to {folder} ({folder}: File exists); use another --workdir\n"


def test_damaged_recipe(refusal: Refusal, run: Path) -> None:
    os.truncate(run / "recipe.json", 100)
    assert f"error: {run / 'recipe.json'} is damaged" in refusal(workdir=run)


@pytest.mark.parametrize("n", ["0", "-3"])
def test_samples_of_no_number(run: Path, n: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sample", str(run), "--n", n]) == 2
    assert capsys.readouterr().err == f"error: --n, the number of samples, must be at least 1; got {n}\n"


def test_samples_of_no_run(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sample", str(tmp_path / "none")]) == 2
    expected = f"error: {tmp_path / 'none'} is not a run directory: it has no recipe.json\n"
    assert capsys.readouterr().err == expected
    shutil.rmtree(run / "checkpoints")
    assert cli.main(["sample", str(run)]) == 2
    assert "has no checkpoint that can be read: train it first" in capsys.readouterr().err
    assert not (run / "checkpoints").exists()


def test_picture_that_cannot_be_written(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sample", str(run), "--out", "/proc/grid.png"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: /proc/") and said.count("\n") == 1


def test_checkpoint_of_other_networks(run: Path, recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The recipe was edited on both sides: the arrays tell."""
    stored = json.loads((run / "recipe.json").read_text())
    stored["gan"]["painter"]["width"] = 13
    (run / "recipe.json").write_text(json.dumps(stored))
    for command in (
        ["train", f"{recipe}:short", "--gan.painter.width", "13", "--workdir", str(run)],
        ["sample", str(run), "--out", str(run / "grid.png")],
    ):
        assert cli.main(command) == 2
        said = capsys.readouterr().err
        assert "error: checkpoint 10 does not fit the networks: " in said
        assert re.search(r"painter/BatchNorm_0/bias is float32\(12,\) there and float32\(13,\) here", said)
    assert runs.steps(run) == [5, 10]


def like(recipe: Path) -> Any:
    """Shapes and places of what a checkpoint of the run holds."""
    chosen, _ = load_recipe(f"{recipe}:short")
    return StageProgram(chosen, 0, open_source(chosen.data).spec).saved_carry


def test_checkpoints_that_do_not_fit(run: Path, recipe: Path) -> None:
    state, totals = like(recipe)
    no_gray = state._replace(stats={name: tree for name, tree in state.stats.items() if name != "gray"})
    more = state._replace(stats={**state.stats, "red": state.stats["gray"]})
    ints = state._replace(
        step=parallel.with_sharding(jax.ShapeDtypeStruct((), np.int16), state.step.sharding)
    )
    with Checkpoints(run / "checkpoints") as checkpoints:
        for other, message in (
            (no_gray, r"it has 0/stats/gray/mean, shape \(\), which they lack"),
            (more, r"it has no 0/stats/red/mean, shape \(\)"),
            (ints, r"0/step is int32\(\) there and int16\(\) here"),
        ):
            with pytest.raises(InputError, match="checkpoint 10 does not fit the networks: " + message):
                checkpoints.restore(10, (other, totals))
        assert checkpoints.latest() == 10


PARTS = (
    "_CHECKPOINT_METADATA",
    "meta/metadata",
    "state/_METADATA",
    "state/_sharding",
    "state/array_metadatas/process_0",
    "state/manifest.ocdbt",
    "state/d",
    "state/ocdbt.process_0/manifest.ocdbt",
    "state/ocdbt.process_0/d",
)
NEEDED = {"meta/metadata", "state/_METADATA", "state/manifest.ocdbt", "state/d", "state/ocdbt.process_0/d"}
NEEDED_WHOLE = NEEDED - {"state/ocdbt.process_0/d"}
"""A save that takes long is of many commits, and ends files in nodes that later ones have replaced."""


@pytest.mark.parametrize(
    ("part", "left"),
    [
        # Of each file one way to be damaged, in turn, and the other on request.
        pytest.param(part, left, marks=[] if (number + turn) % 2 else pytest.mark.slow)
        for number, part in enumerate(PARTS)
        for turn, left in enumerate((0, 0.5))
    ],
)
def test_truncated_checkpoint(
    run: Path, recipe: Path, part: str, left: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each file in turn: the arrays are those that were saved, or those of the checkpoint before."""
    whole = {step: runs.stored(run, step) for step in (5, 10)}
    folder = run / "checkpoints/000000010" / part
    for file in [folder] if folder.is_file() else list(folder.iterdir()):
        os.truncate(file, int(left * file.stat().st_size))
    shapes = like(recipe)
    with Checkpoints(run / "checkpoints") as checkpoints:
        found = checkpoints.load_newest(
            lambda step: (checkpoints.meta(step), checkpoints.restore(step, shapes))
        )
    assert found is not None
    meta, (state, _) = found
    step = meta["step"]
    said = capsys.readouterr().err
    assert "Traceback" not in said
    if step == 5:
        assert "checkpoint 10 cannot be read, going on from checkpoint 5: " in said
        assert runs.steps(run) == [5] and (run / "damaged_000000010_0").is_dir()
    else:
        assert part not in (NEEDED if left == 0 else NEEDED_WHOLE)
        assert said == "" and runs.steps(run) == [5, 10]
    assert int(state.step) == step
    # Saved again, what was read is what there was, bit for bit.
    with Checkpoints(run / "again") as checkpoints:
        checkpoints.save(step, found[1], meta)
    (run / "again").rename(run / "again.run")
    (run / "again.run" / "checkpoints").mkdir()
    shutil.move(run / "again.run" / f"{step:09d}", run / "again.run" / "checkpoints")
    assert runs.stored(run / "again.run", step) == whole[step]


def test_run_goes_on_from_the_checkpoint_before_a_damaged_one(
    run: Path, finished: Path, recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (run / "checkpoints/000000010/state/ocdbt.process_0/d").iterdir():
        os.truncate(file, 0)
    assert cli.main(["train", f"{recipe}:short", "--workdir", str(run)]) == 0
    said = capsys.readouterr()
    assert "checkpoint 10 cannot be read, going on from checkpoint 5: " in said.err
    assert f"what there is of it is kept as {run}/damaged_000000010_0" in said.err
    assert "going on from 80 images" in said.out
    runs.assert_same_run(finished, run, 10)
