"""Copies of training images are seen, and what is none is not taken for one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gaxjax.data import Data, normalize, open_source
from gaxjax.errors import InputError
from gaxjax.generators.edits import nearest
from gaxjax.generators.edits.edit import perform_edit
from gaxjax.generators.edits.nearest import Nearest
from gaxjax.generators.model import TrainedModel

HELD_OUT = "train[1400:]"


@pytest.fixture(scope="module")
def model(coded_run: Path) -> TrainedModel:
    return TrainedModel(coded_run)


def test_a_game_that_copies_is_caught(
    coded_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its generator returns training images, a few of them mended by a gray level; the pairs show it."""
    monkeypatch.setattr(nearest, "sample", lambda gan, state, batch, key: batch["image"] + 1 / 127.5)
    said = perform_edit(coded_run, Nearest(n=6, count=300, split=HELD_OUT, out=tmp_path / "copies.png"))
    with np.load(tmp_path / "copies.npz") as stored:
        found = dict(stored)
    assert (
        found["share"] == 1
        and np.all(found["distances"] < 0.1)
        and np.median(found["held_out_distances"]) > 1
    )
    source = open_source(Data("digits", (8, 8, 1), split="train[:1400]"))
    neighbors = normalize(source.take(found["nearest"][:6]))["image"]
    np.testing.assert_allclose(neighbors, found["samples"] - 1 / 127.5, atol=1e-5)
    assert (
        "100.0% of the samples are nearer than" in said[3] and "(pixels) to the nearest of 1,400" in said[0]
    )
    # 4 pairs and 2, a white row, and the 4 nearest; columns are a sample, its neighbor, a white one.
    with Image.open(tmp_path / "copies.png") as opened:
        page = np.asarray(opened).astype(int)
    scale = page.shape[1] // (11 * 10 - 2)
    cells = page[::scale, ::scale]
    assert cells.shape == (4 * 10 - 2, 11 * 10 - 2)
    assert np.abs(cells[:8, :8] - cells[:8, 10:18]).max() <= 1 and np.any(cells[:8, :8] != cells[:8, 30:38])
    assert np.all(cells[:8, 20:28] == 255) and np.all(cells[20:28] == 255) and np.any(cells[30:38, 90:] < 255)


def test_a_game_that_does_not_copy_is_not(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A perfect one, whose samples are images that nobody trained on; and one that has learned nothing."""
    edit = Nearest(count=300, split=HELD_OUT)
    assert edit.draw(model).arrays["share"] == 0
    held_out = normalize(open_source(Data("digits", (8, 8, 1), split=HELD_OUT)).take(np.arange(397)))["image"]

    def draw(gan: Any, state: Any, batch: Any, key: Any) -> Any:
        return np.resize(held_out, batch["image"].shape)

    monkeypatch.setattr(nearest, "sample", draw)
    _, found, _, said = edit.draw(model)
    assert 0 <= found["share"] < 0.04
    np.testing.assert_allclose(found["quantiles"][0], found["quantiles"][1], rtol=0.25)
    assert said[1].startswith("samples (300): ") and said[2].startswith("held-out images (300): ")


def test_training_images_among_each_other(model: TrainedModel) -> None:
    """Where nothing was held out: an image is no neighbor of its own."""
    arrays = Nearest(count=200, split="").draw(model).arrays
    assert arrays["held_out_distances"].min() > 0.1
    for options, message in (
        ({"count": 20}, "--count is 100 or more"),
        ({"n": 0}, "--n 1 to as many"),
        ({"split": "train[1400:1450]", "count": 100}, "of 100 images at the least there are 50"),
        ({"split": "train[:1400]", "count": 100}, r"--split 'train\[:1400\]' has training images"),
    ):
        with pytest.raises(InputError, match=message):
            Nearest(**options).draw(model)  # type: ignore[arg-type]
