"""Players who move together, by the extragradient or in competition; every solver on every game."""

import dataclasses
import functools
from typing import Any

import chex
import games
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import quick
import shrinking
from games import Bilinear, Chase, Ledger, Number, begin, values
from jax.flatten_util import ravel_pytree

from gaxjax.adversary import Adversary
from gaxjax.data import spec_of
from gaxjax.errors import InputError
from gaxjax.expressions import parse_value
from gaxjax.game import State, objective, player_params
from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.layers.modules import set_fields
from gaxjax.layers.transformed import Transformed
from gaxjax.objectives import Minimax, ZeroSum
from gaxjax.programs.program import StageProgram, stage_programs
from gaxjax.recipe import Recipe
from gaxjax.recipe.optimizers import Optimizer
from gaxjax.recipe.serialization import describe
from gaxjax.solvers import (
    Alternating,
    Balanced,
    Competitive,
    Extragradient,
    Simultaneous,
    Solver,
    Unrolled,
    competitive,
    extragradient,
    simultaneous,
)
from gaxjax.transforms import Clip

KEY = jax.random.key(7)
HALVES = Bilinear(x=Number(0.5), y=Number(0.5))
TOGETHER = [simultaneous, extragradient, competitive]


def play(gan: Any, solver: Any, rule: optax.GradientTransformation, steps: int = 1) -> State:
    optimizers = dict.fromkeys(gan.players, rule)
    step = solver(gan, optimizers, dict.fromkeys(gan.players, 1))
    batches = {"image": jnp.zeros((2, 2, 2))}
    run = lambda s: jax.lax.fori_loop(0, steps, lambda _, s: step(s, batches, KEY)[0], s)  # noqa: E731
    return quick.run(run, begin(gan, optimizers))


@pytest.mark.parametrize("steps", [1, 2, 20])
@pytest.mark.parametrize("eta", [0.1, 0.7])
@pytest.mark.parametrize(
    ("solver", "factor"),
    [
        (simultaneous, lambda eta: 1 + eta**2),
        (competitive, lambda eta: 1 / (1 + eta**2)),
        (extragradient, lambda eta: 1 - eta**2 + eta**4),
    ],
)
def test_the_squared_distance_to_the_solution_of_a_bilinear_game(
    solver: Any, factor: Any, eta: float, steps: int
) -> None:
    """f(x, y) = x y from (0.5, 0.5): descent spirals out, the others in."""
    end = values(play(HALVES, solver, optax.sgd(eta), steps))
    assert end["x"] ** 2 + end["y"] ** 2 == pytest.approx(0.5 * factor(eta) ** steps, rel=1e-4)


def test_optimistic_descent_spirals_in() -> None:
    """Daskalakis et al. 2018: by the last gradient twice less the one before it, by hand."""
    x, y, before = 0.5, 0.5, (0.5, -0.5)
    for _ in range(30):
        here = (y, -x)
        x, y = (p - 0.2 * (2 * g - b) for p, g, b in zip((x, y), here, before, strict=True))
        before = here
    rule = Optimizer("sgd", 0.2, b1=0.0, optimism=1.0).build(1.0)
    assert values(play(HALVES, simultaneous, rule, 30)) == pytest.approx({"x": x, "y": y}, rel=1e-4)
    assert x**2 + y**2 < 0.25


def test_competitive_by_hand_where_the_game_is_not_zero_sum() -> None:
    """Follower a / 2 (d - g)^2, leader d g: D_dg f = -a and D_gd g = 1, the matrix is [[1, -ea], [e, 1]]."""
    gan, eta = Chase(), 0.3
    gradient = np.array([2.0 * (3 - 1), 3.0])
    change = -np.linalg.solve([[1, -eta * 2], [eta, 1]], eta * gradient)
    end = values(play(gan, competitive, optax.sgd(eta)))
    assert end == pytest.approx({"d": 3 + change[0], "g": 1 + change[1]}, rel=1e-5)


def test_players_of_different_rates() -> None:
    eta = np.array([0.5, 0.1])
    change = -np.linalg.solve([[1, eta[0]], [-eta[1], 1]], eta * np.array([4.0, -3.0]))  # at (3, 4)
    gan = Bilinear()
    optimizers = {"low": optax.sgd(0.5), "high": optax.sgd(0.1)}
    step = competitive(gan, optimizers, {"low": 1, "high": 1})
    state, _ = quick.run(step, begin(gan, optimizers), {"image": jnp.zeros((2, 2, 2))}, KEY)
    assert values(state) == pytest.approx({"x": 3 + change[0], "y": 4 + change[1]}, rel=1e-5)


def test_adam_without_momentum_is_acgd() -> None:
    """Schaefer et al. 2020: CGD with each coordinate's rate over the root of its mean squared gradient."""
    rate, b2, eps, point, v = 0.1, 0.99, 1e-5, np.array([0.5, 0.5]), np.zeros(2)
    for t in range(1, 6):
        gradient = np.array([point[1], -point[0]])
        v = b2 * v + (1 - b2) * gradient**2
        size = rate / (np.sqrt(v / (1 - b2**t)) + eps)
        matrix = np.diag(1 / size) + np.array([[0, 1], [-1, 0]])
        point = point - np.linalg.solve(matrix, gradient)
    end = values(play(HALVES, competitive, optax.adam(rate, 0.0, b2, eps), 5))
    assert end == pytest.approx({"x": point[0], "y": point[1]}, rel=1e-4)


def test_a_gradient_of_zero_has_a_step_size_all_the_same() -> None:
    """At (0, 1) the second player's gradient is zero, and only the first one's move gives it one."""
    gan = Bilinear(x=Number(0.0), y=Number(1.0))
    change = -np.linalg.solve([[1, 0.5], [-0.5, 1]], [0.5, 0.0])
    end = values(play(gan, competitive, optax.sgd(0.5)))
    assert end == pytest.approx({"x": change[0], "y": 1 + change[1]}, rel=1e-5)


def test_momentum_is_added_to_a_competitive_step() -> None:
    """It goes on whatever the gradient says: nothing, where the game is flat."""
    gan = Bilinear(x=Number(0.0), y=Number(0.0))
    optimizers = dict.fromkeys(gan.players, optax.sgd(0.5, momentum=0.5))
    begun = begin(gan, optimizers)
    moving = jax.tree.map(lambda x: x + 1.0, begun.optimizers)  # a trace of 1: a drift of -0.5 * 0.5 * 1
    step = competitive(gan, optimizers, {"low": 1, "high": 1})
    state, _ = quick.run(step, begun._replace(optimizers=moving), {"image": jnp.zeros((2, 2, 2))}, KEY)
    assert values(state) == pytest.approx({"x": -0.25, "y": -0.25}, abs=1e-6)


def test_competitive_networks_against_the_whole_matrix() -> None:
    """A generator and a discriminator of points: the same as solving with the dense matrix, in float64."""
    gan = Adversarial(**games.networks(), latents=Latents(3), adversary=Adversary(ZeroSum(Minimax())))
    eta = 0.5
    with jax.enable_x64(True):
        optimizers = dict.fromkeys(gan.players, optax.sgd(eta))
        state = begin(gan, optimizers)
        state = jax.tree.map(lambda x: x.astype(jnp.float64) if x.dtype == jnp.float32 else x, state)
        batches = {"image": jax.random.normal(jax.random.key(3), (2, 4, 2), jnp.float64)}
        key = jax.random.split(jax.random.fold_in(KEY, 0), 2)[0]
        (x, unravel_x), (y, unravel_y) = (
            ravel_pytree(state.params[name]) for name in ("discriminator", "generator")
        )

        def value(x: jax.Array, y: jax.Array) -> jax.Array:
            params = {"discriminator": unravel_x(x), "generator": unravel_y(y)}
            here = state._replace(params=params)
            loss = objective(gan, "discriminator", here, {"image": batches["image"][0]}, key)
            return loss(player_params(gan, "discriminator", params))[0]

        def everything(x: jax.Array, y: jax.Array) -> Any:
            return jax.grad(value, (0, 1))(x, y), jax.jacobian(jax.grad(value), argnums=1)(x, y)

        (x_gradient, y_gradient), cross = quick.run(everything, x, y)
        matrix = np.block([[np.eye(len(x)), eta * cross], [-eta * cross.T, np.eye(len(y))]])
        change = -np.linalg.solve(matrix, eta * np.concatenate([x_gradient, -y_gradient]))
        step = competitive(gan, optimizers, dict.fromkeys(gan.players, 1), iterations=100, tolerance=1e-12)
        found, _ = quick.run(step, state, batches, KEY)
        found = np.concatenate(
            [ravel_pytree(found.params[name])[0] for name in ("discriminator", "generator")]
        )
        np.testing.assert_allclose(found, np.concatenate([x, y]) + change, rtol=1e-8)
        assert np.abs(change).max() > 0.01


@pytest.mark.parametrize("solver", [extragradient, competitive])
def test_a_look_ahead_leaves_nothing_behind(solver: Any) -> None:
    gan = Ledger()
    state = play(gan, solver, optax.sgd(1.0), 3)
    assert state.stats["count"]["moves"] == 6
    assert (state.step, state.images) == (3, 6)


@pytest.mark.parametrize("solver", [extragradient, competitive])
def test_one_who_stands_still_is_not_moved(solver: Any) -> None:
    gan = Chase()
    optimizers = {"follower": optax.sgd(0.1), "leader": optax.set_to_zero()}
    step = solver(gan, optimizers, {"follower": 1, "leader": 1})
    state, _ = quick.run(step, begin(gan, optimizers), {"image": jnp.zeros((2, 2, 2))}, KEY)
    # Then both look to the follower as plain descent does.
    assert values(state) == pytest.approx(
        {"d": 3 - 0.1 * 2 * (2 - (0.4 if solver is extragradient else 0)), "g": 1}
    )


@pytest.mark.parametrize("solver", TOGETHER)
def test_parameters_are_put_back_within_their_bounds(solver: Any) -> None:
    gan = Adversarial(
        generator=games.networks()["generator"],
        discriminator=Transformed(games.networks()["discriminator"], bounds=Clip(0.01)),
        latents=Latents(3),
    )
    state = play(gan, solver, optax.sgd(1.0))
    largest = max(float(jnp.abs(x).max()) for x in jax.tree.leaves(state.params["discriminator"]))
    assert largest == pytest.approx(0.01)
    assert max(float(jnp.abs(x).max()) for x in jax.tree.leaves(state.params["generator"])) > 0.1


def test_competitive_with_numbers() -> None:
    ends = [play(HALVES, solver, optax.sgd(0.7)) for solver in (Competitive(), Competitive(20, 1e-8))]
    chex.assert_trees_all_close(*ends, rtol=1e-5)
    none = play(HALVES, Competitive(iterations=0), optax.sgd(0.7))
    assert values(none) == {"x": 0.5, "y": 0.5}  # conjugate gradients begin at no change
    with pytest.raises(InputError, match="is not one of"):
        parse_value("Competitive(depth=3)", Solver)


# Balanced so that both move, whatever their errors.
BOTH_MOVE = Balanced(margin=1e9, threshold=0.0)
EVERY = [Alternating(), BOTH_MOVE, Simultaneous(), Extragradient(), Competitive(), Unrolled(1)]


def once_each(recipe: Recipe) -> Recipe:
    """A shrunk recipe whose players move once; a rule that can be differentiated through."""
    optimizers = {
        player: dataclasses.replace(rule, updates=1, eps_root=1e-8)
        for player, rule in recipe.optimizers.items()
    }
    return dataclasses.replace(recipe, optimizers=optimizers)


GAMES = {name: recipe for name, recipe in shrinking.recipes().items() if len(recipe.gan.players) == 2}
QUICK = "gan_1d.py:recipe"
"""Small and without convolutions, which take most of a minute to compile if differentiated twice."""


@pytest.mark.parametrize("numbers", [{"margin": -0.3}, {"threshold": float("nan")}])
def test_balanced_by_numbers_that_are_no_errors(numbers: dict[str, float]) -> None:
    with pytest.raises(InputError, match="margin and threshold are errors, 0 or above"):
        Balanced(**numbers)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == QUICK else pytest.mark.slow) for name in GAMES]
)
@pytest.mark.parametrize("solver", EVERY, ids=repr)
def test_every_solver_plays_every_game_of_two(solver: Solver, name: str) -> None:
    recipe = dataclasses.replace(once_each(shrinking.shrunk(GAMES[name])), solver=solver)
    stage, begun = recipe.all_stages[0], shrinking.begin(recipe)
    batches = shrinking.batches(recipe, stage, 0)
    program = StageProgram(recipe, 0, spec_of(recipe.data))
    if solver == BOTH_MOVE:
        # Of losses that are not one adversary's there are no errors, which is said.
        try:
            jax.eval_shape(program.step, begun, batches, KEY)
        except InputError as error:
            assert "balanced goes by" in str(error)
            pytest.skip(str(error))
    state, logs = quick.run(program.step, begun, batches, KEY)
    chex.assert_trees_all_equal_shapes_and_dtypes(state, begun)
    chex.assert_tree_all_finite((state, logs))
    for network, params in state.params.items():
        moved = jax.tree.map(lambda a, b: bool((a != b).any()), params, begun.params[network])
        assert any(jax.tree.leaves(moved)), f"{network} stands still"


PARTS = {
    name: shrinking.parts_of(describe(shrinking.shrunk(recipe).gan))
    for name, recipe in GAMES.items()
    if not shrinking.is_variant(name)
}
COVERING = shrinking.covering(PARTS, "gaxjax.gans:")
"""A solver differentiates through the parts of a game, whichever others stand beside them; through layers and
penalties in tests of their own."""


def narrowed(name: str) -> Recipe:
    """A shrunk recipe of networks with one layer of each kind, where they have several in a row."""
    recipe = once_each(shrinking.shrunk(GAMES[name]))
    return dataclasses.replace(recipe, gan=set_fields(recipe.gan, depth=1, mapping_layers=1))


@functools.cache
def inputs_of(name: str) -> Any:
    """Shapes and types of what a step is given, whoever solves: traced once for all solvers."""
    recipe = narrowed(name)
    program = stage_programs(recipe, spec_of(recipe.data))[-1]
    return jax.eval_shape(program.init, KEY), program.batches


@pytest.mark.parametrize(
    ("solver", "name"),
    [
        # Of each game by one of the two, in turn, and by the other on request.
        pytest.param(solver, name, marks=[] if (number + turn) % 2 else pytest.mark.slow)
        # Others take first derivatives alone, as each recipe's own solver does of its game.
        for turn, solver in enumerate((Competitive(), Unrolled(1)))
        for number, name in enumerate(COVERING)
        if name != QUICK and GAMES[name].solver != solver
    ],
)
def test_second_derivatives_fit_the_parts_of_every_game_of_two(solver: Solver, name: str) -> None:
    """As far as tracing tells; each game is played above, on request, and by its own solver in test_recipes.

    Of a game that grows the last stage, which has all that the others have.
    """
    recipe = dataclasses.replace(narrowed(name), solver=solver)
    program = stage_programs(recipe, spec_of(recipe.data))[-1]
    state, logs = jax.eval_shape(program.step, *inputs_of(name), KEY)
    assert set(state.optimizers) == set(program.stage.gan.players) and logs
