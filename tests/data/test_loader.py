"""What the loader gives depends on the seed and the position alone, and its threads end."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from gaxjax.data import Data, Loader, Source, normalize, open_source
from gaxjax.errors import InputError

COUNT = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten images, 8 x 4, with their own number in every pixel but the first column of each half."""
    root = tmp_path_factory.mktemp("numbered")
    for number in range(COUNT):
        pixels = np.full((4, 8), number, np.uint8)
        pixels[:, [0, 4]] = 255
        Image.fromarray(pixels).save(root / f"{number:02}.png")
    return root


@pytest.fixture(scope="module")
def source(folder: Path) -> Source:
    return open_source(Data("folder", shape=(4, 8, 1), directory=str(folder)))


def open_pairs(folder: Path, paired: bool) -> Source:
    data = Data("folder", shape=(4, 4, 1), directory=str(folder), layout="halves", paired=paired)
    return open_source(data)


def numbers(images: np.ndarray) -> np.ndarray:
    """Which example each image is: the second column holds it, mirrored or not."""
    return images[..., 0, 1, 0]


def steps(loader: Loader, count: int) -> list[dict[str, np.ndarray]]:
    with loader:
        return [next(loader) for _ in range(count)]


def stream(loader: Loader, count: int, key: str = "image") -> np.ndarray:
    return np.concatenate([numbers(batch[key]).reshape(-1) for batch in steps(loader, count)])


def test_order_is_one_seeded_permutation_for_each_epoch(source: Source) -> None:
    seen = stream(Loader(source, 4, minibatches=5, seed=3), 3).reshape(6, COUNT)
    expected = [np.random.default_rng([3, epoch, 0]).permutation(COUNT) for epoch in range(6)]
    np.testing.assert_array_equal(seen, expected)
    assert not np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[0], stream(Loader(source, COUNT, seed=4), 1))


def test_shapes_and_types(source: Source) -> None:
    batch = steps(Loader(source, 4, minibatches=3, process_index=1, process_count=2), 1)[0]
    assert {key: (value.shape, value.dtype) for key, value in batch.items()} == {
        "image": ((3, 2, 4, 8, 1), np.uint8)
    }
    assert source.spec["image"].shape == (4, 8, 1)
    assert source.classes is None
    assert len(source) == COUNT


@pytest.mark.parametrize(("batch_size", "minibatches"), [(24, 1), (4, 3), (6, 2), (1, 4), (3, 1)])
def test_batch_sizes_cut_one_stream(source: Source, batch_size: int, minibatches: int) -> None:
    whole = stream(Loader(source, 48, seed=1), 1)
    count = 48 // (batch_size * minibatches)
    parts = stream(Loader(source, batch_size, minibatches=minibatches, seed=1), count)
    np.testing.assert_array_equal(parts, whole)


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_share_the_batch_by_rows(source: Source, processes: int) -> None:
    whole = steps(Loader(source, 8, 3, seed=5, flip=True), 3)
    shares = [
        steps(Loader(source, 8, 3, seed=5, process_index=q, process_count=processes, flip=True), 3)
        for q in range(processes)
    ]
    for step, batch in enumerate(whole):
        together = np.concatenate([share[step]["image"] for share in shares], axis=1)
        np.testing.assert_array_equal(together, batch["image"])


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_resuming_equals_not_stopping(source: Source, workers: int) -> None:
    whole = steps(Loader(source, 4, 2, seed=7, flip=True), 9)
    with Loader(source, 4, 2, seed=7, flip=True, workers=workers) as first:
        for _ in range(5):
            next(first)
        state = json.loads(json.dumps(first.get_state()))
    assert state == {"position": 40}
    with Loader(source, 4, 2, seed=7, flip=True, workers=workers) as second:
        next(second)  # read ahead of the new position, which must be forgotten
        second.set_state(state)
        assert second.get_state() == state
        for batch in whole[5:]:
            np.testing.assert_array_equal(next(second)["image"], batch["image"])


def test_a_position_between_two_steps_only(source: Source) -> None:
    with Loader(source, 4, 2) as loader:
        with pytest.raises(InputError, match="position 12 is not between two steps of 8 examples"):
            loader.set_state({"position": 12})
        with pytest.raises(InputError):
            loader.set_state({"position": -8})


def test_flip_mirrors_half_of_the_images_by_position(source: Source) -> None:
    plain = steps(Loader(source, 200, seed=2), 1)[0]["image"]
    flipped = steps(Loader(source, 200, seed=2, flip=True), 1)[0]["image"]
    mirrored = flipped[0, :, 0, -1, 0] == 255
    np.testing.assert_array_equal(flipped[0][~mirrored], plain[0][~mirrored])
    np.testing.assert_array_equal(flipped[0][mirrored], plain[0][mirrored][:, :, ::-1])
    assert 70 < mirrored.sum() < 130  # 4 standard deviations
    other = steps(Loader(source, 200, seed=9, flip=True), 1)[0]["image"][0, :, 0, -1, 0] == 255
    assert not np.array_equal(mirrored, other)


def test_pairs_are_shuffled_and_mirrored_together(folder: Path) -> None:
    batch = steps(Loader(open_pairs(folder, paired=True), 60, flip=True), 1)[0]
    np.testing.assert_array_equal(batch["a"], batch["b"])


def test_unpaired_halves_have_orders_of_their_own(folder: Path) -> None:
    unpaired, paired = open_pairs(folder, paired=False), open_pairs(folder, paired=True)
    a, b = (stream(Loader(unpaired, COUNT, seed=1), 3, key) for key in "ab")
    np.testing.assert_array_equal(a, stream(Loader(paired, COUNT, seed=1), 3, "a"))
    assert not np.array_equal(a, b)
    np.testing.assert_array_equal(np.sort(b.reshape(3, COUNT), axis=1), [np.arange(COUNT)] * 3)
    batch = steps(Loader(unpaired, 60, flip=True), 1)[0]
    left, right = (batch[key][0, :, 0, -1, 0] == 255 for key in "ab")
    assert not np.array_equal(left, right)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"batch_size": 10, "process_count": 4},
            "batch_size 10 is not divisible by 4 processes; use 8 or 12",
        ),
        ({"batch_size": 2, "process_count": 4}, "by 4 processes; use 4$"),
        ({"batch_size": 0}, "at least 1, not 0 and 1"),
        ({"batch_size": 4, "minibatches": 0}, "at least 1, not 4 and 0"),
        ({"batch_size": 4, "process_index": 2, "process_count": 2}, "process_index 2 is not one of 2"),
        ({"batch_size": 4, "seed": -1}, "seed is at least 0"),
    ],
)
def test_impossible_requests(source: Source, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Loader(source, **options)


def test_points_are_not_mirrored() -> None:
    with pytest.raises(InputError, match="use flip=False"):
        Loader(open_source(Data("ring", shape=(2,))), 4, flip=True)


def test_an_error_in_a_thread_reaches_the_run(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    streamed = open_source(Data("folder", shape=(4, 8, 1), directory=str(tmp_path), memory=0))
    (tmp_path / "05.png").unlink()
    with Loader(streamed, COUNT) as loader, pytest.raises(InputError, match=r"05\.png: .*No such file"):
        next(loader)


def test_small_networks_do_not_starve(source: Source) -> None:
    """An MLP on a set in memory takes some 200 batches of 100 a second; the loader gives thousands."""
    with Loader(source, 100) as loader:
        next(loader)
        start = time.perf_counter()
        for _ in range(400):
            next(loader)
        assert time.perf_counter() - start < 2


def test_close_ends_the_threads(source: Source) -> None:
    before = set(threading.enumerate())
    loader = Loader(source, 4, workers=2)
    next(loader)
    assert set(threading.enumerate()) - before
    loader.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=10)
    assert not set(threading.enumerate()) - before


def test_a_process_ends_by_itself_without_tensorflow(folder: Path) -> None:
    program = """
import sys
from gaxjax.data import Data, Loader, open_source
source = open_source(Data("folder", shape=(4, 8, 1), directory=sys.argv[1], memory=float(sys.argv[2])))
loader = Loader(source, 64, 4)
next(loader)
assert "tensorflow" not in sys.modules
"""
    for memory in ("0", "1"):
        command = [sys.executable, "-W", "error", "-c", program, str(folder), memory]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_normalize() -> None:
    batch = {"image": np.array([[0, 51, 255]], np.uint8), "label": np.array([7]), "a": np.ones(2, np.float32)}
    for result in (normalize(batch), jax.jit(normalize)(batch)):
        np.testing.assert_allclose(result["image"], [[-1, -0.6, 1]], rtol=1e-6)
        assert result["image"].dtype == jnp.float32
        np.testing.assert_array_equal(result["label"], [7])
        np.testing.assert_array_equal(result["a"], [1, 1])
