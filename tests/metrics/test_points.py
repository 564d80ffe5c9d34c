"""Metrics of points: modes, quality and distance by hand, and of a mixture whose answer is known."""

import numpy as np
import pytest

from gaxjax.data import Data, open_source
from gaxjax.errors import InputError
from gaxjax.evaluation.evaluator import Evaluator
from gaxjax.metrics.catalog import METRICS
from gaxjax.metrics.computing import LEAST
from gaxjax.metrics.points import Mixture, find_modes, sliced_distance
from gaxjax.metrics.samples import Statistics
from gaxjax.recipe.evaluation import Evaluation

RING = Mixture(np.array([[2.0, 0.0], [0.0, 2.0], [-2.0, 0.0], [0.0, -2.0]]), 0.02)


def around(*counts: int, away: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """So many points at each mean, all moved by the same."""
    return np.repeat(RING.means, counts, axis=0) + np.array(away)


def test_modes_by_hand() -> None:
    """19 samples at one mode, 20 at another, 101 just out of reach of a third."""
    points = np.concatenate([around(19, 20, 0, 0), around(0, 0, 101, 0, away=(0.0, 0.061))])
    assert find_modes(points, RING, 20) == (1, 39 / 140)
    assert find_modes(points, RING, 19) == (2, 39 / 140)
    assert find_modes(points, RING) == (2, 39 / 140)
    # 0.059 along both axes is further than 0.06
    assert find_modes(around(5, 5, 5, 5, away=(0.059, 0.0)), RING, 5) == (4, 1.0)
    assert find_modes(around(5, 5, 5, 5, away=(0.059, 0.059)), RING, 5) == (0, 0.0)


def test_distance_of_a_shift() -> None:
    """A shift by d costs |d| times the mean of |cos| over directions, 2 / pi."""
    points = np.random.default_rng(0).normal(size=(500, 2))
    found = sliced_distance(points, points[::-1] + np.array([3.0, 4.0]), 720)
    assert found == pytest.approx(5 * 2 / np.pi, rel=1e-4)
    assert sliced_distance(points, points[::-1]) == pytest.approx(0, abs=1e-15)


def test_distance_along_a_line_by_hand() -> None:
    """Mass 1/3 each at 0, 3, 6 to mass 1/2 each at 1, 5: 1/3 * 1, 1/6 * 2, 1/6 * 2, 1/3 * 1."""
    a, b = np.array([[6.0], [0.0], [3.0]]), np.array([[5.0], [1.0]])
    assert sliced_distance(a, b) == pytest.approx(4 / 3)
    assert sliced_distance(b, a) == pytest.approx(4 / 3)


def test_sets_of_two_sizes_as_repeated_ones() -> None:
    random = np.random.default_rng(1)
    a, b = random.normal(size=(6, 2)), random.normal(size=(10, 2))
    expected = sliced_distance(np.repeat(a, 5, axis=0), np.repeat(b, 3, axis=0))
    assert sliced_distance(a, b) == pytest.approx(expected, rel=1e-12)


def test_what_is_refused() -> None:
    points = around(1, 1, 1, 1)
    with pytest.raises(InputError, match="points has values that are not finite"):
        find_modes(np.full((2, 2), np.nan), RING)
    with pytest.raises(InputError, match=r"same number of features; got points \(4, 1\) and means \(4, 2\)"):
        find_modes(points[:, :1], RING)
    with pytest.raises(InputError, match="must be at least 1; got 0"):
        find_modes(points, RING, 0)
    with pytest.raises(InputError, match="on a line or in the plane; got 3 dimensions"):
        sliced_distance(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(InputError, match="directions must be at least 1; got 0"):
        sliced_distance(points, points, 0)


@pytest.mark.parametrize(("name", "size", "modes"), [("ring", 2, 8), ("grid", 2, 25), ("mixture", 1, 5)])
def test_the_data_themselves_find_all_modes(name: str, size: int, modes: int) -> None:
    data = Data(name, shape=(size,))
    evaluator = Evaluator(Evaluation("points", n=10_000), data)
    stored = open_source(data).take(np.arange(10_000))["image"]  # points that no run is trained on
    results = evaluator.results(Statistics(10_000, None, {"points": stored}), None, "the data")
    found, quality, distance = (result.value for result in results)
    assert found == modes
    # beyond 3 deviations are exp(-9 / 2) in the plane (Rayleigh), 0.0027 on a line; 4 standard errors
    beyond = np.exp(-4.5) if size == 2 else 0.0027
    assert quality == pytest.approx(1 - beyond, abs=4 * np.sqrt(beyond / 10_000))
    assert 0 < distance < 0.1
    for result in results:
        assert (result.unit, result.fake, result.real) == ("points", 10_000, 10_000)
    assert "between halves of the real points" in str(results[2])
    assert f"10,000 points against 10,000 of {name} ({modes} Gaussians, spread 2, deviation" in str(
        results[0]
    )


def test_which_is_better() -> None:
    metric = METRICS["points"]
    assert [metric.direction(value) for value in metric.values] == ["higher", "higher", "lower"]
    assert [METRICS["modes"].direction(value) for value in METRICS["modes"].values] == ["higher", "lower"]
    assert str(LEAST) in metric.options


def test_points_and_images_are_measured_by_their_own() -> None:
    with pytest.raises(
        InputError, match=r"^fid measures images and clips, not examples of shape \(2,\): use points$"
    ):
        Evaluator(Evaluation("fid", features="pixels"), Data("ring", shape=(2,)))
    with pytest.raises(
        InputError, match=r"^points measures points, .* shape \(8, 8, 1\): use fid, kid, .*, perceptual$"
    ):
        Evaluator(Evaluation("points"), Data("digits", shape=(8, 8, 1)))
