"""Features by name: pixels, functions of one's own, and what is said of the others."""

import hashlib
from pathlib import Path

import jax
import numpy as np
import pytest
from rounding import rounding

from gaxjax.errors import InputError
from gaxjax.features import load_features

IMAGES = np.random.default_rng(0).uniform(-1, 1, (3, 4, 5, 2)).astype(np.float32)
FILE = """
import jax.numpy as jnp

def means(images):
    return jnp.mean(images, (1, 2))

def whole(images):
    return images

def everything(images):
    return jnp.mean(images, (0, 1))

def both(clips):
    frames = jnp.mean(clips, (1, 2, 3))
    return {"features": 2 * frames, "logits": frames}

number = 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


def test_pixels_are_in_order_and_from_0_to_1() -> None:
    features = load_features("pixels")
    (vectors,) = jax.jit(features.apply, static_argnums=2)(features.params, IMAGES, ("pixels",)).values()
    np.testing.assert_allclose(vectors, (IMAGES.reshape(3, 40) + 1) / 2, atol=1e-7)
    assert (features.name, features.level) == ("pixels", "pixels")
    assert (features.resize, features.weights) == ("none", "")
    assert features.size((4, 5, 2)) == 40


def test_a_function_of_ones_own(file: Path) -> None:
    features = load_features(f"{file}:means")
    (vectors,) = features.apply(features.params, IMAGES, (features.level,)).values()
    np.testing.assert_allclose(vectors, IMAGES.mean((1, 2)), atol=1e-6)
    assert (features.name, features.level, features.size((4, 5, 2), "features")) == ("means", "features", 2)
    assert features.weights == hashlib.sha256(FILE.encode()).hexdigest()[:12]


def test_a_function_of_clips_with_logits(file: Path) -> None:
    clips = IMAGES[:, None].repeat(3, 1)
    features = load_features(f"{file}:both")
    found = features.apply(features.params, clips, ("features", "logits"))
    np.testing.assert_allclose(found["logits"], IMAGES.mean((1, 2)), atol=1e-6)
    np.testing.assert_array_equal(found["features"], 2 * found["logits"])
    assert features.size(clips.shape[1:]) == features.size(clips.shape[1:], "logits") == 2
    with pytest.raises(InputError, match=r"mine\.py:means makes features, not logits: return a dict"):
        load_features(f"{file}:means").size((4, 5, 2), "logits")


def test_two_files_at_once_stay_apart(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.py"
    other.write_text("scale = 2.0\ndef means(images):\n    return scale * images.mean((1, 2))\n")
    first, second = load_features(f"{file}:means"), load_features(f"{other}:means")
    once, twice = (each.apply({}, IMAGES, ("features",))["features"] for each in (first, second))
    # Each of either is a sum of 20 pixels, and a product.
    error = rounding(21, 2 * np.abs(IMAGES).mean((1, 2)))
    assert np.all(abs(twice - 2 * np.asarray(once)) <= 2 * error)
    assert first.weights != second.weights


@pytest.mark.parametrize("function", ["whole", "everything"])
def test_a_function_that_makes_no_vectors(file: Path, function: str) -> None:
    with pytest.raises(InputError, match=rf"{function} made .* of shape .* it should make \[N, D\]"):
        load_features(f"{file}:{function}").size((4, 5, 2))


@pytest.mark.parametrize("function", ["absent", "number"])
def test_a_file_without_the_function(file: Path, function: str) -> None:
    with pytest.raises(InputError, match=f"has no function '{function}'"):
        load_features(f"{file}:{function}")


def test_no_such_file() -> None:
    with pytest.raises(InputError, match=r"absent\.py cannot be read"):
        load_features("absent.py:means")


@pytest.mark.parametrize("name", ["inceptoin", "", "mine.py", "inception(3)"])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(InputError, match=r"known: pixels, inception, .*classifier\(digits\), FILE\.py"):
        load_features(name)


def test_an_unknown_level_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"pixels has no level '2048' .* it has pixels"):
        load_features("pixels").size((4, 5, 2), "2048")


def test_weights_for_what_has_none() -> None:
    with pytest.raises(InputError, match="'pixels' takes no file of weights"):
        load_features("pixels", weights=Path("weights.npz"))
