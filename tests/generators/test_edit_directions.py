"""Directions: found in distributions made by hand, and walked in a generator's w."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from gaxjax.errors import InputError
from gaxjax.features import Features, classifier
from gaxjax.generators.edits.directions import (
    Directions,
    measure_spread,
    principal_directions,
    separate_class,
    walk_direction,
)
from gaxjax.generators.edits.edit import perform_edit
from gaxjax.generators.model import TrainedModel


@pytest.fixture
def run(style_run: Path) -> Path:
    """A StyleGAN."""
    return style_run


def test_principal_directions_of_a_known_distribution() -> None:
    """Deviations of 3, 1 and 0.1 along axes that are turned."""
    random = np.random.default_rng(0)
    axes, _ = np.linalg.qr(random.standard_normal((6, 6)))
    spread = np.array([3, 1, 0.1, 0.1, 0.1, 0.1])
    vectors = (5 + random.standard_normal((20_000, 6)) * spread @ axes.T).astype(np.float32)
    found = principal_directions(vectors, 2)
    cosines = np.abs(found.vectors @ axes[:, :2])
    np.testing.assert_allclose(cosines, np.eye(2), atol=0.02)
    np.testing.assert_allclose(found.deviations, [3, 1], rtol=0.02)
    np.testing.assert_allclose(found.share, np.array([9, 1]) / 10.04, rtol=0.03)
    np.testing.assert_allclose(found.mean, 5, atol=0.1)
    assert all(vector[np.abs(vector).argmax()] > 0 for vector in found.vectors)


def test_principal_directions_are_orthonormal() -> None:
    vectors = np.random.default_rng(1).standard_normal((300, 7)).astype(np.float32) ** 3
    found = principal_directions(vectors, 99)
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(7), atol=1e-12)
    np.testing.assert_allclose(found.share.sum(), 1)
    assert (np.diff(found.deviations) < 0).all()
    np.testing.assert_allclose(found.deviations**2, np.linalg.eigvalsh(np.cov(vectors.T, bias=True))[::-1])


def test_walks_are_in_deviations() -> None:
    found = measure_spread(np.array([[0.0, 1.0], [4.0, 1.0]], np.float32), np.array([[1.0, 0.0]]))
    np.testing.assert_array_equal(found.deviations, [2])
    expected = [[x, 7] for x in (-5, -3, -1, 1, 3, 5, 7)]
    np.testing.assert_allclose(walk_direction(np.array([1.0, 7.0]), found, 0), expected)


def test_the_normal_of_a_half_space() -> None:
    """Of vectors whose third entry weighs most, far from the origin, and few on one side."""
    random = np.random.default_rng(2)
    normal = np.array([1.0, 0, -2, 0]) / 5**0.5
    vectors = 10 + 0.3 * random.standard_normal((4000, 4))
    is_class = (vectors - 10) @ normal > 0.3
    direction, accuracy = separate_class(vectors, is_class)
    assert direction @ normal > 0.99 and 0.1 < is_class.mean() < 0.2
    np.testing.assert_allclose(np.linalg.norm(direction), 1)
    assert accuracy > 0.97


def test_principal_directions_of_a_run(run: Path, tmp_path: Path) -> None:
    said = perform_edit(run, Directions(n=500, components=3, seed=2, out=tmp_path / "walk.png"))
    assert [line.partition(":")[0] for line in said[:3]] == ["direction 0", "direction 1", "direction 2"]
    style = TrainedModel(run)
    with np.load(tmp_path / "walk.npz") as stored:
        np.testing.assert_array_equal(stored["start"], style.map_latents(style.latents_of_seeds([2]))[0])
        w = np.concatenate([w for _, w in style.iterate_latents(500)])
        expected = principal_directions(w, 3)
        np.testing.assert_allclose(stored["vectors"], expected.vectors, atol=1e-6)
        np.testing.assert_allclose(stored["mean"], w.mean(axis=0), atol=1e-5)


def bright(dataset: str, weights: Any = None, directory: str = "") -> Features:
    """In place of a classifier: class 3 is what is brighter than the middle of this run's images."""

    def apply(params: Any, images: Any, levels: Any) -> Any:
        light = images.mean((1, 2, 3)) - params
        return {"logits": jnp.where(jnp.arange(10)[None] == 3, light[:, None], 0.0)}

    return Features(f"bright-{dataset}", {"logits": 10}, "logits", "none", "", jnp.float32(MIDDLE[0]), apply)


MIDDLE = [0.0]


def test_direction_of_a_class(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    style = TrainedModel(run)
    light = np.concatenate([x.mean((1, 2, 3)) for _, _, x in style.iterate_latents(400, images=True)])
    MIDDLE[0] = float(np.median(light))
    monkeypatch.setattr(classifier, "classifier", bright)
    said = perform_edit(run, Directions(n=400, label=3, out=tmp_path / "class.png"))
    assert said[0].startswith("class 3, as bright-digits has it: 50.0% of 400 samples")
    with np.load(tmp_path / "class.npz") as stored:
        (direction,), (deviation,), start = stored["vectors"], stored["deviations"], stored["start"]
    ends = np.stack([start + share * deviation * direction for share in (-2, 2)]).astype(np.float32)
    dark, light = style.synthesize(style.broadcast_styles(ends)).mean((1, 2, 3))
    assert light > dark
    MIDDLE[0] = 9.0  # nothing is so bright
    with pytest.raises(InputError, match="of 100 samples 0 look like class 3 to bright-digits"):
        perform_edit(run, Directions(n=100, label=3, out=tmp_path / "none.png"))
    assert not (tmp_path / "none.png").exists()
