"""MIG and L2 of encoders whose numbers are known."""

import itertools

import numpy as np
import pytest
from scipy.linalg import hadamard

from gaxjax.errors import InputError
from gaxjax.metrics.disentanglement import (
    discretize,
    factor_error,
    format_by_factor,
    mutual_information,
    mutual_information_gap,
    nearest_values,
    parse_by_factor,
)

SIZES = (3, 4, 8)
FACTORS = np.tile(
    np.array(list(itertools.product(*(np.linspace(0, 1, size) for size in SIZES)))), (50, 1)
).astype(np.float32)
"""Every combination equally often: factors are independent, without an error of sampling."""


def test_a_code_for_each_factor_has_a_gap_of_one() -> None:
    """In any order, of any scale and sign, and bent a little: information is of values."""
    codes = np.stack([np.sqrt(FACTORS[:, 2]), -5 * FACTORS[:, 0], FACTORS[:, 1] - 7], axis=1)
    found = mutual_information_gap(codes, FACTORS)
    np.testing.assert_allclose(found.by_factor, 1, rtol=1e-12)
    np.testing.assert_allclose(found.entropies, np.log(SIZES), rtol=1e-12)
    assert found.mean == pytest.approx(1, rel=1e-12)
    expected = np.diag(np.log(SIZES))[[2, 0, 1]]
    np.testing.assert_allclose(found.information, expected, atol=1e-12)


def test_bins_that_are_too_few_cost_what_they_merge() -> None:
    """Eight values in two bins of four: log 2 of log 8."""
    assert mutual_information_gap(FACTORS, FACTORS, bins=2).by_factor[2] == pytest.approx(1 / 3, rel=1e-12)


def test_rotated_codes_have_none() -> None:
    """By half a right angle each of two codes tells as much of either factor."""
    two = np.rint(FACTORS[:, 1:] * [3, 7])
    turned = np.stack([two[:, 0] + two[:, 1], two[:, 0] - two[:, 1]], axis=1)
    # Sums and differences of whole numbers, each with a bin of its own.
    found = mutual_information_gap(turned, FACTORS[:, 1:], bins=1000)
    np.testing.assert_allclose(found.by_factor, 0, atol=1e-12)
    # And of eight, each with an equal part of each factor, but for errors of sampling.
    many = np.random.default_rng(0).choice(6, (20_000, 8)) / 5
    assert mutual_information_gap(many @ hadamard(8), many).mean < 0.01
    assert mutual_information_gap(many, many).mean > 0.99


def test_two_codes_of_one_factor_have_no_gap() -> None:
    codes = np.stack([FACTORS[:, 0], FACTORS[:, 0], FACTORS[:, 1]], axis=1)
    np.testing.assert_allclose(mutual_information_gap(codes, FACTORS).by_factor, [0, 1, 0], atol=1e-12)


def test_noise_has_the_information_that_chance_gives_it() -> None:
    """Over 2 n times the product of degrees of freedom, to first order (Miller 1955)."""
    random = np.random.default_rng(1)
    code, factor = random.integers(0, 20, 5000), random.integers(0, 4, 5000)
    assert mutual_information(code, factor) == pytest.approx(19 * 3 / 10_000, rel=0.4)


def test_a_factor_that_never_changes_has_no_gap() -> None:
    """As of a generator that makes one color alone."""
    found = mutual_information_gap(FACTORS, np.stack([FACTORS[:, 0], 0 * FACTORS[:, 1]], axis=1))
    np.testing.assert_allclose(found.by_factor, [1, 0], atol=1e-12)
    still = mutual_information_gap(0 * FACTORS[:, :2], FACTORS)
    assert still.mean == 0 and not still.information.any()


def test_bins_have_equal_width() -> None:
    values = np.array([[0.0], [0.049], [0.051], [0.5], [0.999], [1.0]])
    assert discretize(10 * values - 3, 20)[:, 0].tolist() == [0, 0, 1, 10, 19, 19]


def test_error_by_hand() -> None:
    read, factors = np.array([[0.0, 1.0], [0.5, 0.1]]), np.array([[0.3, 0.6], [0.5, 0.1]])
    found = factor_error(read, factors)
    assert found.mean == pytest.approx(0.25) and found.standard_error == pytest.approx(0.25 / np.sqrt(2))
    np.testing.assert_allclose(found.by_factor, np.sqrt([0.045, 0.08]))


def test_what_is_read_is_taken_at_the_nearest_value() -> None:
    read = np.array([[0.1, 0.49, -3.0], [0.3, 0.51, 9.0]])
    np.testing.assert_allclose(nearest_values(read, (3, 2, 1)), [[0, 0, 0], [0.5, 1, 0]])


def test_a_line_of_factors() -> None:
    line = format_by_factor(("x", "color of the wall"), np.array([0.12345, 1.0]))
    assert line == "x 0.123, color of the wall 1.000"
    assert parse_by_factor(line) == {"x": "0.123", "color of the wall": "1.000"}
    assert parse_by_factor("") == {}


@pytest.mark.parametrize(
    ("codes", "factors", "message"),
    [
        (FACTORS[:, :1], FACTORS, "at least 2 are needed; got 1"),
        (FACTORS[:9], FACTORS, "every example must have each; got {'codes': 9, 'factors': 4800}"),
        (FACTORS[:, 0], FACTORS, "codes must have shape"),
        (FACTORS * np.nan, FACTORS, "codes has values that are not finite"),
    ],
)
def test_what_has_no_gap(codes: np.ndarray, factors: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        mutual_information_gap(codes, factors)


def test_errors_are_of_as_many() -> None:
    with pytest.raises(InputError, match="got 2 codes and 3 factors"):
        factor_error(FACTORS[:, :2], FACTORS)
