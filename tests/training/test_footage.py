"""A game of clips through the loop and the commands: films beside pictures, other lengths, their metrics."""

import shutil
from pathlib import Path

import footage
import numpy as np
import pytest
import runs
import tiny
from PIL import Image

from gaxjax import cli
from gaxjax.data import open_source
from gaxjax.runs.history import set_aside
from gaxjax.runs.record import Record, read_results, read_run

NAMES = ["FID-motion", "IS-motion", "ACD", "ACD of real clips"]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With features of clips beside it."""
    path = runs.write_recipe(tmp_path_factory.mktemp("recipe"), footage.GAME)
    path.with_name("motion.py").write_text(footage.FEATURES)
    return path


def train(recipe: Path, workdir: Path) -> int:
    """Two steps, measured by those."""
    features = f"{recipe.with_name('motion.py')}:motion"
    flags = ["--evaluation.metrics", "fid,is,acd", "--evaluation.features", features]
    return tiny.train(recipe, workdir, *flags)


@pytest.fixture(scope="module")
def finished(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    workdir = tmp_path_factory.mktemp("footage") / "run"
    assert train(recipe, workdir) == 0
    return workdir


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def gray_frames(path: Path) -> list[np.ndarray]:
    """Of a GIF."""
    frames = []
    with Image.open(path) as film:
        for number in range(film.n_frames):  # type: ignore[attr-defined]
            film.seek(number)
            frames.append(np.asarray(film.convert("L")).astype(int))
    return frames


def test_a_run_has_a_film_beside_each_picture(finished: Path) -> None:
    names = [path.name for path in runs.pictures(finished)]
    assert names == [f"{8 * i:010d}.{kind}" for i in range(3) for kind in ("gif", "png")]
    film = gray_frames(runs.pictures(finished)[-2])
    # Three examples in a column, each an image, a mask and a clip of 16 pixels.
    scale = film[0].shape[1] // 48
    assert len(film) == 4 and film[0].shape == (52 * scale, 48 * scale)
    stills, masks, clips = (
        np.stack([frame[: 16 * scale, 16 * i * scale :][:, : 16 * scale] for frame in film]) for i in range(3)
    )
    assert (stills == clips[0]).all() and np.ptp(clips, axis=0).max() > 0
    assert abs(masks + clips - 255).max() <= 1
    # Pictures alone make moments and the row: two columns of strips, of three lines of four frames.
    with Image.open(finished / "samples" / "0000000016.png") as picture:
        assert picture.size == (140 * 4, 106 * 4)
    assert (finished / "moments.png").exists() and (finished / "samples.gif").exists()


def test_measures_of_a_run(finished: Path) -> None:
    fid, score, acd, real = read_results(finished)
    assert [result.name for result in (fid, score, acd, real)] == NAMES
    assert (acd.unit, acd.fake, acd.real, acd.details) == ("clips", 20, 24, "4 frames")
    assert fid.value > 0 and 1 < score.value < 2 and score.level == "logits"
    # By hand, of the clips that they are.
    clips = open_source(read_run(finished).data).take(np.arange(24), seed=0)["video"].astype(float)
    colors = clips.mean((2, 3))
    pairs = [np.linalg.norm(colors[:, i] - colors[:, j], axis=1) for i in range(4) for j in range(i)]
    assert real.value == pytest.approx(np.mean(pairs), rel=1e-4) and real.value > 0


def test_films_go_where_their_pictures_go(run: Path) -> None:
    late = run / "samples" / "0000000024.gif"
    late.write_bytes(b"of a step that is gone")
    with Record(run, 2, 16):
        assert not late.exists() and len(runs.pictures(run)) == 6
    aside = set_aside(run, 1, 8)
    assert [path.name for path in runs.pictures(aside)] == ["0000000016.gif", "0000000016.png"]
    assert len(runs.pictures(run)) == 4


@pytest.mark.slow
def test_a_resumed_run_has_the_same_films(finished: Path, recipe: Path, run: Path) -> None:
    shutil.rmtree(run / "checkpoints" / "000000002")
    assert train(recipe, run) == 0
    drawn = {path.name: path.read_bytes() for path in runs.pictures(run)}
    assert drawn == {path.name: path.read_bytes() for path in runs.pictures(finished)}


def test_samples_of_another_length(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "long.gif"
    assert cli.main(["sample", str(finished), "--n", "2", "--frames", "6", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"samples: {out.with_suffix('.png')}, {out}\n"
    assert len(gray_frames(out)) == 6 and out.with_suffix(".png").exists()
    for flags, message in (
        ("--frames 0", "--frames, the length of the clips, must be at least 1; got 0"),
        ("--frames 6 --seeds 0-3", "--frames is the length of clips, and --seeds makes images"),
        ("--out clips.webm", "clips.webm is to be of clips: end its name in .png, .gif or .mp4"),
    ):
        assert cli.main(["sample", str(finished), *flags.split()]) == 2
        assert message in capsys.readouterr().err


def test_measures_of_another_length(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    longer = ["--sampling", "frames=6"]
    assert cli.main(["evaluate", str(run), "--metrics", "acd", *longer]) == 0
    acd, real = read_results(run)[4:]
    assert [acd.name, real.name] == NAMES[2:]
    assert (acd.details, real.details, acd.sampling) == ("6 frames", "4 frames", "frames=6")
    capsys.readouterr()
    for flags, message in (
        (["fid,acd", *longer], "samples have 6 frames, the real clips 4, and only is and acd measure"),
        (["swd,acd"], "swd measures images, not examples of shape (4, 16, 16, 1): use fid, "),
        (["kid,is", "--features", "inception"], "kid, is: features='inception' are of images, and examples"),
        (["is", "--features", "pixels"], "pixels has no level 'logits'"),
        (["acd", "--sampling", "psi=1"], "options of samples 'psi=1': Moving takes frames"),
    ):
        assert cli.main(["evaluate", str(run), "--metrics", *flags]) == 2
        assert message in capsys.readouterr().err
