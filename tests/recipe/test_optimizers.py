"""What a recipe's optimizers do to a parameter, step by step."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaxjax.errors import InputError
from gaxjax.recipe.optimizers import Exponential, Linear, Optimizer, schedule


def moves(optimizer: Optimizer, gradients: list[float], images_per_update: float = 1.0) -> list[float]:
    """What each gradient in turn does to a parameter."""
    rule = optimizer.build(images_per_update)
    state, update = rule.init(jnp.zeros(())), jax.jit(rule.update)
    found = []
    for gradient in gradients:
        change, state = update(jnp.array(gradient), state, jnp.zeros(()))
        found.append(float(change))
    return found


@pytest.mark.parametrize(
    ("images", "value"), [(0, 1.0), (10_000, 1.0), (15_000, 0.75), (30_000, 0.0), (1_000_000, 0.0)]
)
def test_linear_is_a_line_between_two_constants(images: int, value: float) -> None:
    line = Linear(1.0, 0.0, from_kimg=10, to_kimg=30)
    np.testing.assert_allclose(line(images), value, atol=1e-6)
    np.testing.assert_allclose(jax.jit(line)(jnp.int32(images)), value, atol=1e-6)


def test_exponential_halves() -> None:
    halving = Exponential(8.0, half_life_kimg=2, floor=0.5)
    images = jnp.array([0, 1_000, 2_000, 4_000, 8_000, 9_000, 100_000])
    np.testing.assert_allclose(halving(images), [8, 8 / 2**0.5, 4, 2, 0.5, 0.5, 0.5], rtol=1e-6)
    stairs = Exponential(8.0, half_life_kimg=2, stairs=True)
    np.testing.assert_allclose(stairs(jnp.array([0, 1_999, 2_000, 3_999, 4_000])), [8, 8, 4, 4, 2], rtol=1e-6)


def test_sgd_by_hand() -> None:
    assert moves(Optimizer("sgd", 0.5, b1=0.0), [2.0, -1.0, 0.0]) == [-1.0, 0.5, 0.0]
    # Momentum keeps half of the trace: 2, then 1 - 1, then 0 + 4.
    assert moves(Optimizer("sgd", 0.5, b1=0.5), [2.0, -1.0, 4.0]) == [-1.0, 0.0, -2.0]


def test_optimism_adds_the_last_change_of_the_gradient() -> None:
    """Twice this gradient less the last one; at first there is no last one."""
    assert moves(Optimizer("sgd", 0.5, b1=0.0, optimism=1.0), [2.0, -1.0, 3.0]) == [-1.0, 2.0, -3.5]
    assert moves(Optimizer("sgd", 0.5, b1=0.0, optimism=0.5), [2.0, -1.0]) == [-1.0, 1.25]


def test_weight_decay_is_a_term_of_the_gradient() -> None:
    """So that it goes into momentum, as the gradient does: 2 + 1, then half of that and 4 + 0.5."""
    rule = Optimizer("sgd", 0.5, b1=0.5, weight_decay=0.25).build(1.0)
    state = rule.init(jnp.float32(4.0))
    for gradient, parameter, move in ((2.0, 4.0, -1.5), (4.0, 2.0, -3.0)):
        change, state = rule.update(jnp.float32(gradient), state, jnp.float32(parameter))
        assert change == move


def test_history_pulls_towards_where_the_parameters_were() -> None:
    rule = Optimizer("sgd", 1.0, b1=0.0, history=0.25).build(1.0)
    parameter, state = jnp.float32(2.0), rule.init(jnp.float32(2.0))
    seen = []
    for gradient in (-3.0, 0.0, 0.0):
        change, state = rule.update(jnp.float32(gradient), state, parameter)
        parameter = parameter + change
        seen.append(float(parameter))
    # 2 + 3; then half of the way back to the mean 2; then half of 3.5 - (2 + 5) / 2 = 0
    assert seen == [5.0, 3.5, 3.5]


def test_adam_by_hand() -> None:
    """Kingma and Ba 2015, algorithm 1, in float64."""
    rate, b1, b2, eps, eps_root = 0.1, 0.5, 0.9, 1e-3, 1e-2
    gradients, expected, m, v = [2.0, -1.0, 0.5], [], 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        expected.append(-rate * (m / (1 - b1**t)) / ((v / (1 - b2**t) + eps_root) ** 0.5 + eps))
    found = moves(Optimizer("adam", rate, b1, b2, eps, eps_root), gradients)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_rmsprop_by_hand() -> None:
    rate, b2, eps = 0.1, 0.75, 1e-3
    gradients, plain, with_momentum, v, trace = [2.0, -1.0, 0.5], [], [], 0.0, 0.0
    for g in gradients:
        v = b2 * v + (1 - b2) * g**2
        step = g / (v + eps) ** 0.5
        trace = step + 0.5 * trace
        plain.append(-rate * step)
        with_momentum.append(-rate * trace)
    np.testing.assert_allclose(moves(Optimizer("rmsprop", rate, 0.0, b2, eps), gradients), plain, rtol=1e-5)
    np.testing.assert_allclose(
        moves(Optimizer("rmsprop", rate, 0.5, b2, eps), gradients), with_momentum, rtol=1e-5
    )


def test_a_schedule_counts_images() -> None:
    """100 images an update: the rate is 0 from the fourth update on."""
    rate = Linear(0.3, 0.0, from_kimg=0, to_kimg=0.3)
    found = moves(Optimizer("sgd", rate, b1=0.0), [1.0] * 5, images_per_update=100)
    np.testing.assert_allclose(found, [-0.3, -0.2, -0.1, 0.0, 0.0], atol=1e-6)


def test_a_schedule_of_the_momentum() -> None:
    momentum = Linear(0.0, 1.0, from_kimg=0, to_kimg=0.002)
    found = moves(Optimizer("sgd", 1.0, b1=momentum), [1.0] * 4)
    # Traces: 1; 1 + 1/2; 1 + 3/2; 1 + 5/2.
    np.testing.assert_allclose(found, [-1, -1.5, -2.5, -3.5], rtol=1e-6)


def test_a_schedule_of_both() -> None:
    rate = Exponential(1.0, half_life_kimg=0.001)
    found = moves(Optimizer("sgd", rate, b1=Linear(0.0, 1.0, 0, 0.002)), [1.0] * 3)
    np.testing.assert_allclose(found, [-1, -0.75, -0.625], rtol=1e-6)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"updates": 0}, "updates must be at least 1; got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"learning_rate": -1e-4}, "learning_rate must be positive"),
    ],
)
def test_numbers_that_cannot_be_meant_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Optimizer(**fields)


def test_what_cannot_be_built_is_refused() -> None:
    for name in ("adam", "rmsprop"):
        with pytest.raises(InputError, match=f"{name} takes a constant b1"):
            Optimizer(name, b1=Linear(0, 1, 0, 1)).build(1.0)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="'lion'; known: adam, sgd, rmsprop"):
        Optimizer("lion").build(1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [lambda: Linear(1.0, 0.0, 5, 5), lambda: Exponential(1.0, 0.0)])
def test_schedules_without_length_are_refused(make: Any) -> None:
    with pytest.raises(InputError, match="kimg"):
        make()


@pytest.mark.parametrize("decay", [-1e-5, float("nan")])
def test_no_weight_decay_that_would_let_weights_grow(decay: float) -> None:
    with pytest.raises(InputError, match="weight_decay must be 0 or above"):
        Optimizer(weight_decay=decay)


def test_schedules_as_text() -> None:
    assert schedule("1e-3") == 0.001
    assert schedule("Linear(0.5, 0.7, 0, to_kimg=100)") == Linear(0.5, 0.7, 0, 100)
    assert schedule("Exponential(0.1, 20, stairs=True)") == Exponential(0.1, 20, stairs=True)
    for made in (Linear(0.5, 0.7, 0, 100), Exponential(0.1, 20, 1e-6, True)):
        assert schedule(repr(made)) == made


@pytest.mark.parametrize(
    "text", ["fast", "Linear", "Linear(1)", "Cosine(1, 2)", "Linear(1, 2, 3, exit())", ""]
)
def test_text_that_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(InputError) as error:
        schedule(text)
    assert repr(text) in str(error.value) and "Exponential(start" in str(error.value)
