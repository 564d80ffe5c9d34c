"""Stacked MNIST: channels are the digits that the label names, examples are a function of their position."""

from pathlib import Path

import jax
import numpy as np
import pytest

from gaxjax.data import Data, Loader, Source, open_source
from gaxjax.data.source import Batch
from gaxjax.data.stacked import StackedDigits
from gaxjax.errors import InputError


class Few(Source):
    """Thirty images of two by three pixels: of one gray level each, ten times the digit and more."""

    classes = 10
    streams = {"image": 0, "label": 0}

    def __init__(self) -> None:
        self.spec = {
            "image": jax.ShapeDtypeStruct((2, 3, 1), np.uint8),
            "label": jax.ShapeDtypeStruct((), np.int32),
        }
        self.asked: list[np.ndarray] = []

    def __len__(self) -> int:
        return 30

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        assert seed is None and positions.min() >= 0 and positions.max() < 30
        self.asked.append(positions)
        labels = (positions % 10).astype(np.int32)
        gray = (10 * labels + positions // 10).astype(np.uint8)
        images = np.broadcast_to(gray[:, None, None, None], (len(positions), 2, 3, 1)).copy()
        images[:, 1, 2, 0] += 100  # one corner is brighter, so that a transposed image would be seen
        return {"image": images, "label": labels}


def test_channels_are_the_digits_of_the_label() -> None:
    source = StackedDigits(Few())
    batch = source.take(np.arange(500), seed=0)
    assert (batch["image"].shape, batch["image"].dtype) == ((500, 2, 3, 3), np.uint8)
    assert (batch["label"].shape, batch["label"].dtype) == ((500,), np.int32)
    assert {name: x.shape for name, x in source.spec.items()} == {"image": (2, 3, 3), "label": ()}
    assert source.classes == 1000 and len(source) == 30
    digits = batch["image"][:, 0, 0] // 10
    np.testing.assert_array_equal(batch["label"], digits @ np.array([1, 10, 100]))
    corner, elsewhere = batch["image"][:, 1, 2], batch["image"].reshape(500, 6, 3)[:, :5]
    np.testing.assert_array_equal(elsewhere, np.broadcast_to(corner[:, None] - 100, elsewhere.shape))


def test_an_example_depends_on_seed_and_position_alone() -> None:
    source = StackedDigits(Few())
    whole = source.take(np.arange(200), seed=4)
    scattered = np.array([7, 199, 3, 4, 5, 0])
    np.testing.assert_array_equal(source.take(scattered, seed=4)["image"], whole["image"][scattered])
    np.testing.assert_array_equal(source.take(scattered, seed=4)["label"], whole["label"][scattered])
    others = (
        source.take(np.arange(200), seed=5),
        source.take(np.arange(30, 230), seed=4),
        source.take(np.arange(200)),
    )
    for (
        other
    ) in others:  # another seed, the epoch after, and what no run draws: a few of 1,000 agree by chance
        assert np.mean(other["label"] == whole["label"]) < 0.05


def test_digits_are_uniform_and_independent() -> None:
    """Each channel has the 30 images alike, and the 1,000 classes are alike: channels are independent."""
    from scipy import stats  # which takes longer to import than all else here, in each process that collects

    few = Few()
    labels = StackedDigits(few).take(np.arange(100_000), seed=1)["label"]
    assert stats.chisquare(np.bincount(labels, minlength=1000)).pvalue > 0.001
    chosen = few.asked[0].reshape(-1, 3)
    for channel in range(3):
        assert stats.chisquare(np.bincount(chosen[:, channel], minlength=30)).pvalue > 0.001


def test_processes_share_examples() -> None:
    source = StackedDigits(Few())
    with Loader(source, 8, 2, seed=1) as whole:
        expected = next(whole)
    for process in range(2):
        with Loader(source, 8, 2, seed=1, process_index=process, process_count=2) as share:
            rows = slice(process * 4, process * 4 + 4)
            part = next(share)
            for name, values in expected.items():
                np.testing.assert_array_equal(part[name], values[:, rows])


@pytest.mark.parametrize("memory", [0.0, 2.0])
def test_real_digits(shared_data: Path, memory: float) -> None:
    """Each channel is one of MNIST's own images with the label's digit, decoded each time or kept."""
    data = Data("stacked_mnist", (28, 28, 3), str(shared_data / "tfds"), split="train[:500]", memory=memory)
    source = open_source(data)
    assert len(source) == 500 and source.classes == 1000
    mnist = open_source(Data("mnist", (28, 28, 1), str(shared_data / "tfds"), split="train[:500]"))
    digits = mnist.take(np.arange(500))
    labels = {image.tobytes(): label for image, label in zip(digits["image"], digits["label"], strict=True)}
    batch = source.take(np.arange(40), seed=0)
    for image, label in zip(batch["image"], batch["label"], strict=True):
        found = [labels[np.ascontiguousarray(image[..., channel]).tobytes()] for channel in range(3)]
        assert found[0] + 10 * found[1] + 100 * found[2] == label


def test_other_sizes(shared_data: Path) -> None:
    data = Data("stacked_mnist", (32, 24, 3), str(shared_data / "tfds"), split="test[:50]")
    assert open_source(data).take(np.arange(2))["image"].shape == (2, 32, 24, 3)


def test_one_channel_is_refused() -> None:
    with pytest.raises(InputError, match=r"use shape=\(28, 28, 3\), not \(28, 28, 1\)"):
        open_source(Data("stacked_mnist", (28, 28, 1)))


def test_without_mnist_the_message_says_what_to_prepare(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gaxjax prepare mnist --directory"):
        open_source(Data("stacked_mnist", (28, 28, 3), str(tmp_path)))
