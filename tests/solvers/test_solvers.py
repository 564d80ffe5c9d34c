"""How the players move, on games whose answers are known; in float64."""

from typing import Any, ClassVar

import chex
import games
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import quick
from games import Bilinear, Chase, Ledger, begin, sgd, values

from gaxjax import solvers
from gaxjax.errors import InputError
from gaxjax.expressions import parse_value
from gaxjax.game import GAN, State, objective, player_params
from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.recipe.optimizers import Optimizer
from gaxjax.solvers import (
    Alternating,
    Solver,
    Unrolled,
    alternating,
    simultaneous,
    unrolled,
)

pytestmark = pytest.mark.usefixtures("float64")

KEY = jax.random.key(7)
ONCE = {"discriminator": 1, "generator": 1}


def once(gan: GAN) -> dict[str, int]:
    return dict.fromkeys(gan.players, 1)


def play(step: solvers.Step, state: State, steps: int, minibatches: int = 2) -> State:
    batches = {"image": jnp.zeros((minibatches, 2, 2))}
    return quick.run(lambda s: jax.lax.fori_loop(0, steps, lambda _, s: step(s, batches, KEY)[0], s), state)


def adversarial(**fields: Any) -> Adversarial:
    return Adversarial(**games.networks(), latents=Latents(3), **fields)


def points(minibatches: int, size: int = 4) -> dict[str, jax.Array]:
    """Minibatches that all differ."""
    return {"image": jax.random.normal(jax.random.key(3), (minibatches, size, 2))}


# The bilinear game, whose solution is (0, 0).


@pytest.mark.parametrize("steps", [1, 50])
def test_simultaneous_steps_spiral_out(steps: int) -> None:
    """(x, y) -> (x - eta y, y + eta x) is a turn and a factor of sqrt(1 + eta^2)."""
    gan, eta = Bilinear(), 0.2
    end = values(play(simultaneous(gan, sgd(gan, eta), once(gan)), begin(gan), steps))
    assert end["x"] ** 2 + end["y"] ** 2 == pytest.approx(25 * (1 + eta**2) ** steps, rel=1e-9)


def test_a_simultaneous_step_is_a_turn() -> None:
    gan = Bilinear()
    end = values(play(simultaneous(gan, sgd(gan, 1.0), once(gan)), begin(gan), 2))
    assert end == pytest.approx({"x": -8.0, "y": 6.0})  # a quarter of one, and twice as far out


def test_alternating_steps_stay_on_an_ellipse() -> None:
    """x' = x - eta y, y' = y + eta x' keeps x^2 + y^2 - eta x y: moving in the other order would not."""
    gan, eta = Bilinear(), 0.2
    step = alternating(gan, sgd(gan, eta), once(gan))
    first = values(play(step, begin(gan), 1))
    assert first == pytest.approx({"x": 2.2, "y": 4.44})
    kept = 25 - eta * 12
    radii = []
    for steps in (1, 10, 17, 500):
        end = values(play(step, begin(gan), steps))
        assert end["x"] ** 2 + end["y"] ** 2 - eta * end["x"] * end["y"] == pytest.approx(kept, rel=1e-9)
        radii.append(end["x"] ** 2 + end["y"] ** 2)
    assert max(radii) < kept / (1 - eta / 2) * 1.0001


# Minibatches, keys, counts.


def test_each_move_has_its_own_minibatch() -> None:
    gan, updates = Ledger(), {"first": 3, "last": 1}
    optimizers = sgd(gan, 1.0)
    state = begin(gan, optimizers)
    batches = {"image": jnp.array([1.0, 10.0, 100.0, 1000.0]).reshape(4, 1, 1) * jnp.ones((4, 5, 2))}
    state, logs = jax.jit(alternating(gan, optimizers, updates))(state, batches, KEY)
    assert values(state) == {"d": -111.0, "g": -1000.0}
    assert state.stats["count"]["moves"] == 4
    assert (state.step, state.images) == (1, 15)
    # A log is the mean over a player's moves; the loss is that from before each move.
    assert logs["first/loss"] == pytest.approx((0 * 1 - 1 * 10 - 11 * 100) / 3)
    assert logs["last/loss"] == 0
    assert set(logs) == {"first/loss", "first/draw", "last/loss", "last/draw"}


def test_the_first_players_examples_are_counted() -> None:
    gan, updates = Ledger(), {"first": 1, "last": 2}
    step = alternating(gan, sgd(gan), updates)
    state = play(step, begin(gan), 4, minibatches=3)
    assert (state.step, state.images) == (4, 4 * 2)
    assert solvers.minibatches_per_step(updates) == 3
    assert solvers.examples_per_step(gan, updates, 64) == 64
    assert solvers.examples_per_step(gan, {"first": 5, "last": 1}, 64) == 320


@pytest.mark.parametrize("solver", [alternating, simultaneous, unrolled(1)])
def test_every_move_of_every_step_draws_anew_and_as_before(solver: solvers.Solver) -> None:
    gan = Ledger()
    step = jax.jit(solver(gan, sgd(gan), once(gan), 0.0))
    batches = {"image": jnp.zeros((2, 2, 2))}
    state, first = step(begin(gan), batches, KEY)
    _, second = step(state, batches, KEY)
    draws = {float(logs[f"{player}/draw"]) for logs in (first, second) for player in gan.players}
    assert len(draws) == (2 if solver is simultaneous else 4)  # one for both players, or one each
    _, again = step(begin(gan), batches, KEY)
    chex.assert_trees_all_equal(first, again)
    _, other = step(begin(gan), batches, jax.random.key(8))
    assert other["first/draw"] != first["first/draw"]


def test_several_updates_are_so_many_moves_by_hand() -> None:
    """Three moves of the discriminator and one of the generator, written out."""
    gan, rate, k = adversarial(), 0.3, 3
    optimizers = {player: optax.sgd(rate, momentum=0.5) for player in gan.players}
    begun = begin(gan, optimizers)
    batches = points(k + 1)
    step = alternating(gan, optimizers, {"discriminator": k, "generator": 1})
    found, logs = quick.run(step, begun, batches, KEY)

    keys = jax.random.split(jax.random.fold_in(KEY, 0), k + 1)
    state, trace, losses = begun, None, []
    for move, player in enumerate(["discriminator"] * k + ["generator"]):
        batch = {"image": batches["image"][move]}
        loss = objective(gan, player, state, batch, keys[move])
        (value, _), gradient = quick.run(
            jax.value_and_grad(loss, has_aux=True), player_params(gan, player, state.params)
        )
        losses.append(value)
        trace = gradient if move in (0, k) else jax.tree.map(lambda t, g: 0.5 * t + g, trace, gradient)
        moved = jax.tree.map(lambda p, t: p - rate * t, player_params(gan, player, state.params), trace)
        state = state._replace(params={**state.params, **moved})
    chex.assert_trees_all_close(found.params, state.params, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(logs["discriminator/loss"], np.mean(losses[:k]), rtol=1e-9)
    np.testing.assert_allclose(logs["generator/loss"], losses[k], rtol=1e-9)
    assert len({float(loss) for loss in losses}) == 4


@pytest.mark.parametrize("solver", [alternating, simultaneous, unrolled(2)])
def test_a_move_leaves_the_other_players_parameters_alone(solver: solvers.Solver) -> None:
    gan = Chase()
    for player, moved, left in (("follower", "d", "g"), ("leader", "g", "d")):
        optimizers = {**dict.fromkeys(gan.players, optax.set_to_zero()), player: optax.sgd(0.1)}
        begun = begin(gan, optimizers)
        end = values(play(solver(gan, optimizers, once(gan), 0.0), begun, 1))
        assert end[left] == values(begun)[left]
        assert end[moved] != values(begun)[moved]


# The moving average.


@pytest.mark.parametrize("solver", [alternating, simultaneous, unrolled(0)])
def test_the_average_follows_by_its_half_life(solver: solvers.Solver) -> None:
    gan = Ledger()
    optimizers = sgd(gan, 1.0)
    batches = {"image": jnp.ones((2, 8, 2))}
    step = jax.jit(solver(gan, optimizers, once(gan), 8.0))  # one step's images
    state, expected = begin(gan, optimizers), 0.0
    for move in range(1, 4):
        state, _ = step(state, batches, KEY)
        expected = (expected - move) / 2
        assert float(state.average["g"]["value"]) == pytest.approx(expected)
    state, _ = solver(gan, optimizers, once(gan), 0.0)(state, batches, KEY)
    chex.assert_trees_all_equal(state.average["g"], state.params["g"])


# Unrolling.


def test_unrolled_differentiates_through_the_followers_steps() -> None:
    """d_k = g + r (d - g) with r = (1 - eta a)^k, so that the leader's slope is d_k + g (1 - r)."""
    gan, eta, k = Chase(), 0.1, 3
    state = play(unrolled(k)(gan, sgd(gan, eta), once(gan), 0.0), begin(gan), 1)
    r = (1 - eta * 2) ** k
    ahead = 1 + r * (3 - 1)
    assert values(state) == pytest.approx({"d": 3 - eta * 2 * (3 - 1), "g": 1 - eta * (ahead + 1 * (1 - r))})


def test_a_leader_who_looks_further_sees_the_follower_arrive() -> None:
    """For k without end d is g, and the leader lowers g^2: its slope is 2 g instead of d."""
    gan = Chase()
    far = play(unrolled(200)(gan, sgd(gan, 0.1), once(gan), 0.0), begin(gan), 1)
    assert values(far)["g"] == pytest.approx(1 - 0.1 * 2)
    blind = play(unrolled(0)(gan, sgd(gan, 0.1), once(gan), 0.0), begin(gan), 1)
    assert values(blind)["g"] == pytest.approx(1 - 0.1 * 3)


@pytest.mark.parametrize("game", [Bilinear, Chase])
def test_unrolled_zero_times_is_simultaneous(game: type[GAN]) -> None:
    """In games that draw nothing: a simultaneous step has one draw for all, an unrolled one one for each."""
    gan = game()
    optimizers = {player: optax.adam(1e-2) for player in gan.players}
    ends = []
    for solver in (unrolled(0), simultaneous):
        state = begin(gan, optimizers)
        step = jax.jit(solver(gan, optimizers, once(gan), 100.0))
        for _ in range(3):
            state, logs = step(state, {"image": jnp.ones((2, 2, 2))}, KEY)
        ends.append((state, logs))
    chex.assert_trees_all_close(*ends, rtol=1e-9, atol=1e-9)


def test_simultaneous_players_have_one_minibatch_and_one_draw() -> None:
    """The generator's loss is that of the samples and the verdicts that the discriminator's loss is of."""
    gan = adversarial()
    optimizers = {player: optax.sgd(0.1) for player in gan.players}
    begun = begin(gan, optimizers)
    _, logs = quick.run(simultaneous(gan, optimizers, ONCE), begun, points(2), KEY)
    batch, key = {"image": points(2)["image"][0]}, jax.random.split(jax.random.fold_in(KEY, 0), 2)[0]
    for player in gan.players:
        loss, _ = quick.run(
            objective(gan, player, begun, batch, key), player_params(gan, player, begun.params)
        )
        assert float(logs[f"{player}/loss"]) == pytest.approx(float(loss), rel=1e-9)


def test_virtual_updates_are_thrown_away() -> None:
    gan = Ledger()
    step = unrolled(5)(gan, sgd(gan, 1.0), once(gan), 0.0)
    state, _ = step(begin(gan), {"image": jnp.ones((2, 2, 2))}, KEY)
    assert values(state) == {"d": -1.0, "g": -1.0}
    assert state.stats["count"]["moves"] == 2


def test_unrolling_adam_needs_eps_root_where_a_gradient_is_zero() -> None:
    """At d = g the follower's gradient is zero, where the square root has no slope."""
    gan = Chase(d=games.Number(1.0))
    for eps_root, finite in ((0.0, False), (1e-12, True)):
        optimizers = dict.fromkeys(gan.players, Optimizer("adam", 1e-2, eps_root=eps_root).build(1))
        end = values(play(unrolled(2)(gan, optimizers, once(gan), 0.0), begin(gan, optimizers), 1))
        assert np.isfinite(end["g"]) == finite


# What is refused.


@pytest.mark.parametrize("solver", [alternating, simultaneous, unrolled(1)])
@pytest.mark.parametrize(
    ("optimizers", "updates", "message"),
    [
        (
            {"low": 1},
            {"low": 1, "high": 1},
            r"optimizers are for \['low'\], but the players are \['high', 'low'\]",
        ),
        ({"low": 1, "high": 1, "x": 1}, {"low": 1, "high": 1}, "optimizers are for .*'x'"),
        ({"low": 1, "high": 1}, {"low": 1}, r"updates are for \['low'\]"),
        ({"low": 1, "high": 1}, {"low": 1, "high": 1, "generator": 1}, "updates are for .*'generator'"),
        ({"low": 1, "high": 1}, {"low": 1, "high": 0}, "updates of 'high' must be at least 1; got 0"),
    ],
)
def test_players_that_do_not_fit_are_refused(
    solver: solvers.Solver, optimizers: dict[str, Any], updates: dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        solver(Bilinear(), dict.fromkeys(optimizers, optax.sgd(1.0)), updates, 0.0)


@pytest.mark.parametrize("solver", [simultaneous, unrolled(1)])
def test_several_updates_are_for_alternating_alone(solver: solvers.Solver) -> None:
    gan = Bilinear()
    with pytest.raises(InputError, match=r"every player once; got updates .*5.*use alternating"):
        solver(gan, sgd(gan), {"low": 5, "high": 1}, 0.0)


def test_unrolling_is_for_two_players() -> None:
    class Three(Bilinear):
        players: ClassVar = {"low": ("x",), "high": ("y",), "third": ()}

        def third_loss(self, batch: Any, step: Any) -> Any:
            return self.low_loss(batch, step)

    gan = Three()
    with pytest.raises(InputError, match=r"two players; Three has .*third"):
        unrolled(1)(gan, sgd(gan), once(gan), 0.0)


@pytest.mark.parametrize("k", [-1, 2.5, "2"])
def test_unrolled_takes_a_whole_number(k: Any) -> None:
    with pytest.raises(InputError, match=f"unrolled\\({k}\\)"):
        unrolled(k)


def test_a_step_takes_a_minibatch_for_each_move() -> None:
    gan = Chase()
    step = alternating(gan, sgd(gan), {"follower": 2, "leader": 1}, 0.0)
    for shape in ((2, 4, 2), (4, 2)):
        message = rf"takes 3 minibatches, .*: arrays \[3, B, ...\]; got \[{shape[0]}\] in place of"
        with pytest.raises(InputError, match=message):
            step(begin(gan), {"image": jnp.zeros(shape)}, jax.random.key(0))


def test_solvers_by_name() -> None:
    for text in ("alternating", "Alternating", "Alternating()"):
        assert parse_value(text, Solver) == Alternating()
    assert parse_value("unrolled(3)", Solver) == parse_value("Unrolled(k=3)", Solver) == Unrolled(3)
    gan = Chase()
    ends = [
        values(play(solver(gan, sgd(gan), once(gan), 0.0), begin(gan), 1))
        for solver in (Unrolled(3), unrolled(3))
    ]
    assert ends[0] == ends[1]


@pytest.mark.parametrize(
    "text",
    [
        "unrolled",
        "alternating(2)",
        "unroled(3)",
        "unrolled(-1)",
        "unrolled(3, 4)",
        "unrolled(print())",
        "",
        "(",
    ],
)
def test_names_that_are_no_solver_are_refused(text: str) -> None:
    with pytest.raises(InputError) as error:
        parse_value(text, Solver)
    assert text in str(error.value)
