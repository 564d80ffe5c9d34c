"""The adversary, in a game and in somebody's own loop; tuples of networks, pretrained ones."""

from pathlib import Path
from typing import Any, ClassVar

import chex
import flax.linen as nn
import games
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import quick
import runs
from games import begin, play, sgd
from jax import Array

import gaxjax
from gaxjax import cli, solvers
from gaxjax.adversary import Adversary
from gaxjax.augmentations import DIFFERENTIABLE, Augment, Noise
from gaxjax.data import spec_of
from gaxjax.errors import InputError
from gaxjax.game import (
    GAN,
    PRETRAINED,
    Batch,
    Logs,
    frozen,
    objective,
    player_params,
    pure,
    remove_pretrained,
)
from gaxjax.gans.acgan import ACGAN
from gaxjax.gans.adversarial import Adversarial
from gaxjax.gans.infogan import InfoGAN
from gaxjax.gans.vae import VAE
from gaxjax.latents import Joint, Latents
from gaxjax.layers.conditioning import Concatenated, Head
from gaxjax.layers.standard import Dense, flatten
from gaxjax.layers.transformed import Transformed
from gaxjax.networks.mlp import GaussianEncoder, Generator
from gaxjax.objectives import Hinge, LeastSquares, Wasserstein
from gaxjax.penalties import R1, Drift
from gaxjax.programs.program import stage_programs
from gaxjax.runs.checkpoint import Checkpoints
from gaxjax.transforms import Clip, Spectral

KEY = jax.random.key(5)
RNGS = {"play": jax.random.split(jax.random.key(2))[0]}
"""What a player of `games.play` draws from."""
SHAPE = (4, 4, 1)
IMAGES = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (6, *SHAPE)), jnp.float32)
LABELS = jnp.array([0, 1, 2, 2, 1, 0])
BATCH = {"image": IMAGES, "label": LABELS}


class Critic(nn.Module):
    """Images -> logits and features, smooth."""

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        features = jnp.tanh(Dense(5)(flatten(x)))
        return {"logits": Dense(1)(features)[:, 0], "features": features}


def log_sigmoid(x: Array) -> Array:
    return -jnp.log1p(jnp.exp(-x))


def cross_entropy(logits: Array, labels: Array) -> Array:
    shares = jnp.exp(logits) / jnp.sum(jnp.exp(logits), axis=1, keepdims=True)
    return -jnp.mean(jnp.log(shares[jnp.arange(len(labels)), labels]))


# In a loop of one's own.


def test_somebodys_own_loop() -> None:
    """No game, no recipe: a generator follows a constant gray through a hinge loss and R1, augmented."""
    adversary = Adversary(Hinge(), penalties=(R1(0.1),), augment=Augment(DIFFERENTIABLE))
    generator, discriminator, rule = Generator(SHAPE, (8,)), Critic(), optax.adam(1e-2, b1=0.5)
    real = jnp.full((6, *SHAPE), 0.5)

    def d_loss(d: Any, g: Any, z: Array, key: Array, step: Array) -> Array:
        fake = generator.apply(g, z)
        return adversary.discriminator_loss(lambda x: discriminator.apply(d, x), real, fake, step, key=key)[0]

    def g_loss(g: Any, d: Any, z: Array, key: Array, step: Array) -> Array:
        fake = generator.apply(g, z)
        return adversary.generator_loss(lambda x: discriminator.apply(d, x), real, fake, step, key=key)[0]

    def train(g: Any, d: Any) -> Any:
        def body(step: Array, carry: Any) -> Any:
            g, d, g_state, d_state = carry
            z_key, key = jax.random.split(jax.random.fold_in(KEY, step))
            z = jax.random.normal(z_key, (6, 3))
            change, d_state = rule.update(jax.grad(d_loss)(d, g, z, key, step), d_state)
            d = optax.apply_updates(d, change)
            change, g_state = rule.update(jax.grad(g_loss)(g, d, z, key, step), g_state)
            return optax.apply_updates(g, change), d, g_state, d_state

        return jax.lax.fori_loop(0, 150, body, (g, d, rule.init(g), rule.init(d)))[0]

    g, d = generator.init(KEY, jnp.ones((1, 3))), discriminator.init(KEY, real)
    z = jax.random.normal(KEY, (64, 3))
    before, after = (float(jnp.mean(generator.apply(p, z))) for p in (g, quick.run(train, g, d)))
    assert abs(before - 0.5) > 0.3 > 0.2 > abs(after - 0.5)


def test_outside_of_a_game_what_draws_needs_a_key() -> None:
    def critic(x: Array) -> Array:
        return jnp.mean(x, axis=(1, 2, 3))

    loss, logs, outputs = Adversary(Wasserstein()).discriminator_loss(critic, IMAGES, IMAGES + 1, 0)
    np.testing.assert_allclose(loss, 1, rtol=1e-5)
    assert set(logs) == {"real_logits", "fake_logits"} and outputs.real["logits"].shape == (6,)
    for adversary in (Adversary(penalties=(Drift(),)), Adversary(augment=Augment((Noise(0.1),)))):
        with pytest.raises(InputError, match="need a key: give key="):
            adversary.discriminator_loss(critic, IMAGES, IMAGES, 0)
    adaptive = Adversary(augment=Augment((Noise(0.1),), target=0.6))
    with pytest.raises(InputError, match="adapts its probability, a variable"):
        adaptive.discriminator_loss(critic, IMAGES, IMAGES, 0, key=KEY)


def test_patches_scales_and_pairs() -> None:
    """Patches lie side by side in the loss, arrays of logits have a loss each, penalties are of examples."""
    real = {"small": jnp.ones((2, 2)), "large": jnp.ones((2, 2, 2))}
    fake = jax.tree.map(jnp.zeros_like, real)

    def critic(x: Any) -> dict[str, Any]:
        return {"logits": {"a": 3 * x["large"], "b": jnp.sum(x["small"], axis=1)}}

    adversary = Adversary(LeastSquares(), penalties=(R1(2.0), Drift(1.0), Drift(0.5)))
    loss, logs, _ = adversary.discriminator_loss(critic, real, fake, 0, key=KEY)
    # Patches of 3 against 1, sums of 2 against 1; slopes are 3 at each of 4 pixels, and 1 at each of 2.
    by_hand = (3 - 1) ** 2 / 2 + (2 - 1) ** 2 / 2
    r1, drift = (4 * 9 + 2 * 1) / 2, (4 * 3 + 2) ** 2
    np.testing.assert_allclose(logs["r1"], r1, rtol=1e-6)
    np.testing.assert_allclose([logs["drift"], logs["drift_2"]], [drift, drift / 2], rtol=1e-6)
    np.testing.assert_allclose(loss, by_hand + r1 + drift * 1.5, rtol=1e-6)
    np.testing.assert_allclose(logs["real_logits"], (3 + 2) / 2)
    with pytest.raises(InputError, match="generator makes examples of shape"):
        adversary.discriminator_loss(critic, real, {**fake, "small": jnp.ones((2, 3))}, 0, key=KEY)


# Games.


def test_acgan_by_hand() -> None:
    gan = ACGAN(
        Concatenated(Generator(SHAPE, (8,), "tanh"), 3), Head(Critic(), "classes", 3), Latents(4), weight=0.7
    )
    state = begin(gan, batch=BATCH)
    fake = gan.apply({"params": state.params}, BATCH, method="fake", rngs=RNGS)
    network: Any = gan.discriminator
    of_real, of_fake = (network.apply({"params": state.params["discriminator"]}, x) for x in (IMAGES, fake))
    classes = cross_entropy(of_real["classes"], LABELS) + cross_entropy(of_fake["classes"], LABELS)
    source = -jnp.mean(log_sigmoid(of_real["logits"])) - jnp.mean(log_sigmoid(-of_fake["logits"]))
    value, logs, _, _ = play(gan, "discriminator", state, BATCH)
    np.testing.assert_allclose(value, source + 0.7 * classes, rtol=1e-5)
    assert {"real_class", "fake_class"} <= set(logs)
    by_hand = -jnp.mean(log_sigmoid(of_fake["logits"])) + 0.7 * cross_entropy(of_fake["classes"], LABELS)
    np.testing.assert_allclose(play(gan, "generator", state, BATCH)[0], by_hand, rtol=1e-5)
    with pytest.raises(InputError, match=r"condition is 'label', .* the data has \['image'\]"):
        begin(gan, batch={"image": IMAGES})


def test_infogan_by_hand() -> None:
    code = Joint((Latents(3, "categorical"), Latents(2, "uniform")))
    gan = InfoGAN(
        Generator(SHAPE, (8,), "tanh"), Head(Critic(), "code", 5, (4,)), Latents(4), code, weight=0.5
    )
    state = begin(gan, batch=BATCH)
    latents = gan.apply({"params": state.params}, BATCH, method="sample_latents", rngs=RNGS)
    assert latents.shape == (6, 9) and np.all(np.sum(latents[:, 4:7], axis=1) == 1)
    fake = gan.apply({"params": state.params}, latents, method="generate")
    network: Any = gan.discriminator
    of_real, of_fake = (network.apply({"params": state.params["discriminator"]}, x) for x in (IMAGES, fake))
    category, q = jnp.argmax(latents[:, 4:7], axis=1), of_fake["code"]
    squares = jnp.mean(jnp.sum((latents[:, 7:] - q[:, 3:]) ** 2, axis=1))
    information = -cross_entropy(q[:, :3], category) - squares / 2 - jnp.log(2 * jnp.pi)
    source = -jnp.mean(log_sigmoid(of_real["logits"])) - jnp.mean(log_sigmoid(-of_fake["logits"]))
    value, logs, _, _ = play(gan, "discriminator", state, BATCH)
    np.testing.assert_allclose(value, source - 0.5 * information, rtol=1e-5)
    np.testing.assert_allclose(logs["information"], information, rtol=1e-5)
    by_hand = -jnp.mean(log_sigmoid(of_fake["logits"])) - 0.5 * information
    np.testing.assert_allclose(play(gan, "generator", state, BATCH)[0], by_hand, rtol=1e-5)


@pytest.mark.parametrize("likelihood", ["bernoulli", "normal"])
def test_vae_by_hand(likelihood: Any) -> None:
    decoder = Generator(SHAPE, (8,), "tanh", output="none")
    gan = VAE(GaussianEncoder(2, (8,)), decoder, Latents(2), likelihood, deviation=0.5)
    state = begin(gan, batch=BATCH)
    encoder: Any = gan.encoder
    mean, log_variance = encoder.apply({"params": state.params["encoder"]}, IMAGES).values()
    key = gan.apply({}, method=lambda gan: gan.make_rng("play"), rngs=RNGS)
    z = mean + jnp.exp(log_variance / 2) * jax.random.normal(key, mean.shape)
    decoded = decoder.apply({"params": state.params["decoder"]}, z)
    if likelihood == "bernoulli":
        p, x = jax.nn.sigmoid(decoded), (IMAGES + 1) / 2
        likely = x * jnp.log(p) + (1 - x) * jnp.log(1 - p)
    else:
        likely = jax.scipy.stats.norm.logpdf(IMAGES, decoded, 0.5)
    kl = -0.5 * jnp.sum(1 + log_variance - mean**2 - jnp.exp(log_variance), axis=1)
    value, logs, _, _ = play(gan, "autoencoder", state, BATCH)
    np.testing.assert_allclose(logs["error"], -jnp.mean(jnp.sum(likely, axis=(1, 2, 3))), rtol=1e-5)
    np.testing.assert_allclose(logs["kl"], jnp.mean(kl), rtol=1e-5)
    np.testing.assert_allclose(value, logs["error"] + logs["kl"], rtol=1e-6)
    images = gan.apply({"params": state.params}, z, method="generate")
    np.testing.assert_allclose(images, decoded if likelihood == "normal" else 2 * p - 1, rtol=1e-5, atol=1e-6)


class Levels(GAN):
    """As many pairs of networks as there are sizes, from two fields."""

    generators: tuple[nn.Module, ...]
    discriminators: tuple[nn.Module, ...]
    players: ClassVar = {"discriminator": ("discriminators",), "generator": ("generators",)}
    averaged: ClassVar = ("generators",)
    adversary: Adversary = Adversary()

    def __call__(self, batch: Batch) -> Any:
        pairs = zip(self.discriminators, self.generators, strict=True)
        return [self.adversary(d, g(batch["image"][:, 0, :, 0])) for d, g in pairs]

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.total(self.adversary.discriminator_loss, batch, step)

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.total(self.adversary.generator_loss, batch, step)

    def total(self, loss_of: Any, batch: Batch, step: Array) -> tuple[Array, Logs]:
        pairs = zip(self.discriminators, self.generators, strict=True)
        z, real = batch["image"][:, 0, :, 0], batch["image"]
        return sum(loss_of(d, real, g(z), step)[0] for d, g in pairs), {}


def test_a_field_may_be_a_tuple_of_networks() -> None:
    gan = Levels(tuple(Generator(SHAPE, (w,)) for w in (4, 5)), (Critic(), Critic()))
    rules, state = sgd(gan), begin(gan, batch=BATCH)
    assert set(state.params) == {"generators_0", "generators_1", "discriminators_0", "discriminators_1"}
    assert set(state.average) == {"generators_0", "generators_1"}
    step = solvers.alternating(gan, rules, dict.fromkeys(gan.players, 1), 10.0)
    moved, _ = quick.run(step, state, {k: jnp.stack([v, v]) for k, v in BATCH.items()}, KEY)
    for name, params in moved.params.items():
        assert not np.allclose(jax.tree.leaves(params)[-1], jax.tree.leaves(state.params[name])[-1]), name


class Pretrained(nn.Module):
    """Features by a matrix that was read from a file."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.variable(PRETRAINED, "kernel", jnp.ones, (16, 3))
        return jnp.tanh(flatten(x) @ kernel.value / 8)


class SuperResolution(GAN):
    """A generator's images must have the features of the real ones, by a network that nobody moves."""

    generator: nn.Module
    discriminator: nn.Module
    features: nn.Module
    adversary: Adversary = Adversary()
    weight: float = 1e-3
    players: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator",)}
    averaged: ClassVar = ("generator",)

    def fake(self, batch: Batch) -> Array:
        return self.generator(flatten(batch["image"]))

    def __call__(self, batch: Batch) -> Any:
        fake = self.fake(batch)
        return self.features(fake), self.adversary(self.discriminator, fake)

    def discriminator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.adversary.discriminator_loss(self.discriminator, batch["image"], self.fake(batch), step)[
            :2
        ]

    def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        fake, real = self.fake(batch), batch["image"]
        loss, logs, _ = self.adversary.generator_loss(self.discriminator, real, fake, step)
        content = jnp.mean((self.features(fake) - self.features(real)) ** 2)
        return content + self.weight * loss, {**logs, "content": content}


def test_a_pretrained_network_is_neither_moved_nor_averaged_nor_saved() -> None:
    gan = SuperResolution(Generator(SHAPE, (8,)), Critic(), Pretrained())
    state = begin(gan, batch=BATCH)
    assert set(state.params) == {"generator", "discriminator"}
    step = solvers.alternating(gan, sgd(gan, 0.5), {"discriminator": 1, "generator": 4}, 10.0)
    moved, _ = quick.run(step, state, {k: jnp.stack([v] * 5) for k, v in BATCH.items()}, KEY)
    np.testing.assert_array_equal(moved.stats[PRETRAINED]["features"]["kernel"], np.ones((16, 3)))
    content = [float(play(gan, "generator", s, BATCH)[1]["content"]) for s in (state, moved)]
    assert content[1] < 0.9 * content[0]
    assert PRETRAINED not in remove_pretrained(moved).stats and PRETRAINED in moved.stats


def test_a_frozen_network_has_no_gradient_and_what_it_is_given_has() -> None:
    class Asking(Adversarial):
        def generator_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
            network = pure if self.condition else frozen
            return jnp.mean(network(self.generator)(self.sample_latents(batch))), {}

    slopes = {}
    for condition in ("", "moving"):
        gan = Asking(
            Generator((2,), (4,)), games.networks()["discriminator"], Latents(3), condition=condition
        )
        state = begin(Adversarial(gan.generator, gan.discriminator, Latents(3)))
        loss = objective(gan, "generator", state, {"image": jnp.ones((4, 2))}, KEY)
        slopes[condition] = quick.run(
            jax.grad(lambda p, loss=loss: loss(p)[0]), player_params(gan, "generator", state.params)
        )
    assert all(np.all(x == 0) for x in jax.tree.leaves(slopes[""]))
    assert any(np.any(x != 0) for x in jax.tree.leaves(slopes["moving"]))


def test_wrapping_moves_no_parameter() -> None:
    """A wrapper's parameters are where the network's own are, and begin as they would."""
    inputs = jnp.ones((4, 2)), jnp.zeros(4, int)
    wrapped = Transformed(Concatenated(Transformed(Critic(), Spectral(), Clip(1.0)), 3)).init(KEY, *inputs)
    plain = Critic().init(KEY, jnp.concatenate([inputs[0], jnp.eye(3)[jnp.zeros(4, int)]], axis=1))
    chex.assert_trees_all_equal(wrapped, plain)


@pytest.mark.parametrize("prior", ["normal", "uniform", "categorical"])
def test_parts_of_latents(prior: Any) -> None:
    joint = Joint((Latents(2), Joint((Latents(3, prior),))))
    drawn = joint.draw(KEY, 1000)
    assert drawn.shape == (1000, joint.size) == (1000, 5)
    first, second = joint.split(drawn)
    np.testing.assert_array_equal(jnp.concatenate([first, second], axis=1), drawn)
    if prior == "categorical":
        assert np.all(np.sort(second, axis=1) == [0, 0, 1])
        np.testing.assert_allclose(np.mean(second, axis=0), 1 / 3, atol=0.07)
        likely = Latents(3, prior).log_likelihood(
            jnp.log(jnp.array([[1.0, 2.0, 1.0]])), jnp.array([[0, 1.0, 0]])
        )
        np.testing.assert_allclose(likely, np.log(1 / 2), rtol=1e-6)
    else:
        value = Latents(3, prior).log_likelihood(jnp.zeros((1, 3)), jnp.array([[0.0, 1.0, 2.0]]))
        np.testing.assert_allclose(
            value, jax.scipy.stats.norm.logpdf(jnp.array([0.0, 1, 2])).sum(), rtol=1e-6
        )


GAME = '''"""A game with a network that is read and never trained."""

from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp

from gaxjax import Adversary, Data, GAN, Optimizer, Recipe
from gaxjax.game import PRETRAINED
from gaxjax.layers import Dense
from gaxjax.networks import mlp


class Features(nn.Module):
    @nn.compact
    def __call__(self, x):
        kernel = self.variable(PRETRAINED, "kernel", jnp.ones, (64, 3))
        return jnp.tanh(x.reshape(len(x), -1) @ kernel.value)


class Restoration(GAN):
    generator: nn.Module
    discriminator: nn.Module
    features: nn.Module = Features()
    adversary: Adversary = Adversary()
    players: ClassVar = {"discriminator": ("discriminator",), "generator": ("generator",)}
    averaged: ClassVar = ("generator",)

    def sample(self, batch, **options):
        return self.generator(batch["image"].reshape(len(batch["image"]), -1)[:, ::8])

    def __call__(self, batch):
        fake = self.sample(batch)
        return self.features(fake), self.adversary(self.discriminator, fake)

    def discriminator_loss(self, batch, step):
        real, fake = batch["image"], self.sample(batch)
        return self.adversary.discriminator_loss(self.discriminator, real, fake, step)[:2]

    def generator_loss(self, batch, step):
        real, fake = batch["image"], self.sample(batch)
        loss, logs, _ = self.adversary.generator_loss(self.discriminator, real, fake, step)
        return loss + jnp.mean((self.features(fake) - self.features(real)) ** 2), logs


recipe = Recipe(
    gan=Restoration(mlp.Generator((8, 8, 1), (8,)), mlp.Discriminator((8,))),
    optimizers={"discriminator": Optimizer(), "generator": Optimizer()},
    data=Data("digits", shape=(8, 8, 1)),
    batch_size=8,
    kimg=0.016,
    checkpoint_kimg=0.016,
    samples=4,
)
'''


def test_a_run_with_a_pretrained_network_goes_on_without_having_saved_it(tmp_path: Path) -> None:
    recipe = runs.write_recipe(tmp_path, GAME)
    command = ["train", str(recipe), "--workdir", str(tmp_path / "run"), "--kimg"]
    assert cli.main([*command, "0.016"]) == cli.main([*command, "0.032"]) == 0
    read, gan, state = gaxjax.load(tmp_path / "run")
    assert type(gan).__name__ == "Restoration" and read.kimg == 0.032 and state.step == 4
    np.testing.assert_array_equal(state.stats[PRETRAINED]["features"]["kernel"], np.ones((64, 3)))
    with Checkpoints(tmp_path / "run" / "checkpoints", writable=False) as checkpoints:
        program = stage_programs(read, spec_of(read.data))[0]
        saved, _ = checkpoints.restore(4, program.saved_carry)
    assert PRETRAINED not in saved.stats and saved.params.keys() == state.params.keys()


def test_an_objective_is_a_value() -> None:
    with pytest.raises(InputError, match=r"a value of gaxjax.objectives, such as Hinge\(\).*; got 'hinge'"):
        Adversary("hinge")  # type: ignore[arg-type]
