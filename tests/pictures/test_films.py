"""Clips as films and as strips of frames, pixel by pixel where it can be."""

import sys
from pathlib import Path
from typing import Any

import imageio.v3
import jax
import numpy as np
import pytest
from PIL import Image

from gaxjax.errors import InputError
from gaxjax.pictures.clips import as_clips, draw_film, draw_strips
from gaxjax.pictures.samples import check_path, draw_samples, sample_files


def fading(clips: int = 3, frames: int = 5, side: int = 8, channels: int = 1) -> np.ndarray:
    """Clips [n, T, H, W, C] in [-1, 1], each frame of one gray: clip c's of time t is 40 c + 10 t, of 255."""
    gray = 40 * np.arange(clips)[:, None] + 10 * np.arange(frames)
    return np.broadcast_to(
        (gray / 127.5 - 1)[..., None, None, None], (clips, frames, side, side, channels)
    ).astype(np.float32)


def frames_of(path: Path) -> list[np.ndarray]:
    """Of a GIF, as gray images."""
    with Image.open(path) as film:
        assert film.info["loop"] == 0 and film.info["duration"] == 100
        seen = []
        for frame in range(film.n_frames):  # type: ignore[attr-defined]
            film.seek(frame)
            seen.append(np.asarray(film.convert("L")))
    return seen


def test_clips_are_a_film_and_strips(tmp_path: Path) -> None:
    assert draw_samples(fading(), tmp_path / "clips.png") == tmp_path / "clips.png"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clips.gif", "clips.png"]
    film = frames_of(tmp_path / "clips.gif")
    # Two by two cells of 8 pixels with a gap of 2, enlarged: the film goes on, and its cells are the clips.
    scale = film[0].shape[0] // 18
    assert len(film) == 5 and film[0].shape == (18 * scale, 18 * scale)
    for time, frame in enumerate(film):
        cells = [frame[i * scale, j * scale] for i, j in ((0, 0), (0, 10), (10, 0), (10, 10))]
        assert cells == [10 * time, 40 + 10 * time, 80 + 10 * time, 255]
    with Image.open(tmp_path / "clips.png") as picture:
        page = np.asarray(picture)
    # A column of three strips, five frames each, a line between frames and a wider one between strips.
    scale = page.shape[1] // 45
    assert page.shape == ((3 * 13 - 4) * scale, 45 * scale)
    by_pixel = page[::scale, ::scale]
    for clip, time in np.ndindex(3, 5):
        np.testing.assert_array_equal(by_pixel[13 * clip :, 9 * time :][:8, :8], 40 * clip + 10 * time)
    assert (by_pixel[:, 8::9] == 255).all()


def test_strips_have_eight_frames_of_longer_clips() -> None:
    (clips,) = as_clips([fading(1, 23, side=2)])
    strip = draw_strips([clips])
    assert strip.shape == (1, 3, 8 * 3, 1)
    times = [0, 3, 6, 9, 13, 16, 19, 22]
    np.testing.assert_array_equal(strip[0, 0, ::3, 0], 10 * np.array(times))


def test_images_stand_still_beside_clips() -> None:
    """A background in color, a mask of half the size in gray, clips in color: all of one example together."""
    video = fading(2, 3, side=8, channels=3)
    clips = as_clips([video[:, 0], fading(2, 3, side=4), video])
    assert [x.shape for x in clips] == [(2, 1, 8, 8, 3), (2, 3, 8, 8, 3), (2, 3, 8, 8, 3)]
    film = draw_film(clips, columns=1)
    scale = film.shape[2] // 24
    assert film.shape == (3, 18 * scale, 24 * scale, 3)
    by_pixel = film[:, ::scale, ::scale, 0]
    np.testing.assert_array_equal(by_pixel[:, 12, ::8], [[40, 40, 40], [40, 50, 50], [40, 60, 60]])
    strips = draw_strips(clips)
    assert strips.shape == (2, 27, 27, 3)
    np.testing.assert_array_equal(strips[1, ::9, ::9, 0], [[40, 255, 255], [40, 50, 60], [40, 50, 60]])


def test_what_no_whole_number_makes_as_high_is_white_below(tmp_path: Path) -> None:
    levels = {str(side): np.zeros((1, side, side, 3), np.float32) for side in (3, 8)}
    with Image.open(draw_samples(levels, tmp_path / "levels.png")) as picture:
        page = np.asarray(picture)[..., 0]
    scale = page.shape[1] // 14
    assert page.shape == (8 * scale, 14 * scale)
    assert (page[: 6 * scale, : 6 * scale] == 128).all() and (page[6 * scale :, : 6 * scale] == 255).all()


def test_a_video_beside_the_film(tmp_path: Path) -> None:
    clips = fading(1, 4, side=9)
    path = draw_samples(clips, tmp_path / "clips.mp4")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clips.gif", "clips.mp4", "clips.png"]
    assert sorted(sample_files(clips, path)) == sorted(tmp_path.iterdir())
    film = frames_of(tmp_path / "clips.gif")
    video = imageio.v3.imread(path.read_bytes(), plugin="pyav", extension=".mp4")
    assert imageio.v3.immeta(path, plugin="pyav")["fps"] == 10
    # Sides are even, for the codec; and colors are as near as it keeps them.
    side = film[0].shape[0] + film[0].shape[0] % 2
    assert video.shape == (4, side, side, 3)
    np.testing.assert_allclose(video[:, :400, :400].mean(axis=(1, 2, 3)), 10 * np.arange(4), atol=3)


def test_endings_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images: Any = jax.ShapeDtypeStruct((2, 8, 8, 3), np.float32)
    clips: Any = {"mask": images, "video": jax.ShapeDtypeStruct((2, 4, 8, 8, 3), np.float32)}
    for name, samples, match in (
        ("a.gif", images, "a.gif is to be a film, and these samples are no clips: end its name in .png"),
        ("a.mp4", {"a": images}, "samples are no clips"),
        ("a.webm", clips, "a.webm is to be of clips: end its name in .png, .gif or .mp4"),
    ):
        with pytest.raises(InputError, match=match):
            check_path(tmp_path / name, samples)
    monkeypatch.setitem(sys.modules, "av", None)
    check_path(tmp_path / "a.gif", clips)
    with pytest.raises(InputError, match=r"packages imageio and av .*pip install 'gaxjax\[video\]'"):
        check_path(tmp_path / "a.mp4", clips)
