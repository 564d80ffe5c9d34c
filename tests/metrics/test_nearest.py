"""Nearest neighbors in blocks, against all distances at once."""

import numpy as np
import pytest

from gaxjax.errors import InputError
from gaxjax.metrics.nearest import find_nearest


@pytest.mark.parametrize("size", [7, 40])
def test_nearest_is_exact(size: int) -> None:
    """Far from the origin too, where products of float32 say little; a copy is at 0 whatever it is."""
    random = np.random.default_rng(0)
    examples = 100 + random.normal(size=(40, 30))
    points = np.concatenate([100 + random.normal(size=(20, 30)), examples[[3, 39]]])
    apart = np.linalg.norm(points[:, None] - examples[None], axis=2)
    blocks = [(start, examples[start : start + size]) for start in range(0, 40, size)]
    found = find_nearest(points, blocks)
    np.testing.assert_array_equal(found.indices, apart.argmin(axis=1))
    np.testing.assert_allclose(found.distances, apart.min(axis=1), atol=1e-4)
    assert np.all(found.distances[-2:] == 0)
    # Each without itself, with its index in the set.
    own = find_nearest(examples, blocks, np.arange(40))
    among = np.linalg.norm(examples[:, None] - examples[None], axis=2) + np.diag(np.full(40, np.inf))
    np.testing.assert_array_equal(own.indices, among.argmin(axis=1))
    np.testing.assert_allclose(own.distances, among.min(axis=1), atol=1e-4)


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(InputError, match="block has values that are not finite"):
        find_nearest(np.zeros((1, 2)), [(0, np.array([[0.0, np.nan]]))])
