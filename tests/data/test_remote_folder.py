"""Images in a bucket are the examples that the same folder on a disk gives, in the same order."""

from dataclasses import replace
from pathlib import Path

import chex
import fsspec
import imageio.v3 as iio
import numpy as np
import pytest
from buckets import MemoryBucket, memory_bucket
from folders import save
from PIL import Image

from gaxjax.data import Data, open_source
from gaxjax.errors import InputError
from gaxjax.files.places import as_path, is_remote
from gaxjax.pictures.samples import draw_samples

__all__ = ["memory_bucket"]

DATA = Data("folder", (8, 8, 3), "gs://bucket/images")


def fill(bucket: MemoryBucket, folder: Path) -> None:
    """Two classes, numbered as people count, with what is hidden or no image beside them."""
    for number in range(12):
        save(folder / "train" / str(2 + 8 * (number % 2)) / f"{number}.png", 20 * number)
    (folder / "train" / "notes.txt").write_text("no image")
    save(folder / "train" / ".thumbnails" / "a.png")
    save(folder / "test" / "2" / "0.png")
    bucket.put(str(folder), "gs://bucket/images", recursive=True)
    # What a browser's "new folder" leaves in a bucket.
    bucket.pipe("gs://bucket/images/train/2/placeholder/", b"")


@pytest.mark.parametrize("memory", [1.0, 0.0])
def test_a_bucket_gives_what_a_disk_gives(tmp_path: Path, memory_bucket: MemoryBucket, memory: float) -> None:
    fill(memory_bucket, tmp_path / "images")
    data = replace(DATA, memory=memory)
    remote, local = open_source(data), open_source(replace(data, directory=str(tmp_path / "images")))
    assert (len(remote), remote.class_names) == (12, ["2", "10"])
    assert list(remote.class_names) == list(local.class_names)
    chex.assert_trees_all_equal(remote.take(np.arange(30), seed=3), local.take(np.arange(30), seed=3))
    # Names and sizes are told by the listing, so that a set that is moved into a bucket stays the same set.
    assert remote.digest() == local.digest()


@pytest.mark.parametrize("layout", ["auto", "frames"])
def test_clips_in_a_bucket(tmp_path: Path, memory_bucket: MemoryBucket, layout: str) -> None:
    """Movies too, though FFmpeg knows no bucket."""
    pixels = np.repeat(np.arange(0, 250, 50, np.uint8), 256 * 3).reshape(5, 16, 16, 3)
    first, *others = map(Image.fromarray, pixels)
    (tmp_path / "images" / "clip").mkdir(parents=True)
    if layout == "auto":
        first.save(tmp_path / "images" / "a.gif", save_all=True, append_images=others)
        iio.imwrite(tmp_path / "images" / "clip" / "b.mp4", pixels, fps=25, codec="libx264", plugin="pyav")
    else:
        for number, frame in enumerate([first, *others]):
            frame.save(tmp_path / "images" / "clip" / f"{number}.png")
    memory_bucket.put(str(tmp_path / "images"), "gs://bucket/images", recursive=True)
    data = replace(DATA, shape=(3, 16, 16, 3), layout=layout, memory=0.0)
    remote, local = open_source(data), open_source(replace(data, directory=str(tmp_path / "images")))
    assert len(remote) == (2 if layout == "auto" else 1) and remote.digest() == local.digest()
    chex.assert_trees_all_equal(remote.take(np.arange(6), seed=0), local.take(np.arange(6), seed=0))


def test_what_a_bucket_lacks_is_named(tmp_path: Path, memory_bucket: MemoryBucket) -> None:
    fill(memory_bucket, tmp_path / "images")
    with pytest.raises(
        InputError, match="gs://bucket/none does not exist; directory is the folder of images"
    ):
        open_source(replace(DATA, directory="gs://bucket/none"))
    with pytest.raises(InputError, match="no subfolder 'val'; its subfolders: test, train"):
        open_source(replace(DATA, split="val"))
    memory_bucket.pipe("gs://bucket/images/train/2/a.png", b"no image")
    with pytest.raises(InputError, match=r"gs://bucket/images/train/2/a.png: not an image"):
        open_source(DATA)
    with pytest.raises(InputError, match="gs://bucket/sets: prepared sets are on a disk alone"):
        open_source(Data("mnist", directory="gs://bucket/sets"))


def test_a_bucket_that_refuses_says_why(memory_bucket: MemoryBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no credentials")

    monkeypatch.setattr(MemoryBucket, "info", refuse)
    with pytest.raises(InputError, match=r"gs://bucket/images cannot be reached \(no credentials\)"):
        open_source(DATA)
    monkeypatch.setattr(MemoryBucket, "_open", refuse)
    with pytest.raises(OSError, match="no credentials") as refused:
        draw_samples(np.zeros((4, 8, 8, 3)), "gs://bucket/grid.png")
    assert refused.value.filename == "gs://bucket/grid.png"


def test_pictures_go_into_a_bucket(memory_bucket: MemoryBucket) -> None:
    path = draw_samples(np.zeros((4, 8, 8, 3)), "gs://bucket/new/grid.png")
    assert str(path) == "gs://bucket/new/grid.png"
    assert memory_bucket.cat("gs://bucket/new/grid.png").startswith(b"\x89PNG")


def test_which_texts_are_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert as_path("runs/a:b") == Path("runs/a:b")
    assert not is_remote(as_path(tmp_path))
    for text in ("http://bucket/a", "gs://", "gs:///"):
        with pytest.raises(
            InputError, match=f"{text} is no place that is known: give gs://BUCKET/FOLDER or s3"
        ):
            as_path(text)
    with pytest.raises(InputError, match="gs:/bucket/a has lost a slash"):
        as_path(Path("gs://bucket/a"))


def test_an_address_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_none(kind: str) -> None:
        raise ImportError(f"no package for {kind}")

    monkeypatch.setattr(fsspec, "get_filesystem_class", find_none)
    with pytest.raises(InputError, match=r"needs the package s3fs: pip install 'gaxjax\[s3\]', or mount"):
        as_path("s3://bucket/a")
