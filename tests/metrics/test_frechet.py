"""Moments of batches against float64, and Fréchet distances that are known or that others find."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import third_party
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gaxjax.errors import InputError
from gaxjax.metrics.frechet import Moments, frechet_distance


def gather(features: np.ndarray, batch: int) -> Moments:
    """Of all batches, one after the other."""
    total = Moments.of(features[:batch])
    for start in range(batch, len(features), batch):
        total = total.merge(Moments.of(jnp.asarray(features[start : start + batch])))
    return total


def gaussian(mean: np.ndarray, covariance: np.ndarray, count: int = 11) -> Moments:
    return Moments(count, mean, covariance * (count - 1))


def rotation(size: int, seed: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]


@pytest.mark.parametrize("batch", [300, 64, 7])
@pytest.mark.parametrize("mean", [0.0, 1e3])
def test_moments_of_batches(batch: int, mean: float) -> None:
    random = np.random.default_rng(0)
    mixing = random.normal(size=(20, 20))
    features = (mean + random.normal(size=(300, 20)) @ mixing).astype(np.float32)
    found = gather(features, batch)
    exact = features.astype(np.float64)
    assert found.count == 300
    np.testing.assert_allclose(found.mean, exact.mean(axis=0), rtol=1e-8, atol=1e-6)
    covariance = np.cov(exact, rowvar=False)
    np.testing.assert_allclose(found.covariance, covariance, atol=2e-6 * np.abs(covariance).max())
    assert {found.mean.dtype, found.scatter.dtype} == {np.dtype(np.float64)}


def test_a_mean_far_from_zero_leaves_the_distance_as_it_is() -> None:
    random = np.random.default_rng(1)
    near = [random.integers(-400, 400, (200, 8)) / 128 for _ in range(2)]  # exact in float32 around 1e3 too
    far = [values + 1e3 for values in near]
    expected = frechet_distance(*(Moments.of(values) for values in near))
    assert frechet_distance(*(gather(values, 50) for values in far)) == pytest.approx(expected, rel=1e-5)


def test_order_of_merging_does_not_matter() -> None:
    features = np.random.default_rng(2).normal(5, 1, (90, 6))
    parts = [Moments.of(features[a:b]) for a, b in ((0, 1), (1, 40), (40, 90))]
    left = parts[0].merge(parts[1]).merge(parts[2])
    right = parts[0].merge(parts[2].merge(parts[1]))
    assert left.count == right.count == 90
    np.testing.assert_allclose(left.mean, right.mean, rtol=1e-13)
    np.testing.assert_allclose(left.scatter, right.scatter, rtol=1e-11)


def test_one_dimension() -> None:
    # (m1 - m2)^2 + (s1 - s2)^2
    a, b = (gaussian(np.array([m]), np.array([[s**2]])) for m, s in ((1.0, 2.0), (4.0, 0.5)))
    assert frechet_distance(a, b) == pytest.approx(9 + 2.25, rel=1e-12)


def test_covariances_with_common_axes() -> None:
    # The sum over the axes of (s1 - s2)^2, some of them 0: 1 + 1 + 0 + 9 + 0
    axes = rotation(5, seed=3)
    first, second = np.array([2.0, 1.0, 3.0, 0.0, 0.0]), np.array([1.0, 0.0, 3.0, 3.0, 0.0])
    a, b = (gaussian(np.zeros(5), axes @ np.diag(s**2) @ axes.T) for s in (first, second))
    assert frechet_distance(a, b) == pytest.approx(11, rel=1e-12)
    assert frechet_distance(b, a) == pytest.approx(11, rel=1e-12)


def test_orthogonal_lines() -> None:
    # Nothing of one is along the other: the traces remain.
    a, b = (gaussian(np.zeros(3), np.outer(axis, axis)) for axis in 2 * rotation(3, seed=4)[:2])
    assert frechet_distance(a, b) == pytest.approx(8, rel=1e-12)


def test_no_spread_at_all() -> None:
    a, b = gaussian(np.zeros(3), np.zeros((3, 3))), gaussian(np.ones(3), np.eye(3))
    assert frechet_distance(a, b) == pytest.approx(6)
    assert frechet_distance(a, a) == 0


@pytest.mark.parametrize("count", [10, 400])
def test_a_set_and_itself(count: int) -> None:
    features = np.random.default_rng(5).normal(0, 10, (count, 64))  # 10: a covariance of rank 9
    found = gather(features, 50)
    assert 0 <= frechet_distance(found, found) < 1e-9 * np.trace(found.covariance)


def covariances(kind: str, decades: int, size: int = 96) -> list[np.ndarray]:
    """Two of 1 to 10^-decades, along axes, along others, or of few examples."""
    random = np.random.default_rng(decades)
    scales = np.logspace(0, -decades / 2, size)
    if kind == "mixed":
        near = np.linalg.qr(rotation(size, 1) + 0.02 * random.normal(size=(size, size)))[0]
        return [(axes * scales**2) @ axes.T for axes in (rotation(size, 1), near)]
    scales = random.permutation(scales)
    counts = {"full": (3 * size, 4 * size), "one deficient": (3 * size, size // 2), "deficient": (40, 30)}
    return [np.cov(random.normal(size=(count, size)) * scales, rowvar=False) for count in counts[kind]]


@pytest.mark.parametrize("decades", [0, 4, 8, 12])
@pytest.mark.parametrize("kind", ["mixed", "full", "one deficient", "deficient"])
def test_the_roots_are_those_of_singular_values(kind: str, decades: int) -> None:
    """Which lose nothing where eigenvalues of a product, of small ones, may lose all."""
    a, b = covariances(kind, decades)
    factors = []
    for covariance in (a, b):
        values, vectors = np.linalg.eigh(covariance)
        kept = values > values[-1] * len(values) * np.finfo(float).eps
        factors.append(vectors[:, kept] * np.sqrt(values[kept]))
    roots = np.linalg.svd(factors[0].T @ factors[1], compute_uv=False).sum()
    expected = np.trace(a) + np.trace(b) - 2 * roots
    found = frechet_distance(gaussian(np.zeros(len(a)), a), gaussian(np.zeros(len(a)), b))
    assert found == pytest.approx(expected, rel=1e-8)


@pytest.fixture(scope="module")
def sets() -> list[np.ndarray]:
    random = np.random.default_rng(6)
    common = random.normal(size=(48, 48)) * np.logspace(0, -2, 48)
    mixings = [common + 0.1 * random.normal(size=(48, 48)) for _ in range(2)]
    return [
        (shift + random.normal(size=(500, 48)) @ mixing).astype(np.float32)
        for shift, mixing in zip((0.0, 0.3), mixings, strict=True)
    ]


def test_agrees_with_the_square_root_of_a_matrix(sets: list[np.ndarray]) -> None:
    linalg = pytest.importorskip("scipy.linalg")
    exact = [values.astype(np.float64) for values in sets]
    means, (a, b) = [x.mean(axis=0) for x in exact], [np.cov(x, rowvar=False) for x in exact]
    expected = np.sum((means[0] - means[1]) ** 2) + np.trace(a + b - 2 * linalg.sqrtm(a @ b).real)
    assert frechet_distance(*(gather(values, 128) for values in sets)) == pytest.approx(expected, rel=1e-6)


def test_agrees_with_torch_fidelity(sets: list[np.ndarray]) -> None:
    torch = pytest.importorskip("torch")
    theirs = third_party.torch_fidelity("metric_fid")
    statistics = [theirs.fid_features_to_statistics(torch.from_numpy(x.astype(np.float64))) for x in sets]
    expected = theirs.fid_statistics_to_metric(*statistics, False)[theirs.KEY_METRIC_FID]
    assert frechet_distance(*(gather(values, 128) for values in sets)) == pytest.approx(expected, rel=1e-6)


def test_agrees_with_pytorch_fid(sets: list[np.ndarray]) -> None:
    absent = ("torchvision", "torchvision.transforms", "pytorch_fid.inception")
    theirs = third_party.module("pytorch_fid", "fid_score", *absent)
    moments = [(x.mean(axis=0, dtype=np.float64), np.cov(x, rowvar=False)) for x in sets]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = theirs.calculate_frechet_distance(*moments[0], *moments[1])
    assert frechet_distance(*(gather(values, 128) for values in sets)) == pytest.approx(expected, rel=1e-6)


def moments_over_devices() -> dict[str, Any]:
    """Of features split over four devices, as the program that this file is."""
    features = np.random.default_rng(7).normal(3, 1, (32, 5)).astype(np.float32)
    mesh = Mesh(np.array(jax.devices()), ("data",))
    split = jax.device_put(features, NamedSharding(mesh, PartitionSpec("data")))
    found, devices = Moments.of(split), len(split.sharding.device_set)
    return {"devices": devices, "count": found.count, "scatter": found.scatter.tolist()}


def test_features_over_several_devices() -> None:
    flags = "--xla_force_host_platform_device_count=4"
    # Where the tests' own modules are: run as a program, this file finds those beside it alone.
    path = os.pathsep.join(
        filter(None, [str(Path(third_party.__file__).parent), os.environ.get("PYTHONPATH")])
    )
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, __file__], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    features = np.random.default_rng(7).normal(3, 1, (32, 5)).astype(np.float32)
    assert (found["devices"], found["count"]) == (4, 32)
    np.testing.assert_allclose(found["scatter"], 31 * np.cov(features, rowvar=False), atol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: Moments.of(x[0]), r"features must have shape \[examples, features\].* got \(3,\)"),
        (lambda x: Moments.of(x * np.nan), "features have values that are not finite"),
        (lambda x: Moments.of(x[:1]).covariance, "at least 2 examples; got 1"),
        (lambda x: frechet_distance(Moments.of(x), Moments.of(x[:1])), "at least 2 examples; got 1"),
        (lambda x: frechet_distance(Moments.of(x), Moments.of(x[:, :2])), "got 3 and 2"),
        (lambda x: Moments.of(x).merge(Moments.of(x[:, :2])), "got 3 and 2"),
    ],
)
def test_refuses(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(np.ones((4, 3)))  # type: ignore[operator]


if __name__ == "__main__":
    print(json.dumps(moments_over_devices()))
