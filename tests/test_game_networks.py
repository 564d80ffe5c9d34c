"""A game's networks: in tuples, pretrained, frozen, wrapped."""

from pathlib import Path
from typing import Any, ClassVar

import chex
import flax.linen as nn
import games
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
import runs
from games import begin, play, sgd
from jax import Array
from labelled import BATCH, KEY, SHAPE, SmoothCritic

import gaxjax
from gaxjax import cli, solvers
from gaxjax.adversary import Adversary
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
from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.layers.conditioning import Concatenated, Projected
from gaxjax.layers.standard import flatten
from gaxjax.layers.transformed import Transformed
from gaxjax.networks import progressive, style
from gaxjax.networks.mlp import Generator
from gaxjax.programs.program import stage_programs
from gaxjax.runs.checkpoint import Checkpoints
from gaxjax.transforms import Clip, Spectral


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
    gan = Levels(tuple(Generator(SHAPE, (w,)) for w in (4, 5)), (SmoothCritic(), SmoothCritic()))
    rules, state = sgd(gan), begin(gan, batch=BATCH)
    assert set(state.params) == {"generators_0", "generators_1", "discriminators_0", "discriminators_1"}
    assert set(state.average) == {"generators_0", "generators_1"}
    step = solvers.alternating(gan, rules, dict.fromkeys(gan.players, 1), 10.0)
    moved, _ = quick.run(step, state, {k: jnp.stack([v, v]) for k, v in BATCH.items()}, KEY)
    for name, params in moved.params.items():
        assert not np.allclose(jax.tree.leaves(params)[-1], jax.tree.leaves(state.params[name])[-1]), name


def test_a_list_of_networks_and_one_network_twice_are_refused() -> None:
    generators = tuple(Generator(SHAPE, (w,)) for w in (4, 5))
    critics: Any = [SmoothCritic(), SmoothCritic()]
    with pytest.raises(InputError, match=r"Levels.discriminators is a list; networks stand in a tuple"):
        begin(Levels(generators, critics), batch=BATCH)
    twice = r"left out \['discriminators_1'\]: discriminators_0 and discriminators_1 are one instance"
    with pytest.raises(InputError, match=twice):
        begin(Levels(generators, (critics[0], critics[0])), batch=BATCH)


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
    gan = SuperResolution(Generator(SHAPE, (8,)), SmoothCritic(), Pretrained())
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
    network = Transformed(SmoothCritic(), Spectral(), Clip(1.0))
    wrapped = Transformed(Concatenated(network, 3)).init(KEY, *inputs)
    plain = SmoothCritic().init(KEY, jnp.concatenate([inputs[0], jnp.eye(3)[jnp.zeros(4, int)]], axis=1))
    chex.assert_trees_all_equal(wrapped, plain)


@pytest.mark.parametrize(
    "network",
    [
        Concatenated(SmoothCritic(), 2),
        Projected(SmoothCritic(), 2),
        progressive.Discriminator(SHAPE, features=4, classes=2),
        style.Generator(SHAPE, features=4, classes=2, style_size=2, mapping_layers=1),
    ],
)
def test_a_label_past_the_classes_is_refused(network: nn.Module) -> None:
    x = jnp.ones((3, *((4,) if isinstance(network, style.Generator) else SHAPE)))
    for labels in (jnp.array([0, 1, 2]), np.array([0, -1, 1])):
        with pytest.raises(InputError, match=r"label (2|-1) is none of 2 classes, which are 0 to 1: set"):
            network.init({"params": KEY, "play": KEY}, x, labels)


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
