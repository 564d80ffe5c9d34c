"""The mixtures of Gaussians are what they say, point by point."""

import math
from typing import Any

import numpy as np
import pytest

from gaxjax.data import Data, Loader, open_source
from gaxjax.data.points import Points
from gaxjax.errors import InputError

SHAPES = {"ring": (2,), "grid": (2,), "mixture": (1,)}


def points(name: str, **options: Any) -> Points:
    source = open_source(Data(name, shape=SHAPES[name], **options))
    assert isinstance(source, Points)
    return source


def test_centers() -> None:
    half = math.sqrt(2)
    ring = [(2, 0), (half, half), (0, 2), (-half, half), (-2, 0), (-half, -half), (0, -2), (half, -half)]
    np.testing.assert_allclose(points("ring").centers, ring, atol=1e-12)
    grid = [(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)]
    np.testing.assert_array_equal(points("grid").centers, grid)
    np.testing.assert_array_equal(points("mixture", modes=2, spread=3.0).centers, [[-1.5], [1.5]])


@pytest.mark.parametrize(
    ("name", "modes", "deviation"), [("ring", 8, 0.02), ("grid", 25, 0.05), ("mixture", 5, 0.1)]
)
def test_distribution(name: str, modes: int, deviation: float) -> None:
    from scipy import stats  # which takes longer to import than all else here, in each process that collects

    source = points(name)
    batch = source.take(np.arange(40_000), seed=0)
    assert (batch["image"].shape, batch["image"].dtype) == ((40_000, *SHAPES[name]), np.float32)
    assert (batch["label"].shape, batch["label"].dtype) == ((40_000,), np.int32)
    assert source.classes == modes
    counts = np.bincount(batch["label"], minlength=modes)
    assert stats.chisquare(counts).pvalue > 0.001
    normal = (batch["image"] - source.centers[batch["label"]]) / deviation
    assert stats.kstest(normal.reshape(-1), "norm").pvalue > 0.001
    covariance = np.cov(normal, rowvar=False).reshape(normal.shape[1], -1)
    np.testing.assert_allclose(covariance, np.eye(normal.shape[1]), atol=0.03)  # 4 standard deviations


def test_a_point_depends_on_seed_and_position_alone() -> None:
    source = points("grid")
    whole = source.take(np.arange(100), seed=4)["image"]
    scattered = np.array([7, 99, 3, 4, 5, 0])
    np.testing.assert_array_equal(source.take(scattered, seed=4)["image"], whole[scattered])
    assert not np.isin(whole, source.take(np.arange(100), seed=5)["image"]).any()
    training, evaluation = (source.take(np.arange(100), seed)["image"] for seed in (0, None))
    assert not np.isin(training, evaluation).any()
    again = source.take(np.arange(len(source), len(source) + 100), seed=4)["image"]
    assert not np.isin(whole, again).any()


def test_processes_share_points() -> None:
    source = points("ring")
    with Loader(source, 8, 2, seed=1) as whole:
        expected = next(whole)["image"]
    for process in range(2):
        with Loader(source, 8, 2, seed=1, process_index=process, process_count=2) as share:
            np.testing.assert_array_equal(next(share)["image"], expected[:, process * 4 : process * 4 + 4])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Data("ring"), r"ring makes points, not \(32, 32, 3\); use shape=\(2,\)"),
        (Data("mixture", shape=(2,)), r"use shape=\(1,\)"),
        (Data("grid", shape=(2,), modes=24), "a grid of 24 modes is not square; use 25 or 36"),
        (Data("ring", shape=(2,), modes=0), "modes is at least 1"),
        (Data("ring", shape=(2,), deviation=-1.0), "deviation at least 0"),
    ],
)
def test_impossible_mixtures(data: Data, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_source(data)
