"""The Parzen-window log-likelihood against float64, and against densities that are known."""

from math import e, log, pi, sqrt

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rounding import rounding

from gaxjax.errors import InputError
from gaxjax.metrics import parzen as module
from gaxjax.metrics.parzen import choose_sigma, log_likelihood, parzen


def reference(points: np.ndarray, samples: np.ndarray, sigma: float) -> np.ndarray:
    """The definition, in float64."""
    values = []
    for point in points.astype(np.float64):
        exponents = -np.sum((point - samples.astype(np.float64)) ** 2, axis=1) / (2 * sigma**2)
        top = exponents.max()
        values.append(top + np.log(np.mean(np.exp(exponents - top))))
    return np.array(values) - points.shape[1] * log(sigma * sqrt(2 * pi))


def digits(random: np.random.Generator, count: int) -> np.ndarray:
    """Images of 784 pixels in [0, 1], mostly black, as digits are."""
    blobs = random.uniform(0, 1, (count, 784)) * (random.uniform(0, 1, (count, 784)) < 0.2)
    return blobs.astype(np.float32)


def rounded(points: np.ndarray, samples: np.ndarray, sigma: float) -> float:
    """How far float32 may be off: by its sums over features of the squared distances, over 2 sigma^2.

    These are |x|^2 - 2 x.s + |s|^2 around the samples' mean, whose terms sum to (|x| + |s|)^2 at most.
    """
    longest = [np.linalg.norm(values - samples.mean(axis=0), axis=1).max() for values in (points, samples)]
    return rounding(points.shape[1], sum(longest) ** 2 / (2 * sigma**2))


@pytest.mark.parametrize("sigma", [0.1, 0.17, 0.3, 1.0])
def test_agrees_with_float64(sigma: float) -> None:
    random = np.random.default_rng(0)
    samples = digits(random, 400)
    # far ones, near ones and a copy
    points = np.concatenate([digits(random, 40), samples[:20] + 0.01, samples[20:21]])
    expected, error = reference(points, samples, sigma), rounded(points, samples, sigma)
    np.testing.assert_allclose(log_likelihood(points, samples, sigma), expected, rtol=0, atol=error)
    with jax.enable_x64(True):
        np.testing.assert_allclose(log_likelihood(points, samples, sigma), expected, rtol=1e-9, atol=1e-9)


def test_far_from_the_origin_as_near_it() -> None:
    random = np.random.default_rng(1)
    samples, points = digits(random, 50), digits(random, 20)
    shift = np.float32(1024)  # whose float32 neighbors are 2^-13 apart
    near = [(values + shift) - shift for values in (points, samples)]
    moved = log_likelihood(points + shift, samples + shift, 0.2)
    np.testing.assert_allclose(moved, reference(*near, 0.2), rtol=0, atol=rounded(*near, 0.2))


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(2)
    samples, points = random.normal(size=(30, 5)), random.normal(size=(11, 5))
    whole = log_likelihood(points, samples, 0.5)
    monkeypatch.setattr(module, "BLOCK", 4 * 30)
    np.testing.assert_allclose(
        log_likelihood(points, samples, 0.5), whole, rtol=0, atol=rounded(points, samples, 0.5)
    )


def test_a_normal_density_that_is_known() -> None:
    # Samples of N(0, 1) and a window of sigma estimate N(0, 1 + sigma^2).
    random = np.random.default_rng(3)
    points = np.linspace(-2, 2, 9)[:, None]
    variance = 1 + 0.5**2
    exact = -(points[:, 0] ** 2) / (2 * variance) - log(2 * pi * variance) / 2
    found = log_likelihood(points, random.normal(size=(200_000, 1)), 0.5)
    np.testing.assert_allclose(found, exact, atol=0.01)


def test_chooses_the_width_of_the_best_mean() -> None:
    # Around one sample, points of N(0, s^2) are the most likely under the width s.
    random = np.random.default_rng(4)
    grid = np.logspace(-1, 0, 10)
    samples = np.zeros((1, 50))
    for width in (grid[0], grid[6], grid[9]):
        validation = jnp.asarray(random.normal(0, width, (100, 50)))
        assert choose_sigma(validation, samples) == pytest.approx(width)
    assert choose_sigma(random.normal(0, 0.2, (100, 50)), samples, grid=[0.1, 0.19, 0.7]) == 0.19


def test_estimate_of_a_test_set() -> None:
    random = np.random.default_rng(5)
    test, validation, samples = (random.normal(size=(count, 3)) for count in (40, 30, 60))
    found = parzen(test, validation, samples)
    means = [reference(validation, samples, sigma).mean() for sigma in np.logspace(-1, 0, 10)]
    assert found.sigma == pytest.approx(np.logspace(-1, 0, 10)[np.argmax(means)])
    values = reference(test, samples, found.sigma)
    error = rounded(test, samples, found.sigma)
    assert found.mean == pytest.approx(values.mean(), abs=error)
    assert found.standard_error == pytest.approx(values.std() / sqrt(40), abs=error)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: log_likelihood(x[:, :, None], x, 1.0), r"points must have shape \[examples, features\]"),
        (lambda x: log_likelihood(x, x[:, :2], 1.0), r"points \(4, 3\) and samples \(4, 2\)"),
        (lambda x: log_likelihood(x, x[:0], 1.0), r"samples must have shape .* got \(0, 3\)"),
        (lambda x: log_likelihood(x, x, 0.0), r"sigma .* positive; got \[0.0\]"),
        (lambda x: log_likelihood(x, x * np.inf, 1.0), "samples has values that are not finite"),
        (lambda x: choose_sigma(x, x, grid=[]), "grid must be a list"),
        (lambda x: choose_sigma(x, x, grid=[1.0, -e]), "positive"),
        (lambda x: parzen(x * np.nan, x, x), "test has values that are not finite"),
    ],
)
def test_refuses(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(np.ones((4, 3)))  # type: ignore[operator]
