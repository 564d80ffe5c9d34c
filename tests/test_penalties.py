"""Penalties on critics whose gradients are known."""

import functools
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from jax import Array
from rounding import derivative, widest

from gaxjax.errors import InputError
from gaxjax.layers.standard import Conv, ConvTranspose
from gaxjax.penalties import DRAGAN, R1, R2, Drift, GradientPenalty, Lazy, Penalty, ZeroCentered, where_due

KEY = jax.random.key(0)
SLOPE = jnp.array([3.0, -4.0])  # of norm 5
POINTS = jnp.array([[1.0, 2.0], [0.0, -1.0], [0.5, 0.5]])
"""Of squared norms 5, 1 and 1/2."""


def linear(x: Array) -> Array:
    """Its gradient is SLOPE everywhere."""
    return x @ SLOPE


def quadratic(x: Array) -> Array:
    """Its gradient at x is x."""
    return jnp.sum(x**2, axis=-1) / 2


def cubic(x: Array) -> Array:
    return jnp.sum(x**3, axis=-1)


def test_r1_by_hand() -> None:
    np.testing.assert_allclose(R1(2.0)(linear, POINTS, -POINTS, KEY, 0), 25, rtol=1e-6)
    np.testing.assert_allclose(R1(6.0)(quadratic, POINTS, -POINTS, KEY, 0), 3 * 6.5 / 3, rtol=1e-6)


def test_r1_looks_at_real_examples_alone() -> None:
    assert R1()(quadratic, jnp.zeros((3, 2)), POINTS, KEY, 0) == 0


def test_r2_is_r1_of_made_examples() -> None:
    np.testing.assert_allclose(R2(6.0)(quadratic, -POINTS, POINTS, KEY, 0), 3 * 6.5 / 3, rtol=1e-6)
    assert R2()(quadratic, POINTS, jnp.zeros((3, 2)), KEY, 0) == 0


def test_zero_centered_by_hand() -> None:
    np.testing.assert_allclose(ZeroCentered(2.0)(linear, POINTS, -POINTS, KEY, 0), 50, rtol=1e-6)
    np.testing.assert_allclose(ZeroCentered(3.0)(quadratic, POINTS, POINTS, KEY, 0), 6.5, rtol=1e-6)
    # On the line from 0 to 1 the squared gradient is u^2: E u^2 = 1/3, of standard deviation 0.30.
    found = ZeroCentered(1.0)(quadratic, jnp.zeros((4096, 1)), jnp.ones((4096, 1)), KEY, 0)
    assert abs(found - 1 / 3) < 4 * 0.3 / 64


def test_drift_by_hand() -> None:
    # Logits -5, 4 and -1/2.
    np.testing.assert_allclose(Drift(0.3)(linear, POINTS, -POINTS, KEY, 0), 0.1 * 41.25, rtol=1e-6)
    assert Drift()(lambda x: x[:, 0] * 0, POINTS, POINTS, KEY, 0) == 0


@pytest.mark.parametrize("noise", ["code", "paper"])
def test_dragan_asks_for_a_norm_around_real_examples(noise: Any) -> None:
    np.testing.assert_allclose(DRAGAN(10.0, noise=noise)(linear, POINTS, -POINTS, KEY, 0), 160, rtol=1e-6)
    np.testing.assert_allclose(DRAGAN(1.0, 7.0, noise)(linear, POINTS, POINTS, KEY, 0), 4, rtol=1e-6)
    at_real = DRAGAN(1.0, noise=noise, scale=0.0)(quadratic, POINTS, 9 * POINTS, KEY, 0)
    np.testing.assert_allclose(at_real, np.mean((np.sqrt([5, 1, 0.5]) - 1) ** 2), rtol=1e-5)


def test_dragans_noise_in_code_and_in_paper() -> None:
    """The code's goes up alone, by 0.5 * std * share * u; the paper's goes both ways, by scale * n."""
    real = jnp.concatenate([jnp.full((20_000, 1), 10.0), jnp.full((20_000, 1), 14.0)])  # deviation 2

    def displacement(penalty: DRAGAN, power: int) -> float:
        # A critic whose gradient is the displacement to that power: with target 0 its square is the penalty.
        origin = jnp.repeat(jnp.array([10.0, 14.0]), 20_000)
        return float(penalty(lambda x: (x[:, 0] - origin) ** (power + 1) / (power + 1), real, real, KEY, 0))

    # E (0.5 * 2 * s * u)^2 = 1/9, of deviation 0.17
    assert abs(displacement(DRAGAN(1.0, 0.0, "code"), 1) - 1 / 9) < 4 * 0.17 / 200
    # E n^2 * 9 = 9, of deviation 9 * sqrt 2
    assert abs(displacement(DRAGAN(1.0, 0.0, "paper", 3.0), 1) - 9) < 4 * 9 * 2**0.5 / 200
    up: list[bool] = []

    def critic(x: Array) -> Array:
        up.append(bool((x >= real).all()))
        return x[:, 0]

    for penalty in (DRAGAN(noise="code"), DRAGAN(noise="paper")):
        with jax.disable_jit():
            penalty(lambda x: critic(jax.lax.stop_gradient(x)) + x[:, 0], real, real, KEY, 0)
    assert up == [True, False]


def test_gradient_penalty_by_hand() -> None:
    np.testing.assert_allclose(GradientPenalty(10.0)(linear, POINTS, -POINTS, KEY, 0), 160, rtol=1e-6)
    np.testing.assert_allclose(GradientPenalty(1.0, target=7.0)(linear, POINTS, POINTS, KEY, 0), 4, rtol=1e-6)
    # Between a point and itself there is only the point.
    excess = np.sqrt([5, 1, 0.5]) - 1
    np.testing.assert_allclose(
        GradientPenalty(10.0)(quadratic, POINTS, POINTS, KEY, 0), 10 * np.mean(excess**2), rtol=1e-5
    )


def test_one_sided_penalty_spares_norms_below_the_target() -> None:
    two, one = GradientPenalty(1.0), GradientPenalty(1.0, sided="one")
    np.testing.assert_allclose(one(linear, POINTS, POINTS, KEY, 0), 16, rtol=1e-6)
    gentle = jax.tree_util.Partial(lambda x: linear(x) / 10)  # of norm 1/2
    assert one(gentle, POINTS, POINTS, KEY, 0) == 0
    np.testing.assert_allclose(two(gentle, POINTS, POINTS, KEY, 0), 1 / 4, rtol=1e-5)
    norms = np.sqrt([5, 1, 0.5])
    np.testing.assert_allclose(
        one(quadratic, POINTS, POINTS, KEY, 0), np.mean(np.maximum(norms - 1, 0) ** 2), rtol=1e-5
    )


def test_gradient_penalty_is_taken_uniformly_between_real_and_fake() -> None:
    real, fake = jnp.zeros((4096, 1)), jnp.ones((4096, 1))
    # The norm is the place u in [0, 1]: E (u - 1)^2 = 1/3, of standard deviation 0.30.
    found = GradientPenalty(1.0)(quadratic, real, fake, KEY, 0)
    assert abs(found - 1 / 3) < 4 * 0.3 / 64


def test_every_pixel_of_an_image_has_the_same_share() -> None:
    def difference_of_pixels(x: Array) -> Array:
        return (x[:, 0, 0, 0] - x[:, 1, 1, 0]) ** 2  # flat where the two are equal

    black, white = -jnp.ones((8, 2, 2, 1)), jnp.ones((8, 2, 2, 1))
    found = GradientPenalty(1.0, target=0.0)(difference_of_pixels, black, white, KEY, 0)
    np.testing.assert_allclose(found, 0, atol=1e-10)


def test_a_flat_critic_has_a_finite_gradient() -> None:
    def penalty(slope: Array) -> Array:
        return GradientPenalty(10.0)(lambda x: x @ slope, POINTS, -POINTS, KEY, 0)

    value, gradient = jax.value_and_grad(penalty)(jnp.zeros(2))
    # A norm of 0 counts as 1e-6.
    np.testing.assert_allclose(value, 10 * (1 - 1e-6) ** 2, rtol=1e-6)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    "penalty",
    [R1(), R2(), ZeroCentered(), GradientPenalty(), GradientPenalty(sided="one"), DRAGAN(scale=0.0), Drift()],
)
def test_two_examples_have_the_mean_of_each_alone(penalty: Penalty) -> None:
    pair = penalty(cubic, POINTS[:2], POINTS[:2], KEY, 0)
    alone = [penalty(cubic, POINTS[i : i + 1], POINTS[i : i + 1], KEY, 0) for i in range(2)]
    assert alone[0] != alone[1]
    np.testing.assert_allclose(pair, (alone[0] + alone[1]) / 2, rtol=1e-6)


@pytest.mark.parametrize("traced", [False, True])
def test_lazy_penalty_comes_every_few_steps_and_as_many_times_as_strong(traced: bool) -> None:
    evaluated: list[int] = []

    def counting(x: Array) -> Array:
        jax.debug.callback(lambda: evaluated.append(1))
        return quadratic(x)

    penalty: Callable[[int], Array] = lambda step: Lazy(R1(2.0), 3)(counting, POINTS, POINTS, KEY, step)  # noqa: E731
    if traced:
        penalty = jax.jit(penalty)
    full = R1(2.0)(quadratic, POINTS, POINTS, KEY, 0)
    found = [float(penalty(step)) for step in range(7)]
    np.testing.assert_allclose(found, np.array([3, 0, 0, 3, 0, 0, 3]) * full, rtol=1e-6)
    jax.effects_barrier()
    assert len(evaluated) == 3, "it is not even evaluated at the other steps"


def test_lazy_penalty_has_no_gradient_between() -> None:
    def penalty(slope: Array, step: int) -> Array:
        return Lazy(R1(1.0), 2)(lambda x: x @ slope, POINTS, POINTS, KEY, step)

    np.testing.assert_allclose(jax.grad(penalty)(SLOPE, 0), 2 * SLOPE, rtol=1e-6)
    np.testing.assert_array_equal(jax.grad(penalty)(SLOPE, 1), [0, 0])


@pytest.mark.parametrize("step", [0, 1])
def test_lazy_penalty_has_forward_derivatives(step: int) -> None:
    """Of itself and of its gradient, as solvers take them that look at the other player's answer."""

    def penalty(slope: Array) -> Array:
        return Lazy(R1(1.0), 2)(lambda x: jnp.tanh(x @ slope), POINTS, POINTS, KEY, step)

    def plain(slope: Array) -> Array:
        due = 2 if step % 2 == 0 else 0
        return due * R1(1.0)(lambda x: jnp.tanh(x @ slope), POINTS, POINTS, KEY, step)

    def forward(function: Any) -> Any:
        along = jnp.array([1.0, -2.0])
        return jax.jvp(function, (SLOPE,), (along,)), jax.jvp(jax.grad(function), (SLOPE,), (along,))

    found, expected = (jax.jit(functools.partial(forward, f))() for f in (penalty, plain))
    chex.assert_trees_all_close(found, expected, rtol=1e-5)


@pytest.mark.parametrize("step", [0, 1])
def test_where_due_is_a_conditional_with_gradients_of_any_order(step: int) -> None:
    def loss(conditional: Callable[..., Any], slope: Array, points: Array) -> tuple[Array, Array]:
        def evaluate() -> tuple[Array, Array]:
            near = points + jax.random.normal(KEY, points.shape)
            gradient = jax.grad(lambda x: jnp.sum(jnp.tanh(x @ slope)))(near)
            return jnp.sum(gradient**2), jnp.mean(jax.lax.stop_gradient(gradient))

        value, mean = conditional(jnp.asarray(step) % 2 == 0, evaluate, jnp.float32(0.3))
        return value + jnp.sum(slope**2), mean

    def plainly(due: Array, evaluate: Callable[[], Any], otherwise: Array) -> Any:
        return jax.lax.cond(due, evaluate, lambda: (jnp.zeros(()), otherwise))

    def everything(conditional: Callable[..., Any], *inputs: Array) -> Any:
        function = functools.partial(loss, conditional)
        once = jax.grad(function, (0, 1), has_aux=True)
        return (
            jax.value_and_grad(function, (0, 1), has_aux=True)(*inputs),
            jax.grad(lambda *inputs: sum(jnp.sum(x**2) for x in once(*inputs)[0]), (0, 1))(*inputs),
        )

    found, expected = (
        jax.jit(functools.partial(everything, conditional))(SLOPE, POINTS)
        for conditional in (where_due, plainly)
    )
    chex.assert_trees_all_close(found, expected, rtol=1e-5)


@pytest.mark.parametrize("penalty", [R1, R2, ZeroCentered, GradientPenalty, DRAGAN, Drift])
@pytest.mark.parametrize("weight", [-1.0, float("nan")])
def test_a_negative_weight_is_refused(penalty: Any, weight: float) -> None:
    with pytest.raises(InputError, match=rf"{penalty.__name__}\(weight={weight}\): must not be negative"):
        penalty(weight)


def test_lazy_every_zeroth_step_is_refused() -> None:
    with pytest.raises(InputError, match="at least 1"):
        Lazy(R1(), 0)


@pytest.mark.parametrize(
    "penalty", [R1(), R2(), ZeroCentered(), GradientPenalty(), DRAGAN(), Drift(), Lazy(R1(), 2)]
)
def test_a_critic_with_a_trailing_axis_is_refused(penalty: Penalty) -> None:
    with pytest.raises(InputError, match=r"\(3,\).*got \(3, 1\)"):
        penalty(lambda x: linear(x)[:, None], POINTS, POINTS, KEY, 0)


def test_real_and_fake_of_two_shapes_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(3, 2\) and \(2, 2\)"):
        GradientPenalty()(linear, POINTS, POINTS[:2], KEY, 0)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("penalty", [R1(), R2(), GradientPenalty(10.0), DRAGAN(10.0)])
def test_second_order_gradients_through_convolutions(penalty: Penalty) -> None:
    """The gradient of the penalty against differences of the penalty, in float64."""
    down, up = Conv(3, 4, 2), ConvTranspose(2, 3, 2)
    real, fake = jax.random.normal(KEY, (2, 2, 5, 6, 2))
    params = {"down": down.init(KEY, real), "up": up.init(KEY, jnp.zeros((1, 3, 3, 3)))}
    params = widest(params)

    def value(params: Any) -> Array:
        def critic(x: Array) -> Array:
            x = up.apply(params["up"], jnp.tanh(down.apply(params["down"], x)))
            return jnp.sum(jnp.tanh(x), axis=(1, 2, 3))

        return penalty(critic, real, fake, KEY, 0)

    differentiated = quick.compiled(jax.value_and_grad(value), params)
    directions = jax.tree.map(lambda x: jnp.sin(1.0 + jnp.arange(x.size)).reshape(x.shape), params)

    def along(step: float) -> Array:
        return differentiated(jax.tree.map(lambda x, d: x + step * d, params, directions))[0]

    gradient = differentiated(params)[1]
    slope = sum(jax.tree.leaves(jax.tree.map(jnp.vdot, gradient, directions)))
    assert abs(slope) > 1
    np.testing.assert_allclose(slope, derivative(along), rtol=1e-8)
