"""Every objective, value and gradient, at a point worked out by hand."""

from collections.abc import Callable
from math import exp, log
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaxjax import losses
from gaxjax.errors import InputError
from gaxjax.expressions import parse_value
from gaxjax.objectives import (
    Energy,
    FeatureMatching,
    Minimax,
    Nonsaturating,
    Objective,
    RelativisticAverage,
    RelativisticPaired,
    ZeroSum,
)

ODDS = [log(3), 0.0]
"""Logits of the probabilities 3/4 and 1/2."""


def s(x: float) -> float:
    return 1 / (1 + exp(-x))


AVERAGE = (
    -(log(s(3)) + log(s(1)) + log(1 - s(0)) + log(1 - s(-4))) / 2,
    [-s(-a) / 2 - (s(0) + s(-4)) / 4 for a in (3, 1)],
    [s(b) / 2 + (s(-3) + s(-1)) / 4 for b in (0, -4)],
)
"""Of real logits 2 and 0, mean 1, and fake ones 1 and -3, mean -1: apart by 3 and 1, and by 0 and -4."""
SWAPPED = (
    -(log(s(0)) + log(s(-4)) + log(1 - s(3)) + log(1 - s(1))) / 2,
    [s(a) / 2 + (s(0) + s(4)) / 4 for a in (3, 1)],
    [-s(-b) / 2 - (s(3) + s(1)) / 4 for b in (0, -4)],
)

# objective: (real logits, fake logits, value, gradient at real, gradient at fake)
DISCRIMINATORS: dict[str, tuple[list[float], list[float], float, list[float], list[float]]] = {
    # (log 4/3 + log 2) / 2 + (log 4 + log 2) / 2; gradients (D - 1) / 2 and D / 2
    "minimax": (ODDS, ODDS, (log(8 / 3) + log(8)) / 2, [-1 / 8, -1 / 4], [3 / 8, 1 / 4]),
    "nonsaturating": (ODDS, ODDS, (log(8 / 3) + log(8)) / 2, [-1 / 8, -1 / 4], [3 / 8, 1 / 4]),
    # 0.9 log 4/3 + 0.1 log 4 at the first, log 2 at the second; gradients (D - 0.9) / 2
    "nonsaturating(real_target=0.9)": (
        ODDS,
        ODDS,
        (0.9 * log(4 / 3) + 0.1 * log(4) + log(2) + log(8)) / 2,
        [-0.15 / 2, -0.4 / 2],
        [3 / 8, 1 / 4],
    ),
    # ((1 + 1) / 2 + (1 + 9) / 2) / 2
    "least_squares": ([2.0, 0.0], [1.0, -3.0], 3.0, [0.5, -0.5], [0.5, -1.5]),
    # ((1 + 1) / 2 + (4 + 4) / 2) / 2
    "least_squares(a=-1, b=1, c=0)": ([2.0, 0.0], [1.0, -3.0], 2.5, [0.5, -0.5], [1.0, -1.0]),
    "wasserstein": ([2.0, 0.0], [1.0, -3.0], -2.0, [-0.5, -0.5], [0.5, 0.5]),
    # (0 + 1) / 2 + (2 + 0) / 2: a real logit of 2 and a fake one of -3 are beyond the margin
    "hinge": ([2.0, 0.0], [1.0, -3.0], 1.5, [0.0, -0.5], [0.5, 0.0]),
    "relativistic_average": ([2.0, 0.0], [1.0, -3.0], *AVERAGE),
    # real ones ahead by log 3 and 0
    "relativistic_paired": ([log(6), 1.0], [log(2), 1.0], log(8 / 3) / 2, [-1 / 8, -1 / 4], [1 / 8, 1 / 4]),
    "feature_matching": (ODDS, ODDS, (log(8 / 3) + log(8)) / 2, [-1 / 8, -1 / 4], [3 / 8, 1 / 4]),
    # energies 2 and 0; 1, which is below the margin by 2, and 5
    "energy(margin=3)": ([-2.0, 0.0], [-1.0, -5.0], 1.0 + 1.0, [-0.5, -0.5], [0.5, 0.0]),
    "energy": ([-2.0, 0.0], [-1.0, -15.0], 1.0 + 4.5, [-0.5, -0.5], [0.5, 0.0]),
}
REAL_FEATURES, FAKE_FEATURES = [[1.0, 2.0], [3.0, 0.0]], [[0.0, 0.0], [2.0, 4.0]]
"""Of means (2, 1) and (1, 2)."""
UP, DOWN = [[1.0, -1.0], [1.0, -1.0]], [[-1.0, 1.0], [-1.0, 1.0]]
ALIKE = [[3.0, 0.0], [0.0, 2.0], [4.0, 0.0]]
"""Two of the six ordered pairs point the same way, the others are orthogonal."""
# objective: (what the loss is given, value, gradients at each)
GENERATORS: dict[str, tuple[list[Any], float, list[Any]]] = {
    "minimax": ([ODDS], -(log(4) + log(2)) / 2, [[-3 / 8, -1 / 4]]),
    "nonsaturating": ([ODDS], (log(4 / 3) + log(2)) / 2, [[-1 / 8, -1 / 4]]),
    "nonsaturating(real_target=0.9)": ([ODDS], (log(4 / 3) + log(2)) / 2, [[-1 / 8, -1 / 4]]),
    "least_squares": ([[1.0, -3.0]], 4.0, [[0.0, -2.0]]),
    "least_squares(a=-1, b=1, c=0)": ([[1.0, -3.0]], 2.5, [[0.5, -1.5]]),
    "wasserstein": ([[1.0, -3.0]], 1.0, [[-0.5, -0.5]]),
    "hinge": ([[1.0, -3.0]], 1.0, [[-0.5, -0.5]]),
    "relativistic_average": ([[2.0, 0.0], [1.0, -3.0]], SWAPPED[0], list(SWAPPED[1:])),
    "relativistic_paired": (
        [[log(6), 1.0], [log(2), 1.0]],
        log(8) / 2,
        [[3 / 8, 1 / 4], [-3 / 8, -1 / 4]],
    ),
    "feature_matching": ([REAL_FEATURES, FAKE_FEATURES], 2.0, [UP, DOWN]),
    "feature_matching(distance='absolute')": (
        [REAL_FEATURES, FAKE_FEATURES],
        1.0,
        [np.array(UP) / 4, np.array(DOWN) / 4],
    ),
    "energy": ([[-1.0, -5.0, -3.0], ALIKE], 3.0, [[-1 / 3] * 3, np.zeros((3, 2))]),
    # cosines are at their largest or, at right angles, squared: neither has a slope
    "energy(pulling_away=0.3)": ([[-1.0, -5.0, -3.0], ALIKE], 3.1, [[-1 / 3] * 3, np.zeros((3, 2))]),
}


NEEDS: dict[type[Objective], list[tuple[str, str]]] = {
    RelativisticAverage: [("real", "logits"), ("fake", "logits")],
    RelativisticPaired: [("real", "logits"), ("fake", "logits")],
    FeatureMatching: [("real", "features"), ("fake", "features")],
    Energy: [("fake", "logits"), ("fake", "features")],
}
"""What a generator's loss is given, in the order of GENERATORS; of others the fake logits."""
NAMES = [kind.__name__ for kind in Objective.__subclasses__() if kind is not ZeroSum]


def needs(objective: Objective) -> list[tuple[str, str]]:
    return NEEDS.get(type(objective), [("fake", "logits")])


def discriminator_of(objective: Objective) -> Callable[..., Any]:
    """Its loss, of real and fake logits."""
    return lambda real, fake: objective.discriminator({"logits": real}, {"logits": fake})


def generator_of(objective: Objective) -> Callable[..., Any]:
    """Its loss, of what it needs."""

    def loss(*arrays: Any) -> Any:
        outputs: dict[str, dict[str, Any]] = {"real": {}, "fake": {}}
        for (side, name), array in zip(needs(objective), arrays, strict=True):
            outputs[side][name] = array
        return objective.generator(**outputs)

    return loss


def test_every_objective_is_here() -> None:
    for table in (DISCRIMINATORS, GENERATORS):
        assert {type(parse_value(text, Objective)).__name__ for text in table} == set(NAMES)


@pytest.mark.parametrize("text", DISCRIMINATORS)
def test_discriminator_by_hand(text: str) -> None:
    real, fake, value, *gradients = DISCRIMINATORS[text]
    loss = discriminator_of(parse_value(text, Objective))
    found, slopes = jax.value_and_grad(loss, argnums=(0, 1))(jnp.array(real), jnp.array(fake))
    np.testing.assert_allclose(found, value, rtol=1e-6)
    for slope, gradient in zip(slopes, gradients, strict=True):
        np.testing.assert_allclose(slope, gradient, rtol=1e-5)


@pytest.mark.parametrize("text", GENERATORS)
def test_generator_by_hand(text: str) -> None:
    given, value, gradients = GENERATORS[text]
    objective = parse_value(text, Objective)
    everything = tuple(range(len(given)))
    found, slopes = jax.value_and_grad(generator_of(objective), everything)(*map(jnp.array, given))
    np.testing.assert_allclose(found, value, rtol=1e-6)
    for slope, gradient in zip(slopes, gradients, strict=True):
        np.testing.assert_allclose(slope, gradient, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("text", ["Minimax(real_target=0.9)", "Wasserstein", "RelativisticPaired"])
def test_zero_sum_is_the_discriminators_loss_negated(text: str) -> None:
    objective = parse_value(f"ZeroSum({text})", Objective)
    real, fake = {"logits": jnp.array([0.3, -1.0])}, {"logits": jnp.array([2.0, 0.5])}
    loss = parse_value(text, Objective).discriminator(real, fake)
    assert objective.discriminator(real, fake) == loss == -objective.generator(real, fake)


def test_pulling_away_by_hand() -> None:
    """At an angle t the squared cosine of the only pair falls by sin 2t for each radian."""
    angle = 0.4

    def term(angle: jax.Array, length: float) -> jax.Array:
        turned = length * jnp.stack([jnp.cos(angle), jnp.sin(angle)])
        return losses.pulling_away_term(jnp.stack([jnp.array([2.0, 0.0]), turned]))

    for length in (1.0, 5.0):
        value, slope = jax.value_and_grad(term)(angle, length)
        np.testing.assert_allclose([value, slope], [np.cos(angle) ** 2, -np.sin(2 * angle)], rtol=1e-5)
    with pytest.raises(InputError, match="at least 2 is needed; got 1"):
        losses.pulling_away_term(jnp.ones((1, 3)))


@pytest.mark.parametrize("name", NAMES)
def test_every_loss_descends_towards_the_right_verdict(name: str) -> None:
    """At the undecided discriminator: real logits up, fake ones down; the generator wants them up."""
    objective = parse_value(name, Objective)
    undecided = jnp.array([{"LeastSquares": 0.5, "Energy": -5.0}.get(name, 0.0)])
    real, fake = jax.grad(discriminator_of(objective), argnums=(0, 1))(undecided, undecided)
    assert real[0] < 0 < fake[0]
    if ("fake", "logits") in needs(objective):
        given = [undecided if need == "logits" else jnp.ones((2, 1)) for _, need in needs(objective)]
        index = needs(objective).index(("fake", "logits"))
        assert jax.grad(generator_of(objective), index)(*given)[0] < 0


@pytest.mark.parametrize("name", ["minimax", "nonsaturating"])
def test_logits_of_any_size_have_finite_losses(name: str) -> None:
    wrong, right = jnp.array([1000.0]), jnp.array([-1000.0])
    objective = parse_value(name, Objective)
    discriminator, generator = discriminator_of(objective), generator_of(objective)
    assert discriminator(right, wrong) == 2000  # log(sigmoid(x)) itself would be log 0
    assert jax.grad(discriminator)(right, wrong)[0] == -1
    assert generator(right) == (1000 if name == "nonsaturating" else 0)
    assert discriminator(wrong, right) == 0


def wrong_shapes() -> list[Any]:
    found = []
    for name in NAMES:
        objective = Energy(pulling_away=0.1) if name == "Energy" else parse_value(name, Objective)
        both = [("real", "logits"), ("fake", "logits")]
        losses_and_needs = (discriminator_of(objective), both), (generator_of(objective), needs(objective))
        for loss, arguments in losses_and_needs:
            good = [jnp.zeros(3) if need == "logits" else jnp.zeros((3, 2)) for _, need in arguments]
            for i, (side, need) in enumerate(arguments):
                for shape in ((3, 1, 1), ()) + (((3, 1),) if need == "logits" else ((3,),)):
                    bad = [*good[:i], jnp.zeros(shape), *good[i + 1 :]]
                    argument = "features" if name == "Energy" and need == "features" else f"{side}_{need}"
                    found.append((loss, bad, argument, shape))
    return found


@pytest.mark.parametrize(("loss", "arguments", "name", "shape"), wrong_shapes())
def test_only_a_batch_of_numbers_will_do(
    loss: Any, arguments: Any, name: str, shape: tuple[int, ...]
) -> None:
    with pytest.raises(InputError) as error:
        loss(*arguments)
    assert name in str(error.value) and str(shape) in str(error.value)


def test_pairs_are_as_many_of_both() -> None:
    with pytest.raises(InputError, match=r"real_logits \(3,\) and fake_logits \(1,\)"):
        losses.relativistic_paired_discriminator(jnp.zeros(3), jnp.zeros(1))


@pytest.mark.parametrize("target", [3, 0, -0.1, float("nan")])
@pytest.mark.parametrize("objective", [Minimax, Nonsaturating])
def test_a_target_that_is_no_probability_is_refused(objective: Any, target: float) -> None:
    with pytest.raises(InputError, match=r"real_target must be in \(0, 1\], such as 0.9"):
        objective(target)


def test_differences_are_of_arrays_of_one_shape() -> None:
    with pytest.raises(InputError, match=r"x and y must have one shape; got \(4, 1\) and \(4,\)"):
        losses.absolute(jnp.ones((4, 1)), jnp.arange(4.0))


def test_pulling_away_asks_for_features() -> None:
    with pytest.raises(InputError, match="is a term of fake_features"):
        losses.energy_generator(jnp.zeros(3), pulling_away=0.1)


@pytest.mark.parametrize(
    "text", ["wasserstien", "LeastSquares(d=1)", "Hinge(margin=1)", "Clip(1)", "3", "a b"]
)
def test_an_unknown_objective_or_number_lists_the_known_ones(text: str) -> None:
    with pytest.raises(InputError) as error:
        parse_value(text, Objective)
    assert repr(text) in str(error.value) and "LeastSquares(a, b, c)" in str(error.value)
    for name in NAMES:
        assert name in str(error.value)


def test_an_unknown_distance_is_refused() -> None:
    with pytest.raises(InputError, match="distance is squared or absolute, not 'cubic'"):
        generator_of(FeatureMatching(distance="cubic"))(jnp.ones((1, 1)), jnp.ones((1, 1)))  # type: ignore[arg-type]


def test_labels_by_hand() -> None:
    """Of one label each, and of attributes; what the mask leaves out counts for nothing, whatever it says."""
    logits = jnp.log(jnp.array([[1.0, 3.0], [1.0, 1.0], [7.0, 1.0]]))
    expected = (log(4 / 3) + log(2)) / 2
    for last in (0, 1, -1):
        labels, mask = jnp.array([1, 0, last]), jnp.array([1, 1, 0])
        value, slope = jax.value_and_grad(losses.classification)(logits, labels, mask)
        np.testing.assert_allclose(value, expected, rtol=1e-6)
        np.testing.assert_allclose(slope, [[1 / 8, -1 / 8], [-1 / 4, 1 / 4], [0, 0]], atol=1e-7)
    for label in (2, -1):
        labels = jnp.array([1, 0, label])
        with pytest.raises(InputError, match=rf"label {label} is none of 2 classes, which are 0 to 1"):
            losses.classification(logits, labels)
        assert np.isnan(jax.jit(losses.classification)(logits, labels))
    with pytest.raises(InputError, match=r"labels are \[B\], or attributes .* \[3, 2\]; got \[3, 1\]"):
        losses.classification(logits, jnp.zeros((3, 1), int))
    attributes = losses.classification(jnp.array([[0.0, log(3)]]), jnp.array([[1.0, 0.0]]))
    np.testing.assert_allclose(attributes, log(2) + log(4), rtol=1e-6)
