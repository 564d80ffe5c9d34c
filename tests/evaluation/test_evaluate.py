"""What a run, or a folder, is measured by: results and their protocols, during training and after it."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import runs
from PIL import Image

from gaxjax import cli
from gaxjax.data import Data, normalize, open_source
from gaxjax.errors import InputError
from gaxjax.evaluation.evaluator import Evaluator
from gaxjax.metrics.frechet import Moments, frechet_distance
from gaxjax.metrics.result import Result, as_row, check_comparable, from_row, summarize
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.runs import open as open_run
from gaxjax.runs.record import read_results
from gaxjax.training.interruption import Interruption

FLAGS = "--evaluation.metrics fid,prdc --evaluation.features pixels --evaluation.n 100 --evaluation-kimg 0.32"


VALUES = ("fid", "precision", "recall", "density", "coverage")


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A place of its own for statistics of real images."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runs.write_recipe(tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="module")
def finished(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was measured at 320, 640 and 960 images; not to be changed."""
    workdir = tmp_path_factory.mktemp("finished") / "run"
    flags = [*FLAGS.split(), "--evaluation.best", "fid"]
    assert cli.main(["train", str(recipe), "--workdir", str(workdir), *flags]) == 0
    return workdir


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def evaluate(*arguments: object) -> int:
    return cli.main(["evaluate", *map(str, arguments)])


def test_measured_while_it_trains(finished: Path) -> None:
    results = read_results(finished)
    assert [(r.metric, r.checkpoint) for r in results] == [
        (metric, seen) for seen in (320, 640, 960) for metric in VALUES
    ]
    assert all(np.isfinite(r.value) and r.value >= 0 and r.fake == 100 for r in results)
    assert {r.real for r in results} == {1797}


def test_best_checkpoint_is_kept(finished: Path) -> None:
    by_images = {r.checkpoint: r.value for r in read_results(finished) if r.metric == "fid"}
    best = min(by_images, key=lambda images: by_images[images])
    kept = sorted(int(path.name) for path in (finished / "best").iterdir())
    assert kept and kept[-1] * 16 == best


def test_command_says_what_training_said(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = read_results(run)
    assert evaluate(run) == 0  # as the recipe says
    after = read_results(run)[len(before) :]
    assert [r.value for r in after] == pytest.approx([r.value for r in before[-5:]], rel=1e-5)
    assert [r.protocol for r in after] == [r.protocol for r in before[-5:]]
    lines = capsys.readouterr().out.splitlines()
    assert lines == [str(result) for result in after]
    assert lines[0].startswith("FID-pixels ") and "100 images against 1,797 of digits at 8x8x1" in lines[0]


@pytest.mark.slow  # test_meshes.py measures on two devices and in two processes
def test_samples_are_the_same_on_any_number_of_devices(run: Path) -> None:
    """Three devices, which share no block of 64 equally."""
    expected = read_results(run)[-5].value
    code = "import jax, sys; from gaxjax import cli; assert len(jax.devices()) == 3; sys.exit(cli.main())"
    command = [sys.executable, "-c", code, "evaluate", str(run), "--metrics", "fid"]
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": "3", "PYTHONPATH": str(runs.REPOSITORY)}
    subprocess.run(command, env=environment, check=True)
    assert read_results(run)[-1].value == pytest.approx(expected, rel=1e-5)


def test_best_checkpoint_is_measured(run: Path) -> None:
    best = min(r.value for r in read_results(run) if r.metric == "fid")
    assert evaluate(run, "--checkpoint", "best", "--metrics", "fid") == 0
    assert read_results(run)[-1].value == pytest.approx(best, rel=1e-5)


def test_resuming_drops_what_was_measured_later(run: Path, recipe: Path, finished: Path) -> None:
    for step in (55, 60):
        shutil.rmtree(run / f"checkpoints/{step:09d}")
    shutil.copytree(finished / "checkpoints/000000055", run / "checkpoints/000000055")
    flags = [*FLAGS.split(), "--evaluation.best", "fid"]
    assert cli.main(["train", str(recipe), "--workdir", str(run), *flags]) == 0
    again, before = read_results(run), read_results(finished)
    assert [replace(r, source="") for r in again] == [replace(r, source="") for r in before]


def test_a_signal_ends_measuring(
    recipe: Path,
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """All is saved by then, and the next start measures it; in the middle of a run, and at its end."""
    run, heed = tmp_path / "run", Interruption.stop_measuring
    command = ["train", str(recipe), "--workdir", str(run), *FLAGS.split(), "--evaluation.best", "fid"]
    # 100 samples are two batches: the second one's of the second time, and of the second time again.
    for step in (40, 60):
        asked = itertools.count(1)

        def kill(self: Interruption, asked: Iterator[int] = asked) -> None:
            if next(asked) == 4:
                os.kill(os.getpid(), signal.SIGTERM)
            heed(self)

        with monkeypatch.context() as patch:
            patch.setattr(Interruption, "stop_measuring", kill)
            assert cli.main(command) == 128 + signal.SIGTERM
        assert f"stopped at step {step}, all is saved" in capfd.readouterr().err
        assert runs.steps(run)[-1] == step and read_results(run)[-1].checkpoint == 16 * (step - 20)
    # A number of other samples, asked for by hand, is not the run's own of that state.
    assert cli.main(["evaluate", str(run), "--metrics", "fid", "--features", "pixels", "--n", "64"]) == 0
    starts = (run / "starts.jsonl").read_text().count("\n")
    assert cli.main(command) == 0
    by_hand, results = 64, read_results(run)
    assert [replace(r, source="") for r in results if r.fake != by_hand] == [
        replace(r, source="") for r in read_results(finished)
    ]
    assert "finished" in (run / "starts.jsonl").read_text().splitlines()[starts + 1]
    # And then there is nothing left to do.
    assert cli.main(command) == 0
    assert read_results(run) == results and (run / "starts.jsonl").read_text().count("\n") == starts + 2
    assert {path.name for path in (run / "best").iterdir()} == {p.name for p in (finished / "best").iterdir()}


def test_fid_is_that_of_the_images(finished: Path) -> None:
    """The number is the distance between Gaussians of real and made pixels, computed here anew."""
    import jax

    from gaxjax.game import sample

    recipe, gan, state = open_run(finished)
    source = open_source(recipe.data)
    made = []
    for number in (0, 1):
        key = jax.random.fold_in(jax.random.key(0), number)
        batch = normalize(source.take(np.arange(64) + 64 * number, seed=0))
        made.append(np.asarray(sample(gan, state, batch, key), np.float64))
    fake = (np.concatenate(made)[:100].reshape(100, -1) + 1) / 2
    real = source.take(np.arange(1797))["image"].reshape(1797, -1) / 255
    found = frechet_distance(Moments.of(real.astype(np.float32)), Moments.of(fake.astype(np.float32)))
    measured = [r for r in read_results(finished) if r.metric == "fid"][-1]
    assert measured.value == pytest.approx(found, rel=1e-3)


def test_real_statistics_are_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluation, data = Evaluation("fid", features="pixels", n=50), Data("digits", shape=(8, 8, 1))
    first = Evaluator(evaluation, data).real.moments
    files = sorted((home / ".cache/gaxjax/statistics").iterdir())
    assert files
    monkeypatch.setattr(Evaluator, "gather_source", lambda *_: pytest.fail("gathered again"))
    second = Evaluator(evaluation, data).real.moments
    assert first and second
    np.testing.assert_array_equal(first.scatter, second.scatter)
    for changed in (
        (evaluation, replace(data, shape=(9, 9, 1))),
        (evaluation, replace(data, split="train[:90%]")),
        (replace(evaluation, real=500), data),
    ):
        with pytest.raises(pytest.fail.Exception):
            Evaluator(*changed)


def test_damaged_statistics_are_gathered_again(home: Path) -> None:
    evaluation, data = Evaluation("fid", features="pixels", n=50), Data("digits", shape=(8, 8, 1))
    whole = Evaluator(evaluation, data).real.moments
    for path in (home / ".cache/gaxjax/statistics").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    again = Evaluator(evaluation, data).real.moments
    assert whole and again
    np.testing.assert_array_equal(whole.mean, again.mean)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Eight images, and the same with noise of a known size."""
    random = np.random.default_rng(0)
    for i in range(8):
        clean = random.integers(20, 230, (16, 16, 3))
        for name, image in (
            ("real", clean),
            ("fake", clean + 10 * (-1) ** random.integers(0, 2, clean.shape)),
        ):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(image.astype(np.uint8)).save(tmp_path / name / f"{i}.png")
    return tmp_path / "fake", tmp_path / "real"


def test_folders(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("--images", *folders, "--metrics", "psnr,fid", "--features", "pixels") == 0
    psnr, fid = capsys.readouterr().out.splitlines()
    assert psnr.startswith("PSNR 28.1308")  # 20 log10(255 / 10)
    assert "8 images against 8 of" in fid and fid.startswith("FID-pixels")


def test_folder_against_itself(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("--images", folders[1], folders[1], "--metrics", "fid,ssim", "--features", "pixels") == 0
    fid, ssim = (float(line.split()[1]) for line in capsys.readouterr().out.splitlines())
    assert fid == pytest.approx(0, abs=1e-4) and ssim == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("RUN --metrics fidd", "unknown metric 'fidd'; known: fid, kid, prdc"),
        ("RUN --metrics psnr", "psnr compares pairs, and samples of noise have no partner"),
        ("RUN --metrics fid --features pixels --level 768", "pixels has no level '768'"),
        ("RUN --metrics is --features pixels", "pixels has no level 'logits'"),
        ("RUN --metrics fid --features pixel", "no features are called 'pixel'"),
        ("RUN --metrics fid --features pixels --output a", "output='a' is none of the game's outputs"),
        ("RUN --metrics fid --features pixels --reference b", "reference='b' is not in the data"),
        ("RUN --metrics kid --features pixels --n 100", "kid needs at least 1,000 images of each side"),
        (
            "RUN --metrics fid,kid,prdc,swd --features pixels --n 100",
            "got 100; swd needs images that are square, of at least 16 pixels a side; these are 8 x 8; "
            "the others would go: --metrics fid,prdc",
        ),
        ("RUN --metrics swd", "swd needs images that are square, of at least 16 pixels a side"),
        ("RUN --metrics fid --n 1", "n, how many samples are measured, is at least 2; got 1: give more (--n"),
        ("RUN --metrics fid --real -1", "real and border are at least 0; got -1 and 0: leave out"),
        ("--metrics fid", "say what is measured"),
        ("NOWHERE --metrics fid --features pixels", "is not a run directory"),
        ("--images NOWHERE NOWHERE --metrics fid --features pixels", "is not a folder of images"),
    ],
)
def test_what_cannot_be_measured(
    arguments: str, message: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (run / "results.jsonl").read_bytes()
    places = {"RUN": str(run), "NOWHERE": str(tmp_path / "nowhere")}
    assert evaluate(*(places.get(word, word) for word in arguments.split())) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("error: ") and message in said.err
    assert (run / "results.jsonl").read_bytes() == before


def test_a_single_image_is_too_few(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(tmp_path / "0.png")
    with pytest.raises(InputError, match=f"{tmp_path} has 1 of the 2 images or more that numbers are of"):
        Evaluator(Evaluation("fid", features="pixels"), Data("folder", (16, 16, 1), str(tmp_path)))


def test_folders_that_do_not_fit(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    fake, real = folders
    (fake / "7.png").rename(fake / "8.png")
    assert evaluate("--images", fake, real, "--metrics", "ssim") == 2
    assert "2 have not, such as 7.png" in capsys.readouterr().err
    Image.fromarray(np.zeros((16, 17, 3), np.uint8)).save(fake / "8.png")
    assert evaluate("--images", fake, real, "--metrics", "fid", "--features", "pixels") == 2
    assert "8.png is 17x16 pixels" in capsys.readouterr().err


def test_refused_before_training(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--evaluation.metrics", "fid", "--evaluation.features", "pixels", "--evaluation.best", "kid"]
    assert cli.main(["train", str(recipe), "--workdir", str(tmp_path / "run"), *flags]) == 2
    assert "best='kid' is not measured; measured: fid" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


RESULT = Result(
    metric="fid",
    value=3.0,
    features="inception-2015-12-05",
    weights="0123456789ab",
    level="2048",
    resize="to 299 x 299",
    real=10_000,
    fake=10_000,
    data="mnist at 28x28x1",
    split="test",
)


@pytest.mark.parametrize(
    ("metric", "features", "level", "name"),
    [
        ("fid", "inception-2015-12-05", "2048", "FID"),
        ("fid", "inception-2015-12-05", "768", "FID-768"),
        ("fid", "classifier-mnist", "features", "FID-classifier-mnist"),
        ("kid", "inception-2015-12-05", "192", "KID-192"),
        ("inception score", "inception-2015-12-05", "logits", "IS"),
        ("ms_ssim", "", "", "MS-SSIM"),
        ("ppl_w_end", "lpips-vgg", "lpips", "PPL-w-end"),
        ("ppl_z_full", "lpips-alex", "lpips", "PPL-z-full-lpips-alex"),
        ("ppl_z_end", "lpips-vgg-other", "lpips", "PPL-z-end-lpips-vgg-other"),
        ("ppl_w_full", "pixels", "pixels", "PPL-w-full-pixels"),
        ("separability_w", "classifier-mnist", "logits", "separability-w-classifier-mnist"),
    ],
)
def test_a_name_is_only_for_what_it_means(metric: str, features: str, level: str, name: str) -> None:
    assert replace(RESULT, metric=metric, features=features, level=level).name == name


@pytest.mark.parametrize(
    "change",
    [
        {"level": "768"},
        {"real": 9_000},
        {"fake": 5_000},
        {"split": "train"},
        {"data": "mnist at 32x32x1"},
        {"resize": "another"},
        {"weights": "ba9876543210"},
        {"options": "of another kind"},
        {"metric": "kid"},
    ],
)
def test_different_protocols_are_not_compared(change: dict[str, object]) -> None:
    other = replace(RESULT, value=4.0, source="elsewhere", **change)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=next(iter(change))):
        check_comparable([RESULT, other])
    with pytest.raises(InputError, match="cannot be compared"):
        summarize([RESULT, RESULT, other])


def test_summary() -> None:
    others = {"seed": 1, "checkpoint": 5, "source": "elsewhere", "details": "x", "version": "0", "error": 0.1}
    found = [replace(RESULT, value=v, **others) for v in (2.0, 6.0)]  # type: ignore[arg-type]
    assert summarize([replace(RESULT, value=4.0), *found]) == (4.0, 2.0, 3)
    mean, deviation, n = summarize([RESULT])
    assert (mean, n) == (3.0, 1) and np.isnan(deviation)


def test_rows_are_strict_json() -> None:
    for result in (RESULT, replace(RESULT, value=float("inf"), error=float("nan"))):
        row = json.loads(json.dumps(as_row(result), allow_nan=False))
        back = from_row({**row, "newer": 1})
        assert back.protocol == result.protocol
        assert back.value == result.value or np.isnan(back.value)
