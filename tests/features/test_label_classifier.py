"""A classifier of a folder's own labels, and what it says of images that are translated between them."""

from pathlib import Path

import flax.linen as nn
import games
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from folders import save
from jax import Array

from gaxjax.adversary import Adversary
from gaxjax.data import Data
from gaxjax.errors import InputError
from gaxjax.evaluation.accuracy import resolve_accuracy
from gaxjax.evaluation.evaluator import Evaluator
from gaxjax.features import label_classifier
from gaxjax.gans import LabelSet, StarGAN
from gaxjax.objectives import Wasserstein
from gaxjax.recipe.evaluation import Evaluation


class Repaint(nn.Module):
    """Images in the gray of their class, but black for the last."""

    @nn.compact
    def __call__(self, x: Array, condition: Array) -> Array:
        value = self.param("value", lambda key: jnp.ones(()))
        return x * 0 + value * (condition @ jnp.array([-0.8, 0.0, -0.8]))[:, None, None, None]


class Judge(nn.Module):
    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        x = x * self.param("value", lambda key: jnp.ones(()))
        return {"logits": x[..., 0], "classes": x[:, 0, 0, :1] * jnp.ones((1, 3))}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Data:
    """Dark, medium and light images, in the split that is trained on and in another of fewer."""
    for split, count in (("train", 12), ("test", 4)):
        for name, value in (("dark", 25), ("light", 230), ("medium", 128)):
            for number in range(count):
                save(tmp_path / "data" / split / name / f"{number}.png", value + number)
    monkeypatch.setattr(label_classifier, "STEPS", 60)
    monkeypatch.setattr(label_classifier, "cache_path", tmp_path.joinpath)
    return Data("folder", (8, 8, 1), str(tmp_path / "data"))


def test_translated_images_are_read_as_they_were_asked_for(data: Data, tmp_path: Path) -> None:
    """By a classifier that is trained once, on the split that a run trains on."""
    gan = StarGAN(Repaint(), Judge(), (LabelSet(3),), Adversary(Wasserstein()))
    batch = {"image": jnp.zeros((2, 8, 8, 1)), "label": jnp.zeros(2, jnp.int32)}
    asked = Evaluation("accuracy", output="image to image", balanced=True, n=30)
    asked = resolve_accuracy(asked, gan, data, batch)
    assert (asked.metrics, asked.features, asked.split) == ("class_accuracy", "classifier(data)", "test")
    evaluator = Evaluator(asked, data)
    (file,) = (tmp_path / "classifiers").iterdir()
    assert file.name.startswith("folder-")
    found = {r.metric: r for r in evaluator(gan, games.begin(gan, batch=batch), evaluator.source, 0, "run")}
    # Classes are dark, light, medium: the first alone is made right.
    assert found["class_accuracy_real"].value == 1 and found["class_accuracy"].value == pytest.approx(1 / 3)
    assert "classifier-folder-8px" in str(found["class_accuracy"])
    written = file.stat().st_mtime_ns
    again = label_classifier.label_classifier(data)
    assert file.stat().st_mtime_ns == written and "misreads 0.0% of real images" in again.resize
    images = jnp.asarray([-0.8, 0.8, 0.0])[:, None, None, None] * jnp.ones((1, 8, 8, 1))
    logits = jax.jit(again.apply, static_argnums=2)(again.params, images, ("logits",))["logits"]
    np.testing.assert_array_equal(np.argmax(logits, axis=1), [0, 1, 2])


def test_data_without_labels(data: Data) -> None:
    evaluation = Evaluation("class_accuracy", features="classifier(data)")
    flat = Data("folder", (8, 8, 1), data.directory, layout="flat")
    with pytest.raises(InputError, match=r"is of images with labels, and the data, folder, have image: use"):
        Evaluator(evaluation, flat)
    two = Data("digits", (8, 8, 1), domain_b="edges")
    with pytest.raises(InputError, match=r"the data, digits, have a, label, b, label_b: .* without domain_b"):
        Evaluator(evaluation, two)
