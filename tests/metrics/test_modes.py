"""The count of modes, against histograms worked out by hand."""

from math import log

import jax.numpy as jnp
import numpy as np
import pytest

from gaxjax.errors import InputError
from gaxjax.metrics.modes import modes, stacked_labels


def test_every_mode_alike() -> None:
    found = modes(np.tile(np.arange(1000), 3))
    assert found.classes_found == 1000 and found.kl == pytest.approx(0, abs=1e-12)


def test_one_mode() -> None:
    found = modes(jnp.full(7, 999))
    assert found.classes_found == 1 and found.kl == pytest.approx(log(1000))


def test_uneven_modes() -> None:
    # shares 1/2, 1/4, 1/4 and nothing of 4 classes: log 2 / 2 + 0
    found = modes(np.array([3, 0, 0, 1]), classes=4)
    assert found.classes_found == 3 and found.kl == pytest.approx(log(2) / 2)


def test_stacked_labels() -> None:
    digits = np.array([[0, 0, 0], [9, 9, 9], [1, 2, 3], [7, 0, 5]])
    np.testing.assert_array_equal(stacked_labels(jnp.asarray(digits)), [0, 999, 321, 507])
    every = np.stack(np.meshgrid(*[np.arange(10)] * 3), axis=-1).reshape(-1, 3)
    assert modes(stacked_labels(every)).classes_found == 1000


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: modes(np.array([1.0])), "labels must be integers.* got float64"),
        (lambda: modes(np.array([[1]])), r"labels must have shape \[examples\]"),
        (lambda: modes(np.array([], np.int64)), "at least one"),
        (lambda: modes(np.array([0, 4]), classes=4), "from 0 to 3 for 4 classes; got 0 to 4"),
        (lambda: modes(np.array([-1]), classes=4), "got -1 to -1"),
        (lambda: stacked_labels(np.array([1, 2, 3])), r"digits must have shape \[examples, 3\]; got \(3,\)"),
        (lambda: stacked_labels(np.array([[1, 2, 10]])), "digits must be from 0 to 9; got 1 to 10"),
        (lambda: stacked_labels(np.array([[1.0, 2, 3]])), "digits must be integers"),
    ],
)
def test_refuses(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()  # type: ignore[operator]
