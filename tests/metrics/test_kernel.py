"""The kernel distance and the Inception Score against float64 and against torch-fidelity."""

import itertools
from math import exp, log

import jax.numpy as jnp
import numpy as np
import pytest
import third_party

from gaxjax.errors import InputError
from gaxjax.metrics.inception_score import inception_score
from gaxjax.metrics.kernel import kernel_distance


def reference(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimate of the squared distance by its definition, in float64."""
    x, y = x.astype(np.float64), y.astype(np.float64)

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    within = [np.mean([kernel(a, b) for a, b in itertools.permutations(values, 2)]) for values in (x, y)]
    return float(sum(within) - 2 * np.mean([kernel(a, b) for a in x for b in y]))


@pytest.fixture(scope="module")
def sets() -> list[np.ndarray]:
    """Features that are positive and some of them large, as Inception's are."""
    random = np.random.default_rng(0)
    return [random.gamma(0.3, 1.2 * scale, (300, 64)).astype(np.float32) for scale in (1.0, 1.03)]


def test_a_subset_that_is_the_whole_set(sets: list[np.ndarray]) -> None:
    real, fake = sets[0][:40], sets[1][:40]
    found = kernel_distance(jnp.asarray(real), fake, subsets=2, subset_size=40, seed=1)
    assert found.mean == pytest.approx(reference(real, fake), rel=1e-4)
    assert found.standard_deviation == pytest.approx(0, abs=1e-7)  # of kernels around 1, in float32


def test_agrees_with_torch_fidelity(sets: list[np.ndarray]) -> None:
    torch = pytest.importorskip("torch")
    theirs = third_party.torch_fidelity("metric_kid")
    real, fake = sets[0], sets[1][:250]
    options = {"kid_subsets": 20, "kid_subset_size": 100, "rng_seed": 7, "verbose": False}
    expected = theirs.kid_features_to_metric(
        *(torch.from_numpy(x.astype(np.float64)) for x in (fake, real)), **options
    )
    found = kernel_distance(real, fake, subsets=20, subset_size=100, seed=7)
    assert found.mean == pytest.approx(expected[theirs.KEY_METRIC_KID_MEAN], abs=2e-7)
    assert found.standard_deviation == pytest.approx(expected[theirs.KEY_METRIC_KID_STD], abs=2e-7)


def test_halves_of_one_set_are_at_no_distance() -> None:
    features = np.random.default_rng(1).normal(size=(2000, 16))
    near = kernel_distance(features[:1000], features[1000:], subsets=20, subset_size=200)
    far = kernel_distance(features[:1000], features[1000:] + 0.5, subsets=20, subset_size=200)
    assert abs(near.mean) < 3 * near.standard_deviation / 20**0.5 < far.mean / 10


def test_two_points_by_hand() -> None:
    # one feature: x = 0, 0 and y = 1, 1: kernels 1, 8 and 1 across
    found = kernel_distance(np.zeros((2, 1)), np.ones((2, 1)), subsets=1, subset_size=2)
    assert found == (1 + 8 - 2 * 1, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: kernel_distance(x, x), r"got 1000 for 6 real and 6 fake examples: use subset_size=6"),
        (lambda x: kernel_distance(x, x, subset_size=1), "subset_size must be from 2"),
        (lambda x: kernel_distance(x, x[:1], subset_size=2), "at least 2 examples of each; got 6 and 1"),
        (lambda x: kernel_distance(x, x, subsets=0, subset_size=2), "subsets must be at least 1"),
        (lambda x: kernel_distance(x, x[:, :2], subset_size=2), r"real \(6, 3\) and fake \(6, 2\)"),
        (lambda x: kernel_distance(x, np.inf * x, subset_size=2), "fake has values that are not finite"),
        (lambda x: inception_score(x, splits=7), "splits must be from 1 to the number of images, 6; got 7"),
        (lambda x: inception_score(x, splits=0), "splits must be from 1"),
        (lambda x: inception_score(x[0]), r"logits must have shape"),
        (lambda x: inception_score(np.nan * x), "logits has values that are not finite"),
    ],
)
def test_refuses(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(np.ones((6, 3)))  # type: ignore[operator]


def test_score_of_sure_and_varied_is_the_number_of_classes() -> None:
    found = inception_score(np.tile(1e4 * np.eye(5), (8, 1)), splits=4, seed=None)
    assert found == pytest.approx((5, 0))


def test_score_by_hand() -> None:
    # Two images of three quarters on one class each, the marginal uniform
    logits = np.log(np.array([[0.75, 0.25], [0.25, 0.75]]))
    expected = exp(0.75 * log(1.5) + 0.25 * log(0.5))
    assert inception_score(jnp.asarray(logits), splits=1).mean == pytest.approx(expected, rel=1e-6)
    # Each alone is its own marginal.
    assert inception_score(logits, splits=2) == pytest.approx((1, 0))


@pytest.mark.parametrize("seed", [2020, None])
def test_score_agrees_with_torch_fidelity(seed: int | None) -> None:
    torch = pytest.importorskip("torch")
    theirs = third_party.torch_fidelity("metric_isc")
    logits = np.random.default_rng(2).normal(0, 3, (503, 40)).astype(np.float32)
    expected = theirs.isc_features_to_metric(torch.from_numpy(logits), 10, seed is not None, seed)
    found = inception_score(logits, seed=seed)
    assert found == pytest.approx(
        (expected[theirs.KEY_METRIC_ISC_MEAN], expected[theirs.KEY_METRIC_ISC_STD]), rel=1e-12
    )
