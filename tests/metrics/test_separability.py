"""Linear separability of latents whose attributes a plane parts wholly, in part, or not at all."""

import numpy as np
import pytest

from gaxjax.errors import InputError
from gaxjax.metrics.separability import conditional_entropy, one_vs_rest, separability

RANDOM = np.random.default_rng(0)


def entropy(share: float) -> float:
    return float(-share * np.log(share) - (1 - share) * np.log(1 - share))


def test_separable_attributes_score_one() -> None:
    latents = RANDOM.standard_normal((400, 8))
    logits = latents @ RANDOM.standard_normal((8, 3))
    found = separability(latents, logits)
    assert found.score == 1.0 and found.entropies == (0.0, 0.0, 0.0)


def test_independent_attributes_score_their_entropy() -> None:
    """Latents that say nothing, and latents of noise, of which a plane can make hardly anything."""
    logits = np.where(np.arange(800) % 4 == 0, 1.0, -1.0)[:, None]
    expected = np.exp(entropy(0.25))
    assert separability(np.zeros((800, 3)), logits).score == pytest.approx(expected, rel=1e-12)
    both = np.concatenate([logits, logits], axis=1)
    assert separability(np.zeros((800, 3)), both).score == pytest.approx(expected**2, rel=1e-12)
    signs = RANDOM.choice([-1.0, 1.0], (8000, 1))
    assert separability(RANDOM.standard_normal((8000, 2)), signs).score == pytest.approx(2, rel=5e-3)


def test_only_the_surer_half_counts() -> None:
    logits = RANDOM.choice([-1.0, 1.0], (400, 1))
    latents = RANDOM.standard_normal((400, 2)) + 10 * logits
    wrong = RANDOM.permutation(400)[:200]
    logits[wrong] *= -0.5
    assert separability(latents, logits).score == 1.0
    logits[wrong] *= 4
    assert separability(latents, -logits).score == 1.0  # now it is the other half, which is turned around
    logits[wrong] = RANDOM.choice([-2.0, 2.0], (200, 1))
    assert separability(latents, logits).score > 1.9


def test_a_rare_attribute_is_kept_where_either_half_is() -> None:
    """A tenth has it, of whom none is as sure as the others that they have not."""
    logits = np.where(np.arange(1000) % 10 == 0, 1.0, -2.0)[:, None]
    assert separability(np.zeros((1000, 3)), logits).score == 1.0
    found = separability(np.zeros((1000, 3)), logits, either=True)
    assert found.entropies == pytest.approx([entropy(0.1)], rel=1e-12)
    logits[::20] *= 0.5  # half of those that have it, who are less sure: their latents do not matter
    latents = np.where(logits == 1, 10.0, -10.0)
    assert separability(latents, logits, either=True).score == 1.0


def test_an_attribute_that_all_have_is_no_surprise() -> None:
    assert separability(RANDOM.standard_normal((10, 2)), np.ones((10, 1))).score == 1.0


def test_entropy_by_hand() -> None:
    y = np.array([True, True, False, False, True, False])
    x = np.array([True, True, True, False, False, False])
    # Of three on either side, one is on the wrong one.
    assert conditional_entropy(y, x) == pytest.approx(entropy(1 / 3))
    assert conditional_entropy(y, y) == 0 and conditional_entropy(y, ~y) == 0
    assert conditional_entropy(y, np.ones(6, bool)) == pytest.approx(np.log(2))


def test_a_class_against_the_rest() -> None:
    logits = RANDOM.standard_normal((5, 4)) * 3
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(one_vs_rest(logits), np.log(p / (1 - p)), rtol=1e-9)
    assert np.isfinite(one_vs_rest(np.array([[1000.0, -1000.0]]))).all()


@pytest.mark.parametrize(
    ("latents", "logits", "message"),
    [
        (np.zeros((3, 2)), np.zeros((4, 2)), "got 3 latents and 4 logits"),
        (np.zeros((1, 2)), np.zeros((1, 2)), "at least 2"),
        (np.zeros(3), np.zeros((3, 2)), r"latents must have shape \[examples, features\]"),
        (np.full((4, 2), np.nan), np.zeros((4, 2)), "latents has values that are not finite"),
    ],
)
def test_what_does_not_belong_together(latents: np.ndarray, logits: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        separability(latents, logits)
    with pytest.raises(InputError, match="at least 2 classes"):
        one_vs_rest(np.zeros((3, 1)))
