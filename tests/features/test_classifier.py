"""The project's own classifiers: trained on the built-in digits, kept, read back and refused."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaxjax import cli
from gaxjax.data import Data, normalize, open_source
from gaxjax.errors import InputError
from gaxjax.features import classifier, load_features


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where tensorflow-datasets keeps the digits."""
    return str(tmp_path_factory.mktemp("sets"))


@pytest.fixture(scope="module")
def file(sets: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of the digits, trained for a short time."""
    return classifier.train_classifier(
        "digits", sets, tmp_path_factory.mktemp("weights") / "digits.npz", epochs=6
    )


def test_it_tells_digits_apart_that_it_has_not_seen(file: Path, sets: str) -> None:
    features = load_features("classifier(digits)", weights=file)
    test = open_source(Data("digits", (28, 28, 1), sets, split="train[1400:]")).take(np.arange(397))
    images = normalize(test)["image"]
    vectors = jax.jit(features.apply, static_argnums=2)(features.params, images, tuple(features.levels))
    assert {level: vector.shape for level, vector in vectors.items()} == {
        "features": (397, 128),
        "logits": (397, 10),
    }
    right = float(np.mean(np.asarray(vectors["logits"]).argmax(axis=-1) == test["label"]))
    assert right > 0.93
    _, note = classifier.load_weights(file)
    assert note == {"dataset": "digits", "epochs": 6, "seed": 0, "accuracy": right, "tested": 397}
    assert (features.name, features.level, len(features.weights)) == ("classifier-digits", "features", 12)


def test_other_sizes_and_colors_are_brought_to_its_own(file: Path) -> None:
    features = load_features("classifier(digits)", weights=file)

    def logits(images: jax.Array) -> jax.Array:
        return features.apply(features.params, images, ("logits",))["logits"]

    images = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (2, 28, 28, 1)), jnp.float32)
    np.testing.assert_allclose(logits(jnp.repeat(images, 3, axis=-1)), logits(images), atol=1e-4)
    # A constant image is the same at every size, in the middle and at the border.
    large, small = (jnp.full((1, side, side, 1), 0.3) for side in (64, 8))
    np.testing.assert_allclose(logits(large), logits(small), atol=1e-4)
    with pytest.raises(InputError, match="1 or 3 channels"):
        logits(jnp.zeros((1, 28, 28, 4)))


def test_the_same_seed_makes_the_same_file(sets: str, tmp_path: Path) -> None:
    files = [
        classifier.train_classifier("digits", sets, tmp_path / f"{number}.npz", seed=seed, epochs=1)
        for number, seed in enumerate((3, 3, 4))
    ]
    first, again, other = (file.read_bytes() for file in files)
    assert first == again
    assert first != other


def test_it_is_trained_once_and_kept(
    sets: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setitem(classifier.EPOCHS, "digits", 1)
    first = load_features("classifier(digits)", data_directory=sets)
    said = capsys.readouterr().out
    kept = tmp_path / ".cache" / "gaxjax" / "classifiers" / "digits.npz"
    accuracy = classifier.load_weights(kept)[1]["accuracy"]
    assert said.splitlines()[-1] == (f"classifier of digits: {accuracy:.2%} of 397 test images right, {kept}")
    monkeypatch.setattr(classifier, "train_classifier", None)
    assert load_features("classifier(digits)").weights == first.weights
    assert capsys.readouterr().out == ""


def test_command(
    sets: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(classifier.EPOCHS, "digits", 1)
    out = tmp_path / "mine.npz"
    assert cli.main(["classifier", "digits", "--data-directory", sets, "--out", str(out), "--seed", "5"]) == 0
    assert classifier.load_weights(out)[1]["seed"] == 5
    assert capsys.readouterr().out.endswith(f"of 397 test images right, {out}\n")


def test_a_set_without_a_classifier() -> None:
    with pytest.raises(InputError, match="no classifier of 'cifar10'; there are those of mnist, fas"):
        load_features("classifier(cifar10)")


def test_a_classifier_of_another_set(file: Path) -> None:
    with pytest.raises(InputError, match="is a classifier of digits, not of mnist"):
        load_features("classifier", weights=file)


def test_files_that_are_no_classifiers(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    damaged = {"absent": None, "empty": b"", "half": whole[: len(whole) // 2], "text": b"weights"}
    damaged["changed"] = whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]
    for name, content in damaged.items():
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InputError, match=f"{name} is no file of a classifier, or is damaged"):
            classifier.load_weights(path)
    path = tmp_path / "other.npz"
    with np.load(file) as arrays:
        others = {key: arrays[key][..., :5] if arrays[key].ndim else arrays[key] for key in arrays}
    assert json.loads(str(others["note"]))["dataset"] == "digits"
    np.savez(path, **others)
    with pytest.raises(InputError, match="its arrays have other shapes"):
        classifier.load_weights(path)
