"""The adversarial game: objectives, labels, penalties, and what it refuses."""

from typing import Any

import chex
import flax.linen as nn
import games
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from games import Constant, Times, begin, play, sgd
from jax import Array

from gaxjax.errors import InputError
from gaxjax.game import init, objective, own
from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks import dcgan, mlp
from gaxjax.networks.layers import Dense
from gaxjax.penalties import R1, GradientPenalty

KEY = jax.random.key(5)


def adversarial(**fields: Any) -> Adversarial:
    return Adversarial(**{**games.networks(), "latents": Latents(3), **fields})


@pytest.mark.parametrize(
    ("name", "discriminator", "generator"),
    # Real logit 3, fake logit -1.
    [
        ("wasserstein", -4.0, 1.0),
        ("hinge", 0.0, 1.0),
        ("least_squares", (4 + 1) / 2, 2.0),
        ("nonsaturating", np.log1p(np.exp(-3)) + np.log1p(np.exp(-1)), np.log1p(np.exp(1))),
        ("minimax", np.log1p(np.exp(-3)) + np.log1p(np.exp(-1)), -np.log1p(np.exp(-1))),
    ],
)
def test_adversarial_plays_its_objective(name: str, discriminator: float, generator: float) -> None:
    class Sum(nn.Module):
        @nn.compact
        def __call__(self, x: Array) -> Array:
            return jnp.mean(Times(2.0)(x), axis=(1, 2, 3))

    gan = Adversarial(generator=Constant(-0.5), discriminator=Sum(), objective=name)
    batch = {"image": jnp.full((3, 2, 2, 1), 1.5)}
    state = games.begin(gan, batch=batch)
    value, logs, _, _ = play(gan, "discriminator", state, batch)
    np.testing.assert_allclose(value, discriminator, rtol=1e-5, atol=1e-7)
    assert (logs["real_logits"], logs["fake_logits"]) == (3, -1)
    np.testing.assert_allclose(play(gan, "generator", state, batch)[0], generator, rtol=1e-5)


@pytest.mark.parametrize("name", ["minimax", "wasserstein"])
def test_in_a_zero_sum_game_one_loses_what_the_other_wins(name: str) -> None:
    gan = Adversarial(**games.networks(), latents=Latents(3), objective=name, zero_sum=True)
    batch = {"image": jnp.ones((4, 2))}
    state = games.begin(gan, batch=batch)
    discriminator, generator = (play(gan, player, state, batch)[0] for player in gan.players)
    np.testing.assert_allclose(generator, -discriminator, rtol=1e-6)
    # The real term is no matter to the generator itself: its gradient is that of its own loss.
    same = Adversarial(**games.networks(), latents=Latents(3), objective=name)
    slopes = [play(game, "generator", state, batch)[3] for game in (gan, same)]
    chex.assert_trees_all_close(*slopes, rtol=1e-5, atol=1e-7)


def test_a_conditional_game_tells_both_networks_the_label() -> None:
    """Whichever label they are told, and nothing else, changes what the networks see."""
    gan = adversarial(classes=3, penalties=(R1(1.0),))
    batch = {"image": jnp.ones((3, 2)), "label": jnp.array([0, 1, 1])}
    state = begin(gan, batch=batch)
    assert state.params["generator"]["Dense_0"]["kernel"].shape == (3 + 3, 4)
    assert state.params["discriminator"]["Dense_0"]["kernel"].shape == (2 + 3, 4)
    logits = gan.apply({"params": state.params}, batch["image"], batch, method="logits")
    assert logits[0] != logits[1] and logits[1] == logits[2]
    loss = objective(gan, "discriminator", state, batch, KEY)
    assert np.isfinite(quick.run(loss, own(gan, "discriminator", state.params))[0])
    with pytest.raises(InputError, match=r"classes=3 needs data with labels; the data has \['image'\]"):
        begin(gan, batch={"image": jnp.ones((3, 2))})


def test_a_conditional_game_of_images() -> None:
    gan = Adversarial(
        generator=dcgan.Generator((8, 8, 1), features=2, depth=1),
        discriminator=dcgan.Discriminator(features=2, depth=1),
        classes=2,
    )
    batch = {"image": jnp.ones((3, 8, 8, 1)), "label": jnp.array([0, 1, 1])}
    told = gan.apply({}, batch["image"], batch, method="told")
    np.testing.assert_array_equal(told[..., 0], batch["image"][..., 0])
    np.testing.assert_array_equal(told[0, ..., 1:], np.broadcast_to([1, 0], (8, 8, 2)))
    np.testing.assert_array_equal(told[2, ..., 1:], np.broadcast_to([0, 1], (8, 8, 2)))


def test_penalties_are_added_to_the_discriminators_loss() -> None:
    batch = {"image": jnp.ones((4, 2))}
    values = []
    for penalties in ((), (R1(3.0),), (R1(3.0), GradientPenalty(2.0))):
        gan = adversarial(penalties=penalties)
        state = begin(gan)
        found = quick.run(
            objective(gan, "discriminator", state, batch, KEY), own(gan, "discriminator", state.params)
        )
        values.append(found)
    (plain, _), (one, (logs, _)), (both, (all_logs, _)) = values
    assert logs["r1"] > 0 and all_logs["gradientpenalty"] > 0
    np.testing.assert_allclose(one, plain + logs["r1"], rtol=1e-5)
    np.testing.assert_allclose(both, one + all_logs["gradientpenalty"], rtol=1e-5)


def test_a_penalty_on_batch_norm_is_refused_by_name() -> None:
    gan = Adversarial(
        generator=dcgan.Generator((8, 8, 1), features=2, depth=2),
        discriminator=dcgan.Discriminator(features=2, depth=2),
        penalties=(R1(), GradientPenalty()),
    )
    batch = {"image": jax.ShapeDtypeStruct((4, 8, 8, 1), jnp.float32)}

    def loss(key: Array, images: Array) -> Any:
        state = init(gan, sgd(gan), key, batch)
        return objective(gan, "discriminator", state, {"image": images}, key)(state.params)

    with pytest.raises(
        InputError, match=r"R1, GradientPenalty .*discriminator \(Discriminator\) has batch norm"
    ):
        jax.eval_shape(loss, KEY, batch["image"])


@pytest.mark.parametrize(
    ("shape", "message"), [((3,), r"shape \(3,\), but the data's are \(2,\)"), ((2, 1), r"shape \(2, 1\)")]
)
def test_examples_of_another_shape_are_refused(shape: tuple[int, ...], message: str) -> None:
    gan = adversarial(generator=mlp.Generator(shape, features=(4,)))
    state = begin(gan)
    with pytest.raises(InputError, match=message):
        objective(gan, "discriminator", state, {"image": jnp.ones((4, 2))}, KEY)(state.params)


def test_a_discriminator_with_a_trailing_axis_is_refused() -> None:
    class Column(nn.Module):
        @nn.compact
        def __call__(self, x: Array) -> Array:
            return Dense(1)(x)

    gan = adversarial(discriminator=Column())
    state = begin(gan)
    with pytest.raises(InputError, match=r"one logit each, shape \(4,\); got \(4, 1\)"):
        objective(gan, "discriminator", state, {"image": jnp.ones((4, 2))}, KEY)(state.params)
