"""What a run leaves in its directory, and how it ends when it cannot go on."""

import errno
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import orbax.checkpoint
import pytest
import runs
import tiny
from PIL import Image
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tiny import contents, train

from gaxjax import files
from gaxjax.recipe.serialization import describe, load_recipe
from gaxjax.runs import record
from gaxjax.runs.record import open_run, read_run
from gaxjax.training.interruption import Interruption


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runs.write_recipe(tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that came to its end; not to be changed."""
    return tiny.copy(tmp_path_factory, tmp_path_factory.mktemp("finished"))[1]


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def events(path: Path) -> Iterator[Event]:
    """The records of a file of TensorBoard events: length, checksum, message, checksum."""
    data = path.read_bytes()
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        yield Event.FromString(data[12 : 12 + length])
        data = data[16 + length :]


def scalars(workdir: Path) -> dict[tuple[int, str], float]:
    """What TensorBoard shows: a start hides what the ones before it wrote at its step and after."""
    shown: dict[tuple[int, str], float] = {}
    files = sorted((workdir / "tensorboard").iterdir(), key=lambda path: next(events(path)).wall_time)
    for path in files:
        for event in events(path):
            if event.session_log.status == SessionLog.START:
                shown = {key: value for key, value in shown.items() if key[0] < event.step}
            values = [value for value in event.summary.value if value.HasField("simple_value")]
            shown |= {(event.step, value.tag): value.simple_value for value in values}
    return shown


def test_directory(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    files = {"recipe.json", "config.py", "metrics.jsonl", "curves.png", "samples.gif", "moments.png"}
    files |= {"data.json", "examples.npz", "starts.jsonl", ".saved"}
    assert names == files | {"tensorboard", "samples", "checkpoints"}
    assert runs.steps(finished) == [55, 60] and runs.being_saved(finished) == []


def test_resolved_recipe(finished: Path, recipe: Path) -> None:
    asked, path = load_recipe(str(recipe))
    assert (
        json.loads((finished / "recipe.json").read_text()) == describe(asked) == describe(read_run(finished))
    )
    assert (finished / "config.py").read_text() == path.read_text()


def test_metrics(finished: Path) -> None:
    rows = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [*range(runs.EVERY_LOG, runs.STEPS, runs.EVERY_LOG), runs.STEPS]
    logged = {"critic/loss", "painter/loss", "painter/gray"}
    for row in rows:
        assert row.keys() == {"step", "images", "seconds", "images_per_second"} | logged
        assert row["images"] == 16 * row["step"] and all(np.isfinite(row[name]) for name in logged)


def test_pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that makes a quarter of a second between looks; a later start counts on, not its pause."""
    looks = iter(np.arange(0, 100, 0.25))
    clock = SimpleNamespace(monotonic=lambda: float(next(looks)), time=time.time)
    monkeypatch.setattr(record, "time", clock)
    for step in (1, 3):
        with record.Record(tmp_path, step, 64 * step) as metrics:
            for more in (0, 1):
                metrics.add_metrics(step + more, 64 * (step + more), {})
    assert [row["seconds"] for row in record.read_metrics(tmp_path)] == [0.25, 0.5, 0.75, 1.0]
    assert [row["images_per_second"] for row in record.read_metrics(tmp_path)] == [256.0] * 4


def test_tensorboard(finished: Path) -> None:
    expected = {
        (row["step"], name): value
        for row in runs.rows(finished)
        for name, value in row.items()
        if "/" in name
    }
    shown = {key: value for key, value in scalars(finished).items() if "/" in key[1]}
    assert shown == pytest.approx(expected) and len(shown) == 27
    values = [
        v for path in (finished / "tensorboard").iterdir() for e in events(path) for v in e.summary.value
    ]
    images = [value.image.encoded_image_string for value in values if value.HasField("image")]
    assert images == [path.read_bytes() for path in runs.pictures(finished)]


def test_pictures(finished: Path) -> None:
    pictures = runs.pictures(finished)
    assert [path.name for path in pictures] == [f"{160 * i:010d}.png" for i in range(7)]
    for path in pictures:
        with Image.open(path) as picture:
            # 3 x 3 images of 8 pixels, 2 apart, enlarged to about 512
            assert picture.size == (17 * (3 * 10 - 2), 17 * (3 * 10 - 2))
    assert len({path.read_bytes() for path in pictures}) == 7
    with Image.open(finished / "samples.gif") as animation:
        assert animation.n_frames == 7 and animation.info["loop"] == 0  # without end
        durations = []
        for frame in range(7):
            animation.seek(frame)
            durations.append(animation.info["duration"])
    assert sum(durations) < 10_000
    with Image.open(finished / "curves.png") as curves:
        assert curves.size[0] > 500


def test_pictures_are_of_fixed_latents(tmp_path: Path) -> None:
    """A generator that hardly moves makes the same points again and again."""
    recipe = runs.write_recipe(tmp_path, POINTS)
    assert train(recipe, tmp_path / "run") == 0
    pictures = [path.read_bytes() for path in runs.pictures(tmp_path / "run")]
    assert len(pictures) == 3 and len(set(pictures)) == 1


def test_finished_run_again(run: Path, recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(run)
    assert train(recipe, run) == 0
    said = capsys.readouterr()
    assert said.out == f"this run is finished\nsamples: {run}/samples/0000000960.png\n" and said.err == ""
    assert contents(run) == before


def test_finished_run_made_longer(
    finished: Path, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A larger kimg goes on from the end, and may keep more; a smaller one is another recipe."""
    run = tmp_path / "run"
    assert train(recipe, run, "--kimg", str(35 * 16 / 1000)) == 0
    assert runs.steps(run)[-1] == 35
    (run / "samples/0000000560.png").unlink()  # of an end that is none any more
    capsys.readouterr()
    assert train(recipe, run, "--keep", "3", "--keep-kimg", "0.32") == 0
    # Of each 20 steps from 20 on the first that was still there, and the newest.
    assert runs.steps(run) == [30, 40, 50, 55, 60]
    # Until there is a row, the line says why nothing moves.
    bars = capsys.readouterr().err.replace("\r", "\n").strip().splitlines()
    assert any(bar.startswith("compiling:  58%") for bar in bars) and bars[-1].startswith("100%")
    runs.assert_same_run(finished, run, runs.STEPS)
    assert train(recipe, run, "--kimg", "0.5") == 2


def test_what_a_killed_process_leaves_behind(run: Path, finished: Path, recipe: Path) -> None:
    """Rows after the checkpoint, half a row, half a picture and half a checkpoint: all are made again."""
    shutil.move(run / "checkpoints/000000060", run / "checkpoints/000000060.orbax-checkpoint-tmp")
    shutil.move(run / "checkpoints/000000060.orbax-checkpoint-tmp/state/manifest.ocdbt", run / "metrics.old")
    (run / "metrics.old").unlink()
    with open(run / "metrics.jsonl", "a") as file:
        file.write('{"step": 67, "ima')
    (run / "samples/0000000960.png").unlink()
    (run / "samples/.0000000960.png.1.tmp").write_bytes(b"\x89PNG")
    assert train(recipe, run) == 0
    runs.assert_same_run(finished, run, runs.STEPS)
    assert runs.being_saved(run) == []
    assert scalars(run).keys() == scalars(finished).keys()
    assert (run / "curves.png").read_bytes() == (finished / "curves.png").read_bytes()
    assert (run / "samples.gif").read_bytes() == (finished / "samples.gif").read_bytes()


def test_start_that_was_cut_off(finished: Path, tmp_path: Path, recipe: Path) -> None:
    """A directory with the recipe's file alone was begun by this command, and is gone on with."""
    (tmp_path / "run").mkdir()
    shutil.copy(finished / "config.py", tmp_path / "run")
    open_run(tmp_path / "run", *load_recipe(str(recipe)))
    assert (tmp_path / "run/recipe.json").read_text() == (finished / "recipe.json").read_text()


def test_signal_at_a_step(
    finished: Path,
    tmp_path: Path,
    recipe: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Between two rows, two checkpoints and two pictures; and at the very end."""
    workdir = tmp_path / "run"
    for begin, step in ((0, 9), (9, 60)):
        asked = iter(range(begin, 10**6))

        def kill(self: Interruption, together: bool, asked: Any = asked, step: int = step) -> int:
            if next(asked) == step:
                os.kill(os.getpid(), signal.SIGTERM)
            return self.signal

        with monkeypatch.context() as patch:
            patch.setattr(Interruption, "poll", kill)
            assert train(recipe, workdir) == 128 + signal.SIGTERM
        said = capfd.readouterr().err
        assert f"stopped at step {step}, all is saved: the same command goes on from it" in said
        assert runs.steps(workdir)[-1] == step and runs.being_saved(workdir) == []
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert train(recipe, workdir) == 0
    assert capfd.readouterr().out.startswith("this run is finished")
    runs.assert_same_run(finished, workdir, runs.STEPS)


def test_second_signal_ends_at_once() -> None:
    program = (
        "import os, signal, time\n"
        "from gaxjax.training.interruption import Interruption\n"
        "with Interruption():\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    print('saving', flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    time.sleep(60)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=runs.REPOSITORY, capture_output=True, text=True, timeout=50
    )
    assert (ended.returncode, ended.stdout) == (-signal.SIGTERM, "saving\n")
    assert "again to stop at once" in ended.stderr and "Traceback" not in ended.stderr


def test_ctrl_c_before_the_loop(recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gaxjax.training.train.prepare", interrupted)
    assert train(recipe, tmp_path / "run") == 130


DIVERGING = """
from gaxjax.recipe import Linear

absurd = Optimizer("sgd", Linear(0.01, 1e30, 0.4, 0.401))
recipe = replace(recipe, optimizers={"critic": absurd, "painter": Optimizer()}, checkpoint_kimg=0.16)
late = replace(recipe, log_kimg=0.96, checkpoint_kimg=0.08)
"""


@pytest.mark.parametrize(("name", "stopped", "good"), [("recipe", 28, 20), ("late", 30, 25)])
def test_divergence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, stopped: int, good: int
) -> None:
    """Found at the next row, or, where a checkpoint is due first, before it is written."""
    recipe = runs.write_recipe(tmp_path, runs.GAME + DIVERGING)
    workdir = tmp_path / "run"
    assert train(f"{recipe}:{name}", workdir) == 1
    said = capsys.readouterr().err
    assert f"error: step {stopped}: " in said and "Traceback" not in said
    assert f"checkpoint {good} is the last good one, and all that was written is kept" in said
    assert ("critic/loss is nan" in said) == (name == "recipe")
    assert runs.steps(workdir)[-1] == good
    assert [row["step"] for row in runs.rows(workdir)] == ([7, 14, 21, 28] if name == "recipe" else [])
    assert (workdir / "curves.png").exists() == (name == "recipe") and len(runs.pictures(workdir)) == 3
    if name == "late":
        return
    # What is kept is good: the run goes on from it, and comes to the same point.
    assert train(f"{recipe}:{name}", workdir) == 1
    again = capsys.readouterr()
    assert f"error: step {stopped}: " in again.err and f"going on from {16 * good:,} images" in again.out


def test_divergence_before_any_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = runs.write_recipe(tmp_path, runs.GAME + DIVERGING)
    flags = ("--optimizers.critic.learning-rate", "1e30", "--log-kimg", "0.016")
    assert train(recipe, tmp_path / "run", *flags) == 1
    said = capsys.readouterr().err
    assert "there is no checkpoint yet" in said and runs.steps(tmp_path / "run") == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 40 MiB; skips where one cannot be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", disk], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.slow  # what is said of each file that finds no room is tested below
def test_disk_that_fills_up(finished: Path, small_disk: Path, recipe: Path) -> None:
    """A real one, under a real process: what was kept is good, and with some space the run goes on."""
    workdir = small_disk / "run"
    process = runs.start("train", recipe, "--workdir", workdir)
    runs.until(lambda: len(runs.steps(workdir)) > 1, process)
    with open(small_disk / "filler", "wb", buffering=0) as filler:
        for size in (2**20, 2**10):
            try:
                while filler.write(bytes(size)) == size:
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC
    status, _, errors = runs.finish(process)
    assert status == 1 and "Traceback" not in errors and "ERROR" not in errors, errors
    (said,) = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert "No space left on device" in said and f"checkpoint {runs.steps(workdir)[-1]} is kept" in said
    assert train(recipe, workdir) == 2  # there is still no space, and that is said before the start
    (small_disk / "filler").unlink()
    assert train(recipe, workdir) == 0
    runs.assert_same_run(finished, workdir, runs.STEPS)


def full(*arguments: Any, **options: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_picture_that_cannot_be_written(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = files.os.fsync

    def fsync(number: int) -> None:
        if "0000000320" in os.readlink(f"/proc/self/fd/{number}"):
            full()
        whole(number)

    monkeypatch.setattr(files.os, "fsync", fsync)
    assert train(recipe, tmp_path / "run") == 1
    said = capsys.readouterr().err.splitlines()[-1]
    picture = tmp_path / "run/samples/0000000320.png"
    assert said == f"error: stopped by {picture}: No space left on device; checkpoint 15 is kept"
    assert runs.steps(tmp_path / "run") == [10, 15] and not picture.exists()


def test_checkpoint_that_cannot_be_written(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here where the save begins; where it goes on in the background, the disk that fills up has it."""
    whole = orbax.checkpoint.CheckpointManager.save

    def save(self: Any, step: int, **options: Any) -> bool:
        return full() if step == 20 else whole(self, step, **options)  # type: ignore[func-returns-value]

    monkeypatch.setattr(orbax.checkpoint.CheckpointManager, "save", save)
    assert train(recipe, tmp_path / "run") == 1
    said = capsys.readouterr().err.splitlines()[-1]
    folder = tmp_path / "run/checkpoints"
    assert (
        said == f"error: cannot save a checkpoint in {folder}: No space left on device; checkpoint 15 is kept"
    )


def test_disk_without_room(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(2**40, 2**40 - 2**20, 2**20))
    assert train(recipe, tmp_path / "run") == 2
    said = capsys.readouterr().err
    assert "has 1 MiB free, but 3 more checkpoints of this run need 16: free some space" in said
    assert runs.steps(tmp_path / "run") == []


POINTS = '''"""A ring of points."""

from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.mlp import Discriminator, Generator
from gaxjax.recipe import Data, Optimizer, Recipe

slow = Optimizer("sgd", 1e-9, b1=0.0)
recipe = Recipe(
    gan=Adversarial(Generator((2,), (8,), output="none"), Discriminator((8,)), Latents(4)),
    optimizers={"discriminator": slow, "generator": slow},
    data=Data("ring", shape=(2,)),
    batch_size=8,
    kimg=0.08,
    sample_kimg=0.04,
    samples=16,
)
'''
