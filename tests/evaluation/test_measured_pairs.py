"""Translations are measured on the images of the split that is asked for, beside their own partners."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import games
import jax
import numpy as np
import pytest
from PIL import Image

from gaxjax.data import Data, normalize, open_source
from gaxjax.errors import InputError
from gaxjax.evaluation import back_translation
from gaxjax.evaluation.evaluator import Evaluator
from gaxjax.gans.pix2pix import Pix2Pix
from gaxjax.metrics.label_maps import parse_palette
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.runs.inventory import check_partners

PAIRS = Evaluation("pixel_accuracy", output="a to b", reference="b", split="val", n=8, seed=3)


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """Pictures whose halves are the same label map, four to train on and eight others."""
    colors, random = parse_palette("facades", (8, 8, 3)), np.random.default_rng(1)
    for split, n in (("train", 4), ("val", 8)):
        (tmp_path / split).mkdir()
        for i in range(n):
            half = colors[random.integers(0, 12, (8, 8))]
            Image.fromarray(np.concatenate([half, half], axis=1)).save(tmp_path / split / f"{i}.png")
    return Data("folder", (8, 8, 3), str(tmp_path), layout="halves", flip=True)


def test_translations_meet_their_partners(data: Data) -> None:
    """Nothing is changed: every pixel is right if, and only if, it is the same picture."""
    gan, source = Pix2Pix(games.Times(1.0), games.Times(1.0), weight=0.0), open_source(data)
    state = games.begin(gan, batch=normalize(source.take(np.arange(2))))
    state = jax.tree.map(np.asarray, state)
    results = Evaluator(PAIRS, data, source)(gan, state, source, 0, "run")
    assert [(r.name, r.value) for r in results] == [
        ("pixel accuracy", 1),
        ("per-class accuracy", 1),
        ("class IoU", 1),
    ]
    assert "palette facades; 'a to b' against 'b'" in results[0].options and results[0].split == "val"


def test_samples_are_translated_back(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a game made negatives of is positive again, and is compared with what they were made of."""
    gan, source = Pix2Pix(games.Times(-1.0), games.Times(1.0), weight=0.0), open_source(data)
    state = jax.tree.map(np.asarray, games.begin(gan, batch=normalize(source.take(np.arange(2)))))
    run = SimpleNamespace(gan=gan, state=state, source="a", learned_shape=(8, 8, 3))
    monkeypatch.setattr(back_translation, "Translator", lambda name: run)
    back = replace(PAIRS, reference="a", back="labels")
    results = Evaluator(back, data, source)(gan, state, source, 0, "run")
    assert [r.value for r in results] == [1, 1, 1] and "translated back by labels" in results[0].options
    run.learned_shape = (16, 16, 3)
    with pytest.raises(InputError, match=r"back='labels' translates images of shape \(16, 16, 3\)"):
        Evaluator(back, data, source)


def test_pairs_that_are_not_one_to_one_are_refused(data: Data) -> None:
    with pytest.raises(InputError, match="9 samples have 8 partners: set n to as many as there are"):
        Evaluator(replace(PAIRS, n=9), data)
    with pytest.raises(InputError, match="palette is facades"):
        Evaluator(replace(PAIRS, palette="city"), data)
    with pytest.raises(InputError, match="other colors"):
        Evaluator(replace(PAIRS, palette="00ff00,00ff01"), data)


def test_pictures_are_measured_and_not_what_is_past_white(data: Data) -> None:
    """A network that ends without a tanh gives more than white, which no picture of it has."""
    values = []
    for factor in (1.0, 100.0):
        gan, source = Pix2Pix(games.Times(factor), games.Times(1.0), weight=0.0), open_source(data)
        state = jax.tree.map(np.asarray, games.begin(gan, batch=normalize(source.take(np.arange(2)))))
        asked = replace(PAIRS, metrics="perceptual", features="pixels")
        (result,) = Evaluator(asked, data, source)(gan, state, source, 0, "run")
        values.append(result.value)
    # Of images in [0, 1] no squared distance is more than their number of values.
    assert values[0] == 0 and 0 < values[1] <= 8 * 8 * 3


def test_games_of_pairs_refuse_images_in_orders_of_their_own(data: Data) -> None:
    gan = Pix2Pix(games.Times(1.0), games.Times(1.0), weight=0.0)
    check_partners(gan, open_source(data))
    with pytest.raises(InputError, match=r"Pix2Pix learns from pairs, .* use paired=True"):
        check_partners(gan, open_source(replace(data, paired=False)))
