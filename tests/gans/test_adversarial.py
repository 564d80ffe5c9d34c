"""The adversarial game: objectives, labels, penalties, and what it refuses."""

from dataclasses import dataclass
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

from gaxjax import objectives, solvers
from gaxjax.adversary import Adversary
from gaxjax.augmentations import Augment, Augmentation, Noise
from gaxjax.errors import InputError
from gaxjax.expressions import parse_value
from gaxjax.game import init, judge, objective, player_params
from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.layers.conditioning import Concatenated
from gaxjax.layers.standard import Dense
from gaxjax.layers.transformed import Transformed
from gaxjax.networks import dcgan, mlp
from gaxjax.networks.autoencoder import EnergyDiscriminator
from gaxjax.objectives import (
    FeatureMatching,
    Minimax,
    Objective,
    RelativisticPaired,
    Wasserstein,
    ZeroSum,
)
from gaxjax.penalties import R1, Drift, GradientPenalty, Penalty
from gaxjax.transforms import Clip, Spectral

KEY = jax.random.key(5)
GRAY = {"image": jnp.full((3, 2, 2, 1), 1.5)}


class Mean(nn.Module):
    """Logits: twice the mean of an image; features: twice each of its pixels, if it is to have any."""

    has_features: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Any:
        x = Times(2.0)(x).reshape(x.shape[0], -1)
        logits = jnp.mean(x, axis=1)
        return {"logits": logits, "features": x} if self.has_features else logits


class Echo(nn.Module):
    """What it is given."""

    def __call__(self, x: Array) -> Array:
        return x


class Half(nn.Module):
    """Reconstructs half of every pixel; its code is all pixels."""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        return {"reconstruction": Times(0.5)(x), "features": x.reshape(x.shape[0], -1)}


@dataclass(frozen=True)
class Doubled(Augmentation):
    """Everything twice."""

    def __call__(self, images: Array, key: Array, step: Array | int) -> Array:
        return 2 * images


def grays(**fields: Any) -> Adversarial:
    """Real images are 1.5, of logit 3; made ones -0.5, of logit -1."""
    return Adversarial(**{"generator": Constant(-0.5), "discriminator": Mean(), **fields})


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
    gan = grays(adversary=Adversary(parse_value(name, Objective)))
    state = games.begin(gan, batch=GRAY)
    value, logs, _, _ = play(gan, "discriminator", state, GRAY)
    np.testing.assert_allclose(value, discriminator, rtol=1e-5, atol=1e-7)
    assert (logs["real_logits"], logs["fake_logits"]) == (3, -1)
    np.testing.assert_allclose(play(gan, "generator", state, GRAY)[0], generator, rtol=1e-5)


@pytest.mark.parametrize(
    ("distance", "value", "slope"),
    # Four features, 3 of a real image and -1 of a made one, which rise by 2 with the gray that is made.
    [("squared", 4 * 4**2, 4 * 2 * 4 * -2), ("absolute", 4, -2)],
)
def test_feature_matching_by_hand(distance: Any, value: float, slope: float) -> None:
    gan = grays(adversary=Adversary(FeatureMatching(distance)))
    found, _, _, gradient = play(gan, "generator", games.begin(gan, batch=GRAY), GRAY)
    np.testing.assert_allclose([found, gradient["generator"]["value"]], [value, slope], rtol=1e-6)


def test_a_discriminator_without_features_is_refused_where_they_are_needed() -> None:
    gan = grays(discriminator=Mean(has_features=False), adversary=Adversary(FeatureMatching()))
    state = games.begin(gan, batch=GRAY)
    play(gan, "discriminator", state, GRAY)  # which needs none
    with pytest.raises(
        InputError, match=r"FeatureMatching needs the discriminator.s features: .*it returns logits alone"
    ):
        play(gan, "generator", state, GRAY)


def test_a_relativistic_generator_sees_real_examples() -> None:
    gan = grays(adversary=Adversary(RelativisticPaired()))
    state = games.begin(gan, batch=GRAY)
    np.testing.assert_allclose(play(gan, "discriminator", state, GRAY)[0], np.log1p(np.exp(-4)), rtol=1e-5)
    value, _, _, gradient = play(gan, "generator", state, GRAY)
    np.testing.assert_allclose(value, np.log1p(np.exp(4)), rtol=1e-6)
    # The logit rises by 2 with the gray that is made; the loss by the sigmoid of 4 with their gap.
    np.testing.assert_allclose(gradient["generator"]["value"], -2 / (1 + np.exp(-4)), rtol=1e-5)
    farther = {"image": GRAY["image"] + 0.5}
    np.testing.assert_allclose(play(gan, "generator", state, farther)[0], np.log1p(np.exp(5)), rtol=1e-6)


def test_an_energy_by_hand() -> None:
    """Images of four pixels are reconstructed by half: the energy is the gray's size."""
    gan = grays(
        discriminator=EnergyDiscriminator(Half()),
        generator=Constant(0.4),
        adversary=Adversary(objectives.Energy(margin=1, pulling_away=0.1)),
    )
    state = games.begin(gan, batch=GRAY)
    value, logs, _, _ = play(gan, "discriminator", state, GRAY)
    np.testing.assert_allclose(value, 1.5 + (1 - 0.4), rtol=1e-6)
    np.testing.assert_allclose([logs["real_logits"], logs["fake_logits"]], [-1.5, -0.4], rtol=1e-6)
    # Made images are all alike: the squared cosine of any two is 1.
    np.testing.assert_allclose(play(gan, "generator", state, GRAY)[0], 0.4 + 0.1, rtol=1e-6)


@pytest.mark.parametrize("zero_sum", [Minimax(), Wasserstein()])
def test_in_a_zero_sum_game_one_loses_what_the_other_wins(zero_sum: Objective) -> None:
    gan = Adversarial(**games.networks(), latents=Latents(3), adversary=Adversary(ZeroSum(zero_sum)))
    batch = {"image": jnp.ones((4, 2))}
    state = games.begin(gan, batch=batch)
    discriminator, generator = (play(gan, player, state, batch)[0] for player in gan.players)
    np.testing.assert_allclose(generator, -discriminator, rtol=1e-6)
    # The real term is no matter to the generator itself: its gradient is that of its own loss.
    same = Adversarial(**games.networks(), latents=Latents(3), adversary=Adversary(zero_sum))
    slopes = [play(game, "generator", state, batch)[3] for game in (gan, same)]
    chex.assert_trees_all_close(*slopes, rtol=1e-5, atol=1e-7)


def test_a_conditional_game_tells_both_networks_the_label() -> None:
    """Whichever label they are told, and nothing else, changes what the networks see."""
    gan = adversarial(
        **{name: Concatenated(network, 3) for name, network in games.networks().items()},
        condition="label",
        adversary=Adversary(penalties=(R1(1.0),)),
    )
    batch = {"image": jnp.ones((3, 2)), "label": jnp.array([0, 1, 1])}
    state = begin(gan, batch=batch)
    assert state.params["generator"]["Dense_0"]["kernel"].shape == (3 + 3, 4)
    assert state.params["discriminator"]["Dense_0"]["kernel"].shape == (2 + 3, 4)
    logits = judge(gan, state, batch)["D"]
    assert logits[0] != logits[1] and logits[1] == logits[2]
    loss = objective(gan, "discriminator", state, batch, KEY)
    assert np.isfinite(quick.run(loss, player_params(gan, "discriminator", state.params))[0])
    with pytest.raises(InputError, match=r"condition is 'label', .* the data has \['image'\]"):
        begin(gan, batch={"image": jnp.ones((3, 2))})


def test_a_conditional_game_of_images() -> None:
    images, label = jnp.ones((3, 8, 8, 1)), jnp.array([0, 1, 1])
    network = Concatenated(Echo(), 2)
    beside = network.apply(network.init(KEY, images, label), images, label)
    np.testing.assert_array_equal(beside[..., 0], images[..., 0])
    np.testing.assert_array_equal(beside[0, ..., 1:], np.broadcast_to([1, 0], (8, 8, 2)))
    np.testing.assert_array_equal(beside[2, ..., 1:], np.broadcast_to([0, 1], (8, 8, 2)))
    with pytest.raises(InputError, match=r'set the game.s condition, such as condition="label"'):
        network.init(KEY, images)


def test_penalties_are_added_to_the_discriminators_loss() -> None:
    batch = {"image": jnp.ones((4, 2))}
    values = []
    for penalties in ((), (R1(3.0),), (R1(3.0), GradientPenalty(2.0))):
        gan = adversarial(adversary=Adversary(penalties=penalties))
        state = begin(gan)
        found = quick.run(
            objective(gan, "discriminator", state, batch, KEY),
            player_params(gan, "discriminator", state.params),
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
        adversary=Adversary(penalties=(R1(), GradientPenalty())),
    )
    batch = {"image": jax.ShapeDtypeStruct((4, 8, 8, 1), jnp.float32)}

    def loss(key: Array, images: Array) -> Any:
        state = init(gan, sgd(gan), key, batch)
        return objective(gan, "discriminator", state, {"image": images}, key)(state.params)

    with pytest.raises(InputError, match=r"^R1 is a .*discriminator \(Discriminator\) has batch norm"):
        jax.eval_shape(loss, KEY, batch["image"])


@pytest.mark.parametrize(
    ("shape", "message"), [((3,), r"shape \(3,\), but the data's are \(2,\)"), ((2, 1), r"shape \(2, 1\)")]
)
def test_examples_of_another_shape_are_refused(shape: tuple[int, ...], message: str) -> None:
    gan = adversarial(generator=mlp.Generator(shape, features=(4,)))
    state = begin(gan)
    with pytest.raises(InputError, match=message):
        objective(gan, "discriminator", state, {"image": jnp.ones((4, 2))}, KEY)(state.params)


def test_logits_that_are_not_of_the_examples_are_refused() -> None:
    class Column(nn.Module):
        @nn.compact
        def __call__(self, x: Array) -> Array:
            return Dense(1)(x).T

    with pytest.raises(InputError, match=r"must return logits \[2, \.\.\.\], one each; got \[\(1, 2\)\]"):
        begin(adversarial(discriminator=Column()))


# Weights and bounds


def test_a_spectral_discriminator_sees_kernels_of_norm_one() -> None:
    gan = adversarial(discriminator=Transformed(games.networks()["discriminator"], transform=Spectral(200)))
    state = begin(gan)
    seen = gan.weights(state.params, jnp.array(0))
    assert seen["generator"] is state.params["generator"]
    for layer in ("Dense_0", "Dense_1"):
        stored, kernel = (tree["discriminator"][layer]["kernel"] for tree in (state.params, seen))
        np.testing.assert_allclose(np.linalg.norm(kernel, 2), 1, rtol=1e-4)
        assert abs(np.linalg.norm(stored, 2) - 1) > 0.01


def test_losses_are_of_the_weights_that_are_seen() -> None:
    """A discriminator of one layer, w x: its logit is that of w / |w|."""
    gan = adversarial(discriminator=Transformed(mlp.Discriminator(features=()), transform=Spectral()))
    state = begin(gan)
    state.params["discriminator"]["Dense_0"]["kernel"] = jnp.array([[3.0], [4.0]])
    batch = {"image": jnp.array([[1.0, 0.0], [0.0, 2.0]])}
    _, logs, _, gradient = play(gan, "discriminator", state, batch)
    np.testing.assert_allclose(logs["real_logits"], (3 / 5 + 2 * 4 / 5) / 2, rtol=1e-5)
    # Longer is no different: the gradient is at right angles to the kernel.
    slope = gradient["discriminator"]["Dense_0"]["kernel"][:, 0]
    assert abs(slope @ jnp.array([3.0, 4.0])) < 1e-6 < jnp.abs(slope).max()


def test_a_bounded_discriminator_stays_within_its_bounds() -> None:
    gan = adversarial(
        discriminator=Transformed(games.networks()["discriminator"], bounds=Clip(0.1)),
        adversary=Adversary(Wasserstein()),
    )
    state = begin(gan)
    step = solvers.alternating(gan, sgd(gan, 10.0), {"discriminator": 2, "generator": 1})
    batches = {"image": jnp.ones((3, 4, 2))}
    moved, _ = quick.run(step, state, batches, KEY)

    def largest(params: Any) -> float:
        return max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(params))

    bound = float(np.float32(0.1))
    assert largest(state.params["discriminator"]) == bound, "at first"
    assert largest(moved.params["discriminator"]) == bound
    assert min(largest(tree.params["generator"]) for tree in (state, moved)) > bound


# Augmentations


@pytest.mark.parametrize(
    ("name", "discriminator", "generator"),
    # Of logits 6 and -2 in place of 3 and -1.
    [("wasserstein", -8.0, 2.0), ("relativistic_paired", np.log1p(np.exp(-8)), np.log1p(np.exp(8)))],
)
def test_both_players_see_real_and_made_examples_augmented(
    name: str, discriminator: float, generator: float
) -> None:
    gan = grays(adversary=Adversary(parse_value(name, Objective), augment=Augment((Doubled(),))))
    state = games.begin(gan, batch=GRAY)
    value, logs, stats, _ = play(gan, "discriminator", state, GRAY)
    np.testing.assert_allclose(value, discriminator, rtol=1e-4)
    assert (logs["real_logits"], logs["fake_logits"], stats) == (6, -2, {})
    value, _, _, gradient = play(gan, "generator", state, GRAY)
    np.testing.assert_allclose(value, generator, rtol=1e-6)
    # Gradients go through: the logit of what is made rises by 4 with its gray, not by 2.
    expected = -4 if name == "wasserstein" else -4 / (1 + np.exp(-8))
    np.testing.assert_allclose(gradient["generator"]["value"], expected, rtol=1e-5)


def test_samples_are_not_augmented() -> None:
    gan = grays(adversary=Adversary(augment=Augment((Doubled(),))))
    made = gan.apply(
        {"params": games.begin(gan, batch=GRAY).params}, GRAY, method="sample", rngs={"play": KEY}
    )
    np.testing.assert_array_equal(made, np.full((3, 2, 2, 1), -0.5))


def test_an_adaptive_probability_moves_with_the_discriminator_alone() -> None:
    """10 images take it from 0 to 1, a minibatch has 3; all real logits are positive, above the target."""
    augment = Augment((Noise(0.0),), probability=0.0, target=0.6, interval=1, kimg=0.01)
    gan = grays(adversary=Adversary(augment=augment))
    state = games.begin(gan, batch=GRAY)
    assert state.stats["augmentation"]["adversary"]["augment"]["probability"] == 0
    _, logs, stats, _ = play(gan, "discriminator", state, GRAY)
    np.testing.assert_allclose(stats["augmentation"]["adversary"]["augment"]["probability"], 0.3, rtol=1e-6)
    np.testing.assert_allclose([logs["probability"], logs["sign"]], [0.3, 1], rtol=1e-6)
    chex.assert_trees_all_equal(play(gan, "generator", state, GRAY)[2], state.stats)

    step = solvers.alternating(gan, sgd(gan, 0.0), {"discriminator": 2, "generator": 3})
    batches = {"image": jnp.broadcast_to(GRAY["image"], (5, 3, 2, 2, 1))}
    moved, _ = quick.run(step, state, batches, KEY)
    np.testing.assert_allclose(
        moved.stats["augmentation"]["adversary"]["augment"]["probability"], 0.6, rtol=1e-6
    )


# What mixes examples


@pytest.mark.parametrize("penalty", [R1(), GradientPenalty()])
def test_a_penalty_on_minibatch_discrimination_is_refused_by_name(penalty: Penalty) -> None:
    gan = adversarial(
        discriminator=mlp.Discriminator(features=(4,), minibatch_kernels=2),
        adversary=Adversary(penalties=(penalty, Drift())),
    )
    name = type(penalty).__name__
    with pytest.raises(
        InputError, match=rf"^{name} is a .* discriminator \(Discriminator\) has minibatch discrimination"
    ):
        play(gan, "discriminator", begin(gan), {"image": jnp.ones((4, 2))})


def test_a_penalty_of_logits_goes_with_batch_norm_and_minibatch_discrimination() -> None:
    gan = Adversarial(
        generator=dcgan.Generator((8, 8, 1), features=2, depth=1),
        discriminator=dcgan.Discriminator(features=2, depth=2, minibatch_kernels=2),
        adversary=Adversary(penalties=(Drift(0.5),)),
    )
    batch = {"image": jnp.ones((4, 8, 8, 1))}
    value, logs, _, _ = play(gan, "discriminator", begin(gan, batch=batch), batch)
    assert jnp.isfinite(value) and logs["drift"] > 0
