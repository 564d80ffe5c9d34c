"""Clips of one folder measured beside those of another, whatever kind of files each of them has."""

import math
from collections.abc import Iterator
from pathlib import Path

import footage
import numpy as np
import pytest
from clip_files import put, write

from gaxjax import cli
from gaxjax.metrics.frechet import Moments, frechet_distance

FAKE, REAL = 9, 4
"""By how much each frame is darker than the one before it."""


def draw_clips(seed: int, change: int) -> np.ndarray:
    """Eight gray clips of five frames."""
    first = 80 + np.random.default_rng(seed).integers(0, 150, 8)
    grays = first[:, None] - change * np.arange(5)
    return np.broadcast_to(grays[..., None, None, None], (8, 5, 16, 16, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Made clips as strips and as animations, real ones as frames, and features of clips."""
    home = tmp_path_factory.mktemp("home")
    for number, (fake, real) in enumerate(zip(draw_clips(0, FAKE), draw_clips(1, REAL), strict=True)):
        put(home / "strips" / f"{number}.png", np.concatenate(list(fake), axis=1))
        write(home / "files" / f"{number}.gif", fake)
        for time, frame in enumerate(real):
            put(home / "frames" / str(number) / f"{time}.png", frame)
    (home / "motion.py").write_text(footage.FEATURES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.chdir(home)
        yield home


def evaluate(words: str) -> int:
    return cli.main(["evaluate", "--images", *words.split()])


@pytest.mark.usefixtures("home")
def test_numbers_of_the_first_frames(capsys: pytest.CaptureFixture[str]) -> None:
    """By hand; and of both kinds of files the same."""
    said = []
    for made in ("strips frames --layouts strips frames", "files frames --layouts flat frames"):
        flags = "--shape 4 16 16 3 --metrics acd,fid --features motion.py:motion"
        assert evaluate(f"{made} {flags}") == 0
        said.append(capsys.readouterr().out.splitlines())
    assert said[0] == said[1]
    acd, of_real, fid = said[0]
    # Three channels change alike; of four frames, the six pairs are ten steps apart together.
    step = math.sqrt(3) * 10 / 6
    assert acd.startswith(f"ACD {FAKE * step:.6g} ± 0") and of_real.startswith(
        f"ACD of real clips {REAL * step:.6g}"
    )
    assert "8 clips against 8 of frames at 4x16x16x3" in acd
    sides = [draw_clips(*side)[:, :4, 0, 0, 0] / 127.5 - 1 for side in ((1, REAL), (0, FAKE))]
    vectors = [np.stack([side[:, 0], side[:, 3] - side[:, 0]], axis=1) for side in sides]
    expected = frechet_distance(*(Moments.of(x.astype(np.float32)) for x in vectors))
    assert float(fid.split()[1]) == pytest.approx(expected, rel=1e-3)


@pytest.mark.usefixtures("home")
def test_what_clips_cannot_be_measured(capsys: pytest.CaptureFixture[str]) -> None:
    for words, message in (
        ("files files --metrics acd", "acd is of clips: give --shape FRAMES HEIGHT WIDTH CHANNELS"),
        ("files files --metrics acd --shape 16 16 3", "acd is of clips: give --shape FRAMES"),
        (
            "files files --metrics fid --features pixels --shape 16 16 3",
            "shape=(16, 16, 3): images are measured",
        ),
        (
            "files files --metrics psnr --layouts flat strips",
            "layouts=('flat', 'strips'): images are measured",
        ),
        (
            "files files --metrics acd --shape 6 16 16 3",
            "0.gif: too short: it has 5 frames, and clips have 6",
        ),
        (
            "files files --metrics acd --shape 4 8 8 3",
            "0.gif has frames of 16x16 pixels, and --shape 4 8 8 3 is",
        ),
        ("strips files --metrics acd --shape 4 16 16 3", "0.png: a still image: layout=strips takes frames"),
        (
            "files files --metrics psnr --shape 4 16 16 3",
            "psnr measures images, not examples of shape (4, 16",
        ),
        (
            "files files --metrics fid --shape 4 16 16 3",
            "fid: features='inception' are of images, and examples",
        ),
        ("none files --metrics acd --shape 4 16 16 3", "none does not exist"),
    ):
        assert evaluate(words) == 2
        assert message in capsys.readouterr().err
    assert cli.main(["evaluate", "run", "--metrics", "acd", "--layouts", "flat", "strips"]) == 2
    assert "FAKE REAL, whose --layouts are of clips" in capsys.readouterr().err
