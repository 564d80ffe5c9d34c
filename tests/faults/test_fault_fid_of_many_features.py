"""FID by the pixels of large images does not answer, and would want hundreds of GiB.

Right: where images are fewer than features, nothing is as large as features by features; what still does not
fit into memory is refused before anything is computed, with how much it would take.
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from gaxjax import cli
from gaxjax.evaluation.gathering import gather_statistics
from gaxjax.metrics.frechet import BLOCK, Moments, Vectors, frechet_distance

SIDE = 256
FLAGS = ["--metrics", "fid", "--features", "pixels"]


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Of 6 and of 5 images of 256 pixels."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    random, found = np.random.default_rng(0), []
    for name, count in (("fake", 6), ("real", 5)):
        found.append(tmp_path / name)
        found[-1].mkdir()
        for i in range(count):
            noise = random.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
            Image.fromarray(noise).save(found[-1] / f"{i}.png")
    return found


def expected(folders: list[Path]) -> float:
    """By the inner products of images, in float64."""
    sets = [np.stack([np.asarray(Image.open(x)) for x in sorted(f.iterdir())]) for f in folders]
    a, b = (x.reshape(len(x), -1) / 255 for x in sets)
    means, (p, q) = [a.mean(0), b.mean(0)], ((x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b))
    root = np.linalg.svd(p @ q.T, compute_uv=False).sum()
    return float(np.sum((means[0] - means[1]) ** 2) + np.sum(p**2) + np.sum(q**2) - 2 * root)


def test_answers(folders: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):  # the second time with what was kept of the first
        assert cli.main(["evaluate", "--images", *map(str, folders), *FLAGS]) == 0
        assert float(capsys.readouterr().out.split()[1]) == pytest.approx(expected(folders), rel=1e-5)


def test_refused(
    folders: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gaxjax.evaluation.extractors.total_memory", lambda: 2**20)
    monkeypatch.setattr("gaxjax.evaluation.evaluator.gather_statistics", lambda *_: pytest.fail("computed"))
    assert cli.main(["evaluate", "--images", *map(str, folders), *FLAGS]) == 2
    said = capsys.readouterr().err
    assert (
        "pixels has 196,608 features of an image, and those of 6 images and of 5 real ones take 0 GiB" in said
    )
    assert "take fewer (--n, --real), smaller images, or other --features" in said


@pytest.mark.parametrize(("a", "b"), [(40, 30), (40, 300), (300, 40), (300, 300)])
def test_the_same_distance(a: int, b: int) -> None:
    """Of either kind of sides, as of the moments of both."""
    random = np.random.default_rng(1)
    mixing = random.normal(size=(96, 96)) * np.logspace(0, -2, 96)
    sets = [(i + random.normal(size=(n, 96)) @ mixing).astype(np.float32) for i, n in enumerate((a, b))]
    exact = [x.astype(np.float64) for x in sets]
    moments = [Moments(len(x), x.mean(0), (x - x.mean(0)).T @ (x - x.mean(0))) for x in exact]
    sides = [Vectors(x) if len(x) < 96 else m for x, m in zip(sets, moments, strict=True)]
    assert frechet_distance(*sides) == pytest.approx(frechet_distance(*moments), rel=1e-9)


def test_more_features_than_a_block() -> None:
    values = np.random.default_rng(2).normal(size=(12, BLOCK + 5)).astype(np.float32)
    a, b = values[:6].astype(np.float64), values[6:].astype(np.float64)
    p, q = ((x - x.mean(0)) / np.sqrt(5) for x in (a, b))
    root = np.linalg.svd(p @ q.T, compute_uv=False).sum()
    exact = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.sum(p**2) + np.sum(q**2) - 2 * root
    assert frechet_distance(Vectors(values[:6]), Vectors(values[6:])) == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize("count", [7, 8, 20])
def test_kept_as_what_is_smaller(count: int) -> None:
    values = jnp.asarray(np.random.default_rng(3).normal(size=(count, 8)), jnp.float32)
    looks = [(len(x), {"vectors": x}) for x in (values[:3], values[3:6], values[6:])]
    found = gather_statistics(iter(looks), {"moments"}).moments
    assert isinstance(found, Vectors if count < 8 else Moments) and found.count == count
    np.testing.assert_allclose(found.mean, values.mean(0), atol=1e-6)
