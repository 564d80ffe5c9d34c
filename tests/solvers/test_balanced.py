"""Who is ahead waits: by errors that are given, in two games side by side, and by a discriminator's own."""

from typing import Any, ClassVar

import flax.linen as nn
import games
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import quick
from games import Bilinear, Number, begin
from jax import Array

from gaxjax.adversary import Outputs, errors_of
from gaxjax.errors import InputError
from gaxjax.expressions import parse_value
from gaxjax.game import GAN, Batch, Logs, init
from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.solvers import Balanced, Solver, alternating, balanced

KEY = jax.random.key(7)
ONCE = {"discriminator": 1, "generator": 1}
RULE = optax.sgd(lambda count: 1.0 + 0 * count, momentum=0.5)
# (F, R) and who moves: the first where F > R + 0.3, or R > 0.7; the last where not F > R + 0.3.
BEHIND, AHEAD, BOTH, LOST = (1.0, 0.5), (0.6, 0.5), (0.6, 0.8), (1.3, 0.8)
MOVES = {BEHIND: (1, 0), AHEAD: (0, 1), BOTH: (1, 1), LOST: (1, 0)}
CASES = [(BEHIND, AHEAD), (AHEAD, AHEAD), (BOTH, LOST), (LOST, BOTH)]
"""Of two games each."""


class Pairs(GAN):
    """Two games whose errors are the minibatch's; every gradient is 1."""

    ds: tuple[nn.Module, ...] = (Number(), Number())
    gs: tuple[nn.Module, ...] = (Number(), Number())
    players: ClassVar = {"discriminator": ("ds",), "generator": ("gs",)}
    averaged: ClassVar = ("gs",)

    @property
    def subgames(self) -> dict[str, tuple[str, ...]]:
        return {"a": ("ds_0", "gs_0"), "b": ("ds_1", "gs_1")}

    def __call__(self, batch: Batch) -> Any:
        return [network() for network in (*self.ds, *self.gs)]

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        names = [f"{game}_{side}_error" for game in "ab" for side in ("fake", "real")]
        logs = dict(zip(names, jnp.mean(batch["image"], axis=0), strict=True))
        return self.ds[0]() + self.ds[1](), logs

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.gs[0]() + self.gs[1](), {}


def minibatches(cases: Any) -> dict[str, Array]:
    """[cases, 2, 4, errors], of which the generator's minibatch says nothing; means are the errors."""
    errors = jnp.asarray(cases).reshape(len(cases), 1, 1, 4)
    spread = jnp.array([-0.4, 0.1, -0.1, 0.4]).reshape(1, 1, 4, 1)
    return {"image": jnp.concatenate([errors + spread, jnp.full((len(cases), 1, 4, 4), 9.0)], axis=1)}


@pytest.mark.parametrize("parts", [1, 2])
def test_who_moves(parts: int) -> None:
    """All cases in one program, as seeds are; then the games change places, and who waited keeps its sums."""
    gan = Pairs()
    optimizers = dict.fromkeys(gan.players, RULE)
    step = jax.vmap(Balanced()(gan, optimizers, ONCE, 4.0, accumulate=parts), (0, 0, None))
    before = jax.tree.map(lambda x: jnp.stack([x] * len(CASES)), begin(gan, optimizers))
    turned = [case[::-1] for case in CASES]
    run = quick.compiled(step, before, minibatches(CASES), KEY)
    state, trace = before, np.zeros((len(CASES), 2, 2))
    params, count = np.zeros_like(trace), np.zeros((len(CASES), 2))
    for cases in (CASES, turned):
        state, logs = run(state, minibatches(cases), KEY)
        # [cases, games, players]
        moves = np.array([[MOVES[errors] for errors in case] for case in cases], float)
        trace = np.where(moves, 0.5 * trace + 1, trace)
        params, count = params - moves * trace, count + moves.any(axis=1)
        for p, (player, field) in enumerate(zip(ONCE, ("ds", "gs"), strict=True)):
            momentum, schedule = state.optimizers[player]
            np.testing.assert_array_equal(schedule.count, count[:, p])
            for game in range(2):
                name = f"{field}_{game}"
                np.testing.assert_allclose(state.params[name]["value"], params[:, game, p])
                np.testing.assert_allclose(momentum.trace[name]["value"], trace[:, game, p])
                np.testing.assert_array_equal(logs[f"{player}/{'ab'[game]}_moves"], moves[:, game, p])
    np.testing.assert_array_equal(state.images, 8)  # seen by all, moved or not


def test_errors_are_cross_entropies_of_logits() -> None:
    outputs = Outputs(
        {"logits": jnp.array([0.0, 2.0])}, {"logits": {"a": jnp.zeros(3), "b": jnp.array([[-3.0]])}}
    )
    found = errors_of(outputs)
    assert found["real_error"] == pytest.approx((np.log(2) + np.log1p(np.exp(-2))) / 2, rel=1e-6)
    assert found["fake_error"] == pytest.approx((np.log(2) + np.log1p(np.exp(-3))) / 2, rel=1e-6)


def test_a_discriminator_says_its_errors_where_it_is_asked() -> None:
    """In any game of two with an adversary; asked by nobody, it logs no more than it did."""
    gan = Adversarial(**games.networks(), latents=Latents(3))
    optimizers, batches = games.sgd(gan), {"image": jnp.zeros((2, 4, 2))}
    state = jax.eval_shape(lambda: init(gan, optimizers, KEY, {"image": jnp.zeros((4, 2))}))
    solver = parse_value("Balanced(margin=0.1)", Solver)
    assert solver == Balanced(0.1, 0.7)
    asked, others = (
        jax.eval_shape(play(gan, optimizers, ONCE), state, batches, KEY) for play in (solver, alternating)
    )
    assert asked[0] == others[0]
    assert set(asked[1]) - set(others[1]) == {
        *[f"discriminator/{name}" for name in ("real_error", "fake_error", "moves")],
        "generator/moves",
    }


class Partners(Pairs):
    """One game of two discriminators, that log errors each of its own."""

    subgames: ClassVar[dict[str, tuple[str, ...]]] = {}


@pytest.mark.parametrize(
    ("errors", "moves"),
    [
        # (F, R) of each. By the first alone the other player would move; by the means, (0.9, 0.5):
        ([(0.4, 0.5), (1.4, 0.5)], (1, 0)),
        # (0.7, 0.5), where by the second alone the first player would.
        ([(0.5, 0.5), (0.9, 0.5)], (0, 1)),
        # (0.8, 0.8): by the means both, by the first alone the last.
        ([(0.6, 0.6), (1.0, 1.0)], (1, 1)),
    ],
)
def test_two_discriminators_are_one_player(errors: Any, moves: tuple[int, int]) -> None:
    gan = Partners()
    optimizers = dict.fromkeys(gan.players, optax.sgd(1.0))
    step = Balanced()(gan, optimizers, ONCE)
    batches = jax.tree.map(lambda x: x[0], minibatches([errors]))
    state, logs = quick.run(step, begin(gan, optimizers), batches, KEY)
    for player, field, move in zip(ONCE, ("ds", "gs"), moves, strict=True):
        assert logs[f"{player}/moves"] == move
        for index in range(2):
            # Every gradient is 1, and parameters begin at 0.
            assert state.params[f"{field}_{index}"]["value"] == -move


def test_what_is_refused() -> None:
    gan = Bilinear()
    with pytest.raises(InputError, match=r"balanced moves every player once; got updates .*2"):
        balanced(gan, games.sgd(gan), {"low": 2, "high": 1})
    step = balanced(gan, games.sgd(gan), {"low": 1, "high": 1})
    with pytest.raises(
        InputError, match="balanced goes by real_error and fake_error among what low_loss logs"
    ):
        jax.eval_shape(step, begin(gan), {"image": jnp.zeros((2, 2, 2))}, KEY)
