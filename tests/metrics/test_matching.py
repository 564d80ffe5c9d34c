"""Codes matched to classes: by hand, and against every permutation."""

import itertools
from typing import Any

import numpy as np
import pytest

from gaxjax.errors import InputError
from gaxjax.metrics.matching import Matching, match_codes


def test_the_best_of_all_permutations() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 5, 300)
    # A permuted copy of the labels, of which a third is overwritten.
    codes = np.where(random.random(300) < 0.33, random.integers(0, 5, 300), np.array([3, 0, 4, 1, 2])[labels])
    found = match_codes(codes, labels)
    errors = {order: np.mean(np.array(order)[labels] != codes) for order in itertools.permutations(range(5))}
    assert found.codes == min(errors, key=lambda order: errors[order]) == (3, 0, 4, 1, 2)
    assert found.error == pytest.approx(min(errors.values())) and found.classes_found == 5


def test_greedy_is_not_the_best() -> None:
    """Code 0 has more of class 0 than of any other, and is still class 1's: 6 + 5 are more than 7 + 0."""
    codes = np.repeat([0, 0, 1], [7, 6, 5])
    labels = np.repeat([0, 1, 0], [7, 6, 5])
    # Class 1 is matched to a code that more often stands for class 0: it is not found.
    assert match_codes(codes, labels) == Matching(pytest.approx(7 / 18), 1, (1, 0))


def test_a_code_for_every_image_is_no_class() -> None:
    labels = np.arange(100) % 10
    found = match_codes(np.zeros(100, int), labels)
    assert found.error == 0.9 and found.classes_found == 1
    assert sorted(found.codes) == [-1] * 9 + [0]


def test_codes_beyond_the_classes_are_errors() -> None:
    found = match_codes(np.array([2, 2, 0, 1]), np.array([0, 0, 1, 1]))
    assert (found.error, found.classes_found) == (0.25, 2) and found.codes[0] == 2


@pytest.mark.parametrize(
    ("codes", "labels", "message"),
    [
        ([0, 1], [0], r"must have shape \[examples\], at least one; got \(2,\), \(1,\)"),
        ([], [], "at least one"),
        ([0, -1], [0, 1], "codes must be integers from 0; got int64, least -1"),
        ([0, 1], [0.0, 1.0], "labels must be integers from 0; got float64"),
    ],
)
def test_refuses(codes: Any, labels: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        match_codes(np.array(codes), np.array(labels))
