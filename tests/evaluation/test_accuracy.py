"""Accuracy: of samples by a classifier, of a discriminator that classifies, and which of them a game has."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import flax.linen as nn
import games
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from gaxjax import features
from gaxjax.data import Data
from gaxjax.errors import InputError
from gaxjax.evaluation.accuracy import resolve_accuracy
from gaxjax.evaluation.evaluator import Evaluator
from gaxjax.gans import ACGAN, SGAN, Adversarial
from gaxjax.latents import Latents
from gaxjax.networks import mlp
from gaxjax.recipe.evaluation import Evaluation

DIGITS = Data("digits", (8, 8, 1))
ZEROS = {"image": jnp.zeros((2, 8, 8, 1)), "label": jnp.zeros(2, int)}


class Shade(nn.Module):
    """A gray for each class, but that of 8 for 3 too."""

    @nn.compact
    def __call__(self, latents: Array, condition: Array) -> Array:
        self.param("unused", lambda key: jnp.zeros(()))
        shown = jnp.where(condition == 3, 8, condition)
        return jnp.broadcast_to(shown[:, None, None, None] / 5 - 0.9, (len(latents), 8, 8, 1))


class Corner(nn.Module):
    """Classes by ten pixels of the middle, times a parameter."""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        factor = self.param("factor", lambda key: jnp.ones(()))
        return {"logits": factor * x[:, 0, 0, 0], "classes": factor * x.reshape(len(x), -1)[:, 30:40]}


def by_shade(params: Any, images: Array, levels: tuple[str, ...]) -> dict[str, Array]:
    """The class whose gray an image has in the mean."""
    number = jnp.round((jnp.mean(images, axis=(1, 2, 3)) + 0.9) * 5).astype(int)
    return dict.fromkeys(levels, jax.nn.one_hot(number, 10))


@pytest.fixture(autouse=True)
def classifier(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A classifier that needs no training, and a home of its own."""
    made = features.Features("classifier-digits", {"logits": 10}, "logits", "none", "f00d", {}, by_shade)
    monkeypatch.setattr(features, "load_features", lambda *_: made)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_accuracy_of_samples_and_of_the_discriminator() -> None:
    gan = ACGAN(Shade(), Corner(), Latents(3))
    asked = resolve_accuracy(Evaluation("accuracy", n=300, split="train[:500]"), gan, DIGITS, ZEROS)
    assert (asked.metrics, asked.features) == ("class_accuracy,test_accuracy", "classifier(digits)")
    evaluator = Evaluator(asked, DIGITS)
    source = evaluator.source
    found = {r.metric: r for r in evaluator(gan, games.begin(gan, batch=ZEROS), source, 0, "run")}
    batch = source.take(np.arange(300), seed=0)
    # Every sample is read as it was asked for, but for those of 3, which look like 8.
    threes = np.mean(batch["label"] == 3)
    assert 0 < threes < 0.2 and found["class_accuracy"].value == pytest.approx(1 - threes)
    assert found["class_accuracy"].error == pytest.approx(np.sqrt(threes * (1 - threes) / 300))
    assert "300 images against 500 of digits" in found["class_accuracy"].description
    every = source.take(np.arange(500))
    means = np.round((every["image"].mean(axis=(1, 2, 3)) / 127.5 - 0.1) * 5)
    assert found["class_accuracy_real"].value == pytest.approx(np.mean(means == every["label"]))
    # And what the discriminator itself says of the real ones.
    right = np.sum(np.argmax(batch["image"].reshape(300, -1)[:, 30:40], axis=1) == batch["label"])
    assert (
        found["test_accuracy"].value == pytest.approx(right / 300) and found["test_accuracy"].features == ""
    )
    assert found["misclassified"].value == pytest.approx(300 - right)
    assert "300 images of digits at 8x8x1 (crop, lanczos), split train[:500]" in str(found["misclassified"])


def test_what_a_game_has(capsys: pytest.CaptureFixture[str]) -> None:
    networks = {"generator": mlp.Generator((8, 8, 1), (2,)), "discriminator": mlp.Discriminator((2,))}
    sgan, plain = SGAN(**networks), Adversarial(**networks)
    asked = Evaluation("accuracy")
    assert resolve_accuracy(asked, sgan, DIGITS, ZEROS) == replace(
        asked, metrics="test_accuracy", split="test"
    )
    assert capsys.readouterr().err == "accuracy is of the split test, unless another is named: --split\n"
    assert resolve_accuracy(Evaluation("fid"), plain, DIGITS, ZEROS) == Evaluation("fid")
    conditional = Adversarial(**networks, condition="label")
    both = Evaluation("accuracy,fid", features="classifier(mnist)", split="train")
    named = resolve_accuracy(both, conditional, DIGITS, ZEROS)
    assert (named.metrics, named.features) == ("class_accuracy,fid", "classifier(mnist)")
    assert capsys.readouterr().err == ""
    for evaluation, gan, data, message in (
        (asked, plain, DIGITS, "Adversarial is told no class and has no method classify"),
        (Evaluation("fid,accuracy"), sgan, DIGITS, "accuracy is of test images, and fid of what the run"),
        (asked, conditional, Data("cifar10"), r"no classifier of cifar10: give features=classifier\(mnist\)"),
    ):
        with pytest.raises(InputError, match=message):
            resolve_accuracy(evaluation, gan, data, ZEROS)
    told_none = Evaluator(Evaluation("class_accuracy", features="classifier(digits)", n=10, real=10), DIGITS)
    with pytest.raises(
        InputError, match="class_accuracy asks for samples of a class, and Adversarial is told"
    ):
        told_none.check(plain, games.begin(plain, batch=ZEROS), told_none.source.spec)
    with pytest.raises(
        InputError, match="class_accuracy is of a classifier's classes, and features='pixels'"
    ):
        Evaluator(Evaluation("class_accuracy", features="pixels"), DIGITS)
