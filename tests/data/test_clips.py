"""Clips of a folder: which files are clips, which frames are taken, and which folders are refused."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clip_files import KINDS, LENGTHS, SHAPE, frames, grays, open_clips, put, value, write, write_movie

from gaxjax.data import Data, Loader, assemble_batch, open_source, spec_of
from gaxjax.data.clip_sources import ClipsInMemory, StreamedClips
from gaxjax.data.config import as_stored
from gaxjax.data.movies import find_times, read_movie
from gaxjax.errors import InputError


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips in two classes, as each kind of file, as strips and as frames."""
    folder = tmp_path_factory.mktemp("clips")
    for clip, length in enumerate(LENGTHS):
        pixels, place = frames(clip, length), f"{'ab'[clip > 0]}/{clip}"
        for suffix in KINDS:
            write(folder / suffix[1:] / f"{place}{suffix}", pixels)
        for layout, axis in (("strips", 1), ("columns", 0)):
            put(folder / layout / f"{place}.png", np.concatenate(list(pixels), axis))
        for number, frame in enumerate(pixels):
            put(folder / "frames" / place / f"{number + 1}.png", frame)
    return folder


@pytest.mark.parametrize("kind", [*KINDS, "strips", "columns", "frames"])
def test_every_kind_gives_the_same_clips(clips: Path, kind: str) -> None:
    """Kept or streamed, from any frame on that leaves room: the very frames that were written."""
    layout = KINDS.get(kind) or ("frames" if kind == "frames" else "strips")
    batches = []
    for memory, source_type in ((2.0, ClipsInMemory), (0.0, StreamedClips)):
        source = open_clips(clips / kind.removeprefix("."), layout=layout, memory=memory)
        assert isinstance(source, source_type) and len(source) == source.decode_all() == 3
        batch = source.take(np.arange(40), seed=1)
        assert batch["video"].shape == (40, *SHAPE) and batch["video"].dtype == np.uint8
        first = grays(batch)[:, 0]
        # Movies lose a level or so; frames are five apart, and clips further.
        numbers = (first - 8) // 60
        starts = np.rint((first - 10 - 60 * numbers) / 5).astype(int)
        expected = [[value(n, start + t) for t in range(4)] for n, start in zip(numbers, starts, strict=True)]
        np.testing.assert_allclose(grays(batch), expected, atol=2)
        for number, length in enumerate(LENGTHS):
            there = set(starts[numbers == number])
            assert there <= set(range(length - 3)) and len(there) >= (length - 3) / 2
        if layout == "flat":
            assert "label" not in batch
        else:
            assert source.classes == 2 and batch["label"].tolist() == (numbers > 0).astype(int).tolist()
        # As stored, each begins with its first frame.
        np.testing.assert_allclose(grays(source.take(np.arange(3)))[:, 0], [10, 70, 130], atol=2)
        batches.append(batch)
    np.testing.assert_array_equal(batches[0]["video"], batches[1]["video"])


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".webm"])
def test_movies_are_read_from_any_frame_on(tmp_path: Path, suffix: str) -> None:
    """Also where a seek comes too late, and of AVI, whose packets say no times."""
    file = write_movie(tmp_path / f"movie{suffix}", frames(0, 40))
    times = find_times(file)
    assert len(times) == 40
    for start in range(38):
        video = [np.asarray(picture)[8, 12, 0] for picture in read_movie(file, times[start : start + 4 : 2])]
        np.testing.assert_allclose(video, [value(0, start), value(0, start + 2)], atol=2)


def test_a_clip_is_a_function_of_seed_and_position(clips: Path) -> None:
    """Whatever comes in a batch with it; kept clips are gathered, mirrored ones as a whole, as on devices."""
    for memory in (2.0, 0.0):
        source = open_clips(clips / "strips", layout="strips", stride=2, shape=(2, 16, 16, 3), memory=memory)
        whole = source.take(np.arange(30), seed=3)
        scattered = np.array([29, 3, 4, 17])
        np.testing.assert_array_equal(source.take(scattered, seed=3)["video"], whole["video"][scattered])
        assert (np.diff(grays(whole)) == 10).all()  # two frames apart, 5 levels each
        assert len(np.unique(grays(whole))) > 8
        assert (grays(source.take(np.arange(30), seed=4)) != grays(whole)).any()
        with Loader(source, 6, 2, seed=3, flip=True) as loader:
            batch = {name: x.reshape(12, *x.shape[2:]) for name, x in next(loader).items()}
        mirrored = batch["video"][:, :, 8, 12, 0] < batch["video"][:, :, 8, 4, 0]
        assert (mirrored == mirrored[:, :1]).all() and 0 < mirrored.mean() < 1
        as_taken = np.where(mirrored[..., None, None, None], batch["video"][..., ::-1, :], batch["video"])
        np.testing.assert_array_equal(as_taken, whole["video"][:12])
        if source.tables is not None:
            with Loader(source, 6, 2, seed=3, flip=True, choose=True) as loader:
                gathered = assemble_batch(source, source.tables, next(loader))
            np.testing.assert_array_equal(gathered["video"].reshape(batch["video"].shape), batch["video"])


def test_what_is_measured_begins_with_first_frames(clips: Path) -> None:
    """Shuffled or not, and no more is kept of a clip than that."""
    source = open_source(as_stored(Data("folder", SHAPE, str(clips / "gif"), flip=True)))
    assert set(grays(source.take(np.arange(9), seed=0))[:, 0]) == {10, 70, 130}
    assert source.tables is not None and len(source.tables["video"]) == 12
    assert source.spec == spec_of(Data("folder", SHAPE, str(clips / "gif")))


def test_frames_are_fit_as_images_are(tmp_path: Path) -> None:
    """Of a wide clip the middle, in gray; frames in the order in which people count."""
    wide = np.concatenate(
        [np.full((3, 8, 4, 3), 255, np.uint8), frames(0, 3, 8), np.zeros((3, 8, 4, 3), np.uint8)], 2
    )
    for number, frame in zip((1, 2, 10), wide, strict=True):
        put(tmp_path / "clip" / f"frame {number}.png", frame)
    source = open_clips(tmp_path, (3, 4, 4, 1), layout="frames", filter="box")
    video = source.take(np.arange(1))["video"][0, ..., 0]
    assert video[:, 0].tolist() == [[value(0, t) // 2] * 2 + [value(0, t)] * 2 for t in range(3)]
    assert source.classes is None


def test_folders_that_may_be_meant_in_two_ways(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"3 of 3 clips(.|\n)*layout=strips takes(.|\n)*layout=frames a folder"
    ):
        open_clips(clips / "strips")
    with pytest.raises(InputError, match="has images and no subfolders"):
        open_clips(clips / "frames" / "a" / "0", layout="frames")
    shutil.copytree(clips / "frames", tmp_path / "frames")
    put(tmp_path / "frames" / "a" / "cover.png", frames(0, 1)[0])
    with pytest.raises(
        InputError, match=r"frames/a has images, such as cover\.png, beside folders of images"
    ):
        open_clips(tmp_path / "frames", layout="frames")
    # Movies beside a folder train may be a class or a split, as images are.
    write(tmp_path / "train" / "0.gif", frames(0, 4))
    (tmp_path / "walk").mkdir()
    (tmp_path / "walk" / "0.mp4").write_bytes(b"")
    with pytest.raises(InputError, match="may be the split or a class"):
        open_clips(tmp_path)


def test_without_pyav(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("gaxjax.data.movies.importlib.import_module", absent)
    with pytest.raises(InputError, match=r"3 of 3 clips are movies, .*pip install 'gaxjax\[video\]'"):
        open_clips(clips / "mp4")
    assert len(open_clips(clips / "gif")) == 3


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"shape": (4, 16, 16, 2)}, "with 1, 3 or 4 channels"),
        ({"stride": 0}, "stride and digits are at least 1, not 0"),
        ({"layout": "halves"}, "layout='halves' is of images"),
        ({"jitter": 20}, "jitter=20 is of images"),
        ({"name": "cifar10"}, "cifar10 has none"),
        ({"shape": (16, 16, 3), "layout": "strips"}, "layout=strips makes clips: .* such as .16, 16, 16, 3."),
        ({"shape": (16, 16, 3), "stride": 2}, "stride is of clips"),
        ({"name": "moving_digits", "shape": (64, 64, 1)}, "such as .16, 64, 64, 1., not"),
        ({"name": "moving_mnist", "shape": (4, 64, 64, 4)}, "1 or 3 channels, not 4"),
    ],
)
def test_impossible_descriptions(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_source(Data(**{"name": "folder", "shape": SHAPE, "directory": "nowhere", **fields}))
