"""The log-likelihood with a window at each scale: a rotation of pixels, and densities that are known."""

from math import log, pi

import numpy as np
import pytest

from gaxjax.errors import InputError
from gaxjax.metrics.catalog import METRICS
from gaxjax.metrics.multiscale_parzen import WIDTHS, multiscale_parzen, split_levels
from gaxjax.metrics.parzen import choose_sigma, log_likelihood
from gaxjax.metrics.samples import Samples, Statistics

RANDOM = np.random.default_rng(0)


def images(count: int, height: int = 16, width: int = 28) -> np.ndarray:
    return RANDOM.integers(0, 256, (count, height, width, 2)).astype(np.uint8)


def test_levels_are_a_rotation_of_the_pixels() -> None:
    """Distances of images stay; the coarsest level is means of squares, twice for each halving."""
    x = images(5)
    levels = split_levels(x)
    assert [level.shape[1] for level in levels] == [8 * 14 * 2, 3 * 8 * 14 * 2]
    whole, pixels = np.concatenate(levels, axis=1), x.reshape(5, -1) / 255
    np.testing.assert_allclose(whole @ whole.T, pixels @ pixels.T, rtol=1e-5)
    means = x.reshape(5, 8, 2, 14, 2, 2).mean(axis=(2, 4)) / 255
    np.testing.assert_allclose(levels[0], 2 * means.reshape(5, -1), rtol=1e-5)
    # Flat squares have no residual: all of the finer level is what an image has beyond its means.
    flat = split_levels(np.repeat(np.repeat(images(2, 8, 14), 2, 1), 2, 2))
    assert not flat[1].any()


@pytest.mark.parametrize(
    ("size", "levels"), [((32, 32), 3), ((28, 28), 3), ((14, 15), 1), ((27, 28), 1), ((12, 40), 1)]
)
def test_levels_end_where_nothing_is_halved(size: tuple[int, int], levels: int) -> None:
    assert len(split_levels(images(1, *size))) == levels


def test_the_sum_over_levels_each_with_its_own_width() -> None:
    test, validation, samples = images(12), images(12), images(30)
    found = multiscale_parzen(test, validation, samples)
    total = np.zeros(12)
    sides = [split_levels(x) for x in (test, validation, samples)]
    for number, (of_test, of_validation, of_samples) in enumerate(zip(*sides, strict=True)):
        assert found.sigmas[number] == choose_sigma(of_validation, of_samples, WIDTHS)
        total += log_likelihood(of_test, of_samples, found.sigmas[number])
    assert found.mean == pytest.approx(total.mean()) == pytest.approx(sum(found.levels))
    assert found.standard_error == pytest.approx(total.std() / np.sqrt(12))
    # As a metric, of what an evaluation keeps.
    kept = [Statistics(len(x), arrays={"images": x}) for x in (test, samples, validation)]
    value = METRICS["multiscale_parzen"].compute(Samples(*kept, seed=0))["multiscale_parzen"]
    assert (value.value, value.error) == (found.mean, found.standard_error)


def test_one_level_is_the_plain_estimate_of_pixels() -> None:
    """And around one sample, that is the density of the normal distribution."""
    test, samples = images(3, 9, 9), images(1, 9, 9)
    found = multiscale_parzen(test, test, samples)
    squares = ((test / 255 - samples / 255) ** 2).reshape(3, -1).sum(axis=1)
    (sigma,), size = found.sigmas, 9 * 9 * 2
    expected = np.mean(-squares / (2 * sigma**2)) - size * (log(sigma) + log(2 * pi) / 2)
    assert found.mean == pytest.approx(expected, rel=1e-5)


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match=r"images must be images in \[0, 255\]"):
        split_levels(np.full((1, 16, 16, 1), -1.0))
