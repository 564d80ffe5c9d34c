"""Sets by name: the built-in digits, what tensorflow-datasets has prepared, what is said of the others."""

import dataclasses
import importlib.util
import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tyro
from PIL import Image

from gaxjax.data import Data, open_source, prepare
from gaxjax.errors import InputError


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of tensorflow-datasets in which the digits are prepared."""
    root = tmp_path_factory.mktemp("sets")
    prepare("digits", str(root))
    return root


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any attempt to reach a network fails the test."""

    def refuse(*arguments: Any) -> None:
        raise AssertionError(f"reached for the network: {arguments}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "tensorflow" else find_spec(name, *rest),
    )


def edited(sets: Path, target: Path, file: str, old: str, new: str) -> Data:
    """A copy of the digits whose metadata say something else."""
    shutil.copytree(sets / "digits", target / "digits")
    path = target / "digits" / "1.0.0" / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    return Data(directory=str(target))


def test_data_is_plain_and_every_field_is_a_flag() -> None:
    data = tyro.cli(Data, args=["--name", "ring", "--shape", "2", "--modes", "12", "--no-strict"])
    assert data == Data("ring", shape=(2,), modes=12, strict=False)
    back = json.loads(json.dumps(dataclasses.asdict(data)))
    assert Data(**{name: tuple(x) if isinstance(x, list) else x for name, x in back.items()}) == data


# digits


@pytest.mark.usefixtures("offline")
def test_digits_are_scikit_learns(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from sklearn.datasets import load_digits

    source = open_source(Data(shape=(8, 8, 1), directory=str(tmp_path / "new")))
    batch = source.take(np.arange(len(source)))
    expected = load_digits()
    pixels = np.rint(expected.images * 255 / 16).astype(np.uint8)
    assert batch["image"].shape == (1797, 8, 8, 1)
    assert source.classes == 10
    ours = sorted(
        (image.tobytes(), int(label)) for image, label in zip(batch["image"], batch["label"], strict=True)
    )
    theirs = sorted(
        (image.tobytes(), int(label)) for image, label in zip(pixels, expected.target, strict=True)
    )
    assert ours == theirs
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["digits"]


def test_digits_in_any_shape(sets: Path) -> None:
    small = open_source(Data(shape=(8, 8, 1), directory=str(sets))).take(np.arange(5))["image"]
    large = open_source(Data(shape=(32, 32, 3), directory=str(sets))).take(np.arange(5))["image"]
    for before, after in zip(small, large, strict=True):
        resized = Image.fromarray(before[..., 0]).resize((32, 32), Image.Resampling.LANCZOS)
        np.testing.assert_array_equal(after, np.repeat(np.asarray(resized)[..., None], 3, axis=-1))


def test_digits_on_disk_are_the_same(sets: Path) -> None:
    data = Data(directory=str(sets), split="train[:50]")
    kept, streamed = open_source(data), open_source(dataclasses.replace(data, memory=0))
    positions = np.arange(40, 70)
    for key in ("image", "label"):
        np.testing.assert_array_equal(kept.take(positions, 1)[key], streamed.take(positions, 1)[key])


def test_two_processes_prepare_digits_at_once(tmp_path: Path) -> None:
    program = "import sys; from gaxjax.data import prepare; print(prepare('digits', sys.argv[1]))"
    command = [sys.executable, "-W", "error", "-c", program, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=-1, stderr=-1, text=True) for _ in range(2)]
    for process in running:
        assert process.communicate(timeout=120) == (f"{tmp_path / 'digits' / '1.0.0'}\n", "")
        assert process.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["digits"]
    assert len(open_source(Data(directory=str(tmp_path)))) == 1797


def test_digits_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"digits cannot be written to .*file.*use another directory"):
        prepare("digits", str(tmp_path / "file"))
    (tmp_path / "digits" / "1.0.0").mkdir(parents=True)
    (tmp_path / "digits" / "1.0.0" / "something").write_text("")
    with pytest.raises(InputError, match="exists and is not a prepared set"):
        prepare("digits", str(tmp_path))


# prepared sets


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_prepared_sets(shared_data: Path, name: str) -> None:
    import tensorflow_datasets as tfds

    directory = shared_data / "tfds"
    data = Data(name, shape=(28, 28, 1), directory=str(directory), split="test[100:300]")
    source = open_source(data)
    assert (len(source), source.classes) == (200, 10)
    assert source.spec["image"].shape == (28, 28, 1)
    batch = source.take(np.arange(200))
    for number, example in enumerate(tfds.data_source(name, split="test[100:300]", data_dir=directory)):
        np.testing.assert_array_equal(batch["image"][number], example["image"])
        assert batch["label"][number] == example["label"]
    assert len(open_source(dataclasses.replace(data, split="train+test", memory=0))) == 70_000
    assert prepare(name, str(directory)) == directory / name / "3.0.1"


def test_unknown_split(sets: Path) -> None:
    for split in ("valid", "train[:5", "", "train[5:5]"):
        with pytest.raises(InputError, match=r"digits has no split .* its splits are train, and parts"):
            open_source(Data(directory=str(sets), split=split))


def test_a_set_without_images(sets: Path, tmp_path: Path) -> None:
    data = edited(
        sets,
        tmp_path,
        "features.json",
        '"image": {\n                "image"',
        '"picture": {\n                "image"',
    )
    with pytest.raises(InputError, match="digits has no feature image, only label, picture"):
        open_source(data)


def test_a_set_of_floats(sets: Path, tmp_path: Path) -> None:
    data = edited(sets, tmp_path, "features.json", '"uint8"', '"float32"')
    with pytest.raises(InputError, match="images of float32, and only uint8 and uint16"):
        open_source(data)


def test_a_set_that_only_tensorflow_reads(sets: Path, tmp_path: Path) -> None:
    data = edited(sets, tmp_path, "dataset_info.json", '"array_record"', '"tfrecord"')
    for attempt in (lambda: open_source(data), lambda: prepare("digits", str(tmp_path))):
        with pytest.raises(InputError, match="is prepared as tfrecord, which only TensorFlow reads"):
            attempt()


# sets that are not there


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mnst", "no set is called 'mnst'; did you mean mnist or"),
        ("celeba", "did you mean celeb_a"),
        ("digit", "did you mean digits"),
        ("zzzzqqq", r"tensorflow\.org/datasets/catalog lists them"),
        ("two words", "'two words' is not the name of a set"),
        ("", "'' is not the name of a set"),
    ],
)
def test_unknown_names(tmp_path: Path, name: str, message: str) -> None:
    for attempt in (
        lambda: open_source(Data(name, directory=str(tmp_path))),
        lambda: prepare(name, str(tmp_path)),
    ):
        with pytest.raises(InputError, match=message):
            attempt()


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", ["cifar10", "lsun/bedroom", "cycle_gan", "mnist:3.0.1"])
def test_sets_that_are_not_prepared(tmp_path: Path, name: str) -> None:
    directory = tmp_path / "my sets"
    with pytest.raises(InputError) as raised:
        open_source(Data(name, directory=str(directory)))
    message = str(raised.value)
    assert f"{name} is not prepared in {directory}" in message
    assert f"gaxjax prepare {name} --directory '{directory}'\n" in message
    assert 'pip install "gaxjax[prepare]"' in message
    assert not directory.exists()


@pytest.mark.usefixtures("offline", "without_tensorflow")
@pytest.mark.parametrize("name", ["cifar10", "lsun/bedroom", "imagenet2012"])
def test_preparing_without_tensorflow(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        InputError, match=rf'preparing {name} needs TensorFlow.*pip install "gaxjax\[prepare\]"'
    ):
        prepare(name, str(tmp_path))


@pytest.mark.parametrize("name", ["ring", "grid", "mixture", "folder"])
def test_nothing_to_prepare(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} needs no preparation"):
        prepare(name)


def test_an_installed_tensorflow_is_not_imported(sets: Path, tmp_path: Path) -> None:
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text(
        "import os\nprint('imported', flush=True)\nos._exit(1)"
    )
    program = """
import importlib.util, sys
sys.path.insert(0, sys.argv[2])
assert importlib.util.find_spec("tensorflow") is not None
from gaxjax.data import Data, Loader, open_source, prepare
prepare("digits", sys.argv[1])
with Loader(open_source(Data(directory=sys.argv[1])), 10) as loader:
    next(loader)
"""
    command = [sys.executable, "-W", "error", "-c", program, str(sets), str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
