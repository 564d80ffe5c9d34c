"""Folders of images: which files are read, as what, and what is said of those that cannot be used."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gaxjax.data import Data, Source, open_source
from gaxjax.data.pictures import InMemory, Streaming
from gaxjax.errors import InputError


def open_folder(folder: Path, shape: tuple[int, ...] = (4, 4, 3), **options: Any) -> Source:
    return open_source(Data("folder", shape=shape, directory=str(folder), **options))


def stored(
    folder: Path, shape: tuple[int, ...] = (4, 4, 3), key: str = "image", **options: Any
) -> np.ndarray:
    source = open_folder(folder, shape, **options)
    return source.take(np.arange(len(source)))[key]


def save(path: Path, picture: Image.Image | np.ndarray, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(path, **options)
    return path


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def plain(value: int) -> np.ndarray:
    return np.full((4, 4), value, np.uint8)


# which files, in which order


def test_sorted_and_without_hidden_and_other_files(tmp_path: Path) -> None:
    for name, value in [
        ("b.png", 2),
        ("a.PNG", 1),
        ("c.jpeg", 4),
        ("b/z.png", 3),
        (".hidden.png", 9),
        (".git/x.png", 9),
    ]:
        save(tmp_path / name, plain(value))
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "folder.png").mkdir()
    assert stored(tmp_path, (4, 4, 1))[:, 0, 0, 0].tolist() == [1, 3, 2, 4]


def test_split_is_a_subfolder_or_the_folder_itself(tmp_path: Path) -> None:
    save(tmp_path / "train" / "x.png", plain(1))
    save(tmp_path / "val" / "x.png", plain(2))
    save(tmp_path / "val" / "y.png", plain(3))
    assert stored(tmp_path)[:, 0, 0, 0].tolist() == [1]
    assert stored(tmp_path, split="val")[:, 0, 0, 0].tolist() == [2, 3]
    assert stored(tmp_path / "val")[:, 0, 0, 0].tolist() == [2, 3]
    assert len(open_folder(tmp_path, split="")) == 3
    with pytest.raises(InputError, match="no subfolder 'test'; its subfolders: train, val"):
        open_folder(tmp_path, split="test")


def test_classes(tmp_path: Path) -> None:
    for name, value in [("dog/1.png", 3), ("cat/deep/2.png", 1), ("cat/9.png", 2)]:
        save(tmp_path / name, plain(value))
    for layout in ("auto", "classes"):
        source = open_folder(tmp_path, layout=layout)
        batch = source.take(np.arange(3))
        assert source.classes == 2
        assert batch["label"].tolist() == [0, 0, 1]  # cat, cat, dog
        assert batch["label"].dtype == source.spec["label"].dtype == np.int32
        assert batch["image"][:, 0, 0, 0].tolist() == [2, 1, 3]
    assert set(open_folder(tmp_path, layout="flat").spec) == {"image"}


def test_auto_takes_no_classes_beside_loose_images_or_from_one_subfolder(tmp_path: Path) -> None:
    save(tmp_path / "only" / "1.png", plain(1))
    assert open_folder(tmp_path).classes is None
    assert open_folder(tmp_path, layout="classes").classes == 1
    save(tmp_path / "other" / "1.png", plain(1))
    save(tmp_path / "loose.png", plain(1))
    assert open_folder(tmp_path).classes is None
    with pytest.raises(InputError, match=r"1 of the 3 images lie beside the subfolders, such as loose\.png"):
        open_folder(tmp_path, layout="classes")


@pytest.mark.parametrize("shape", [(4, 4, 3), (2, 4, 4, 3)])
def test_a_class_without_examples_is_named(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """It would shift the numbers of those after it."""
    for name in ("a", "c"):
        animation = [Image.fromarray(noise(seed, 4, 4, 3)) for seed in range(2)]
        save(tmp_path / name / "0.gif", animation[0], save_all=True, append_images=animation[1:])
    (tmp_path / ".hidden").mkdir()
    assert open_folder(tmp_path, shape, layout="classes").classes == 2
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "notes.txt").write_text("no image")
    what = "clip" if len(shape) == 4 else "image"
    with pytest.raises(InputError, match=f"a class without any {what}: 'b' in {tmp_path}; add {what}s or"):
        open_folder(tmp_path, shape, layout="classes")
    with pytest.warns(UserWarning, match=f"no class is made of subfolder 'b', which has no {what}"):
        assert open_folder(tmp_path, shape).classes == 2
    assert open_folder(tmp_path, shape, layout="flat").classes is None


def test_halves(tmp_path: Path) -> None:
    pixels = noise(0, 4, 8, 3)
    save(tmp_path / "pair.png", pixels)
    np.testing.assert_array_equal(stored(tmp_path, key="a", layout="halves")[0], pixels[:, :4])
    np.testing.assert_array_equal(stored(tmp_path, key="b", layout="halves")[0], pixels[:, 4:])
    odd = save(tmp_path / "odd.png", noise(0, 4, 9, 3))
    for memory in (0.0, 1.0):
        with pytest.raises(InputError, match=f"{odd}: its width, 9, is odd"):
            open_folder(tmp_path, layout="halves", memory=memory)


@pytest.mark.parametrize(("split", "count"), [("train", 400), ("val", 100)])
def test_facades(shared_data: Path, split: str, count: int) -> None:
    folder = shared_data / "facades"
    source = open_folder(folder, (256, 256, 3), layout="halves", split=split, memory=0)
    assert len(source) == count
    batch = source.take(np.array([0, count - 1]))
    for row, file in enumerate(sorted((folder / split).iterdir())[:: count - 1]):
        whole = np.asarray(Image.open(file))
        np.testing.assert_array_equal(np.concatenate([batch["a"][row], batch["b"][row]], axis=1), whole)


# in memory or on disk


def test_memory_decides_where_examples_are_and_not_what_they_are(tmp_path: Path) -> None:
    for number in range(10):
        save(tmp_path / str(number % 2) / f"{number}.png", noise(number, 9, 7, 3))
    size = 10 * (4 * 4 * 3 + 4) / 2**30
    kept, streamed = open_folder(tmp_path, memory=size), open_folder(tmp_path, memory=size * 0.99)
    assert isinstance(kept, InMemory)
    assert isinstance(streamed, Streaming)
    assert kept.spec == streamed.spec
    assert kept.classes == streamed.classes == 2
    for seed in (None, 0, 5):
        positions = np.array([3, 3, 12, 9, 25])
        left, right = kept.take(positions, seed), streamed.take(positions, seed)
        for key in ("image", "label"):
            np.testing.assert_array_equal(left[key], right[key])
            assert left[key].dtype == right[key].dtype


# files that cannot be used


def test_no_folder_and_no_images(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere does not exist"):
        open_folder(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is not a folder"):
        open_folder(tmp_path / "file")
    with pytest.raises(InputError, match="holds no images"):
        open_folder(tmp_path)
    with pytest.raises(InputError, match=r"needs directory, .*: --data.directory DIR of a recipe, --data-"):
        open_source(Data("folder"))


def damage(folder: Path) -> list[Path]:
    """Three good images and three that their header or checksums show to be damaged."""
    good = [save(folder / f"{number}.png", plain(number)) for number in (1, 3, 5)]
    empty, text, cut = folder / "0.png", folder / "2.jpg", folder / "4.png"
    empty.write_bytes(b"")
    text.write_text("hello")
    cut.write_bytes(good[0].read_bytes()[:-20])
    return [empty, text, cut]


@pytest.mark.parametrize("memory", [0.0, 1.0])
def test_damaged_files_stop_before_the_first_step(tmp_path: Path, memory: float) -> None:
    damaged = damage(tmp_path)
    with pytest.raises(InputError, match="3 of 6 images cannot be used") as raised:
        open_folder(tmp_path, memory=memory)
    message = str(raised.value)
    assert all(str(path) in message for path in damaged)
    assert "0.png: the file is empty" in message
    assert "2.jpg: not an image" in message
    assert str(tmp_path / "1.png") not in message


@pytest.mark.parametrize("memory", [0.0, 1.0])
def test_damaged_files_are_left_out_if_not_strict(tmp_path: Path, memory: float) -> None:
    damaged = damage(tmp_path)
    with pytest.warns(UserWarning, match="left out 3 of 6 images") as warned:
        pixels = stored(tmp_path, (4, 4, 1), memory=memory, strict=False)
    assert len(warned) == 1
    assert all(str(path) in str(warned[0].message) for path in damaged)
    assert pixels[:, 0, 0, 0].tolist() == [1, 3, 5]


@pytest.mark.parametrize("memory", [0.0, 1.0])
def test_ten_are_named_and_the_others_counted(tmp_path: Path, memory: float) -> None:
    for number in range(12):
        (tmp_path / f"{number:02}.png").write_bytes(b"")
    save(tmp_path / "good.png", plain(1))
    with pytest.raises(InputError, match="12 of 13") as raised:
        open_folder(tmp_path, memory=memory)
    assert str(raised.value).count("the file is empty") == 10
    assert "and 2 more" in str(raised.value)


def test_nothing_left_is_an_error_even_if_not_strict(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"")
    with pytest.raises(InputError, match="1 of 1 images cannot be used"):
        open_folder(tmp_path, strict=False)


def truncate(folder: Path) -> Path:
    """Three images; the second, a JPEG, only decoding shows to be damaged."""
    save(folder / "0.png", plain(10))
    save(folder / "2.png", plain(30))
    cut = save(folder / "1.jpg", noise(0, 64, 64, 3))
    cut.write_bytes(cut.read_bytes()[:-2000])
    return cut


def test_truncated_jpeg(tmp_path: Path) -> None:
    cut = truncate(tmp_path)
    with pytest.raises(InputError, match=f"1 of 3 images cannot be used:\n  {cut}: .*truncated"):
        open_folder(tmp_path)
    with pytest.warns(UserWarning, match="left out 1 of 3"):
        assert stored(tmp_path, (4, 4, 1), strict=False)[:, 0, 0, 0].tolist() == [10, 30]


def test_truncated_jpeg_that_is_decoded_when_needed(tmp_path: Path) -> None:
    cut = truncate(tmp_path)
    source = open_folder(tmp_path, memory=0)
    with pytest.raises(InputError, match=f"{cut}: .*truncated"):
        source.take(np.arange(3))
    source = open_folder(tmp_path, (4, 4, 1), memory=0, strict=False)
    with pytest.warns(UserWarning, match=str(cut)):
        pixels = source.take(np.arange(3))["image"]
    assert pixels[:, 0, 0, 0].tolist() == [10, 30, 30]  # the next one in its place
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # said once
        source.take(np.arange(3))


def test_damage_of_both_kinds(tmp_path: Path) -> None:
    cut = truncate(tmp_path)
    (tmp_path / "-.png").write_bytes(b"")  # sorts first, and shifts the numbers of the others
    with pytest.warns(UserWarning, match="left out 1 of 4"):
        source = open_folder(tmp_path, (4, 4, 1), memory=0, strict=False)
    with pytest.warns(UserWarning, match=str(cut)):
        assert source.take(np.arange(3))["image"][:, 0, 0, 0].tolist() == [10, 30, 30]


# descriptions that cannot be meant


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": (4, 4)}, r"shape is \(height, width, channels\) with 1, 3 or 4 channels, not \(4, 4\)"),
        ({"shape": (4, 4, 2)}, "1, 3 or 4 channels"),
        ({"shape": (0, 4, 3)}, "not \\(0, 4, 3\\)"),
        (
            {"layout": "thirds"},
            "layout is one of auto, flat, .*, frames, strips, not 'thirds'",
        ),
        ({"fit": "pad"}, "fit is one of crop, resize"),
        ({"filter": "cubic"}, "filter is one of nearest, box"),
        ({"workers": -1}, "workers is at least 0"),
    ],
)
def test_impossible_descriptions(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_folder(tmp_path, **options)
