"""Precision, recall, density and coverage against their definitions and the package prdc."""

import contextlib
import io

import jax.numpy as jnp
import numpy as np
import pytest
import third_party

from gaxjax.errors import InputError
from gaxjax.metrics import neighbors as module
from gaxjax.metrics.neighbors import Neighbors, neighbors


def reference(real: np.ndarray, fake: np.ndarray, k: int) -> Neighbors:
    """By the definitions, in float64."""

    def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        a, b = a.astype(np.float64), b.astype(np.float64)
        return np.array([np.linalg.norm(b - x, axis=1) for x in a])

    real_radii, fake_radii = (np.sort(distances(x, x), axis=1)[:, k] for x in (real, fake))
    across = distances(real, fake)
    in_real, in_fake = across < real_radii[:, None], across < fake_radii[None]
    return Neighbors(
        in_real.any(axis=0).mean(),
        in_fake.any(axis=1).mean(),
        in_real.sum(axis=0).mean() / k,
        in_real.any(axis=1).mean(),
    )


def draw(width: int, shift: float = 0.0, fakes: int = 256) -> list[np.ndarray]:
    """Real and fake features that overlap in part, far from the origin."""
    random = np.random.default_rng(width)
    sets = random.normal(size=(256, width)), random.normal(0.3, 0.8, (fakes, width))
    return [(shift + values).astype(np.float32) for values in sets]


@pytest.mark.parametrize(("width", "shift", "k"), [(2, 0.0, 1), (16, 50.0, 3), (17, 50.0, 3), (64, 0.0, 5)])
def test_agrees_with_the_definitions(width: int, shift: float, k: int) -> None:
    real, fake = draw(width, shift)
    assert neighbors(jnp.asarray(real), fake, k) == pytest.approx(reference(real, fake, k), abs=1e-12)


@pytest.mark.parametrize("width", [2, 128])
def test_agrees_with_prdc(width: int) -> None:
    theirs = pytest.importorskip("prdc")
    real, fake = draw(width, fakes=150)
    with contextlib.redirect_stdout(io.StringIO()):
        expected = theirs.compute_prdc(real, fake, nearest_k=5)
    assert neighbors(real, fake)._asdict() == pytest.approx(expected, abs=1e-12)


def test_agrees_with_torch_fidelity() -> None:
    torch = pytest.importorskip("torch")
    theirs = third_party.torch_fidelity("metric_prc")
    real, fake = draw(64)
    tensors = (torch.from_numpy(values.astype(np.float64)) for values in (fake, real))
    expected = theirs.prc_features_to_metric(*tensors, prc_neighborhood=3, verbose=False)
    found = neighbors(real, fake, k=3)
    assert found.precision == pytest.approx(expected[theirs.KEY_METRIC_PRECISION], abs=1e-6)
    assert found.recall == pytest.approx(expected[theirs.KEY_METRIC_RECALL], abs=1e-6)


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = draw(64)
    whole = neighbors(real, fake)
    monkeypatch.setattr(module, "BLOCK", 100 * 256)
    assert neighbors(real, fake) == whole


def test_a_set_and_itself() -> None:
    # Each fake is in its own ball and those of the examples whose k nearest it is one of, on an edge once.
    real, _ = draw(64)
    found = neighbors(real, real, k=5)
    assert found[:2] == (1, 1) and found.coverage == 1
    assert found.density == pytest.approx(1)


def test_fakes_that_collapsed_to_one_place() -> None:
    real, _ = draw(64)
    found = neighbors(real, np.repeat(real.mean(axis=0, keepdims=True), 256, axis=0))
    assert found.precision == 1 and found.recall == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: neighbors(x, x, k=6), "got k=6 for 6 real and 6 fake examples"),
        (lambda x: neighbors(x, x[:2], k=2), "got k=2 for 6 real and 2 fake examples"),
        (lambda x: neighbors(x, x, k=0), "k must be at least 1"),
        (lambda x: neighbors(x, x[:, :2]), r"real \(6, 3\) and fake \(6, 2\)"),
        (lambda x: neighbors(x[0], x), r"real must have shape \[examples, features\]"),
        (lambda x: neighbors(x, x * np.nan), "fake has values that are not finite"),
    ],
)
def test_refuses(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(np.ones((6, 3)))  # type: ignore[operator]
