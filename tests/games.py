"""Small games whose answers are known."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
import quick
from jax import Array
from rounding import widest

from gaxjax.game import GAN, PLAY, Batch, Logs, State, Tree, init, objective, player_params
from gaxjax.gans.adversarial import Adversarial
from gaxjax.layers.standard import Dense
from gaxjax.networks import mlp


class Number(nn.Module):
    """One parameter, and nothing else."""

    start: float = 0.0

    @nn.compact
    def __call__(self) -> Array:
        return self.param("value", lambda key: jnp.array(self.start))


class Times(nn.Module):
    """Its input times one parameter."""

    factor: float

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return x * self.param("factor", lambda key: jnp.array(self.factor))


class Constant(nn.Module):
    """Images of one gray, whatever the latents."""

    value: float
    channels: int = 1

    @nn.compact
    def __call__(self, latents: Array) -> Array:
        value = self.param("value", lambda key: jnp.array(self.value))
        return jnp.broadcast_to(value, (latents.shape[0], 2, 2, self.channels))


class Bilinear(GAN):
    """The first player lowers x * y by x, the second raises it by y: they circle around (0, 0)."""

    x: nn.Module = Number(3.0)
    y: nn.Module = Number(4.0)
    players: ClassVar = {"low": ("x",), "high": ("y",)}

    def __call__(self, batch: Batch) -> Any:
        return self.x(), self.y()

    def low_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.x() * self.y(), {}

    def high_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return -self.x() * self.y(), {}


class Chase(GAN):
    """The first player follows the second, a / 2 (d - g)^2; the second lowers d * g."""

    d: nn.Module = Number(3.0)
    g: nn.Module = Number(1.0)
    a: float = 2.0
    players: ClassVar = {"follower": ("d",), "leader": ("g",)}
    averaged: ClassVar = ("g",)

    def __call__(self, batch: Batch) -> Any:
        return self.d(), self.g()

    def follower_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.a / 2 * (self.d() - self.g()) ** 2, {}

    def leader_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.d() * self.g(), {}


class Ledger(GAN):
    """Each player loses its parameter times its minibatch's mean: SGD at rate 1 subtracts what it was given.

    Every move also counts itself, and logs a number drawn for it.
    """

    d: nn.Module = Number()
    g: nn.Module = Number()
    players: ClassVar = {"first": ("d",), "last": ("g",)}
    averaged: ClassVar = ("g",)

    def setup(self) -> None:
        self.moves = self.variable("count", "moves", lambda: jnp.zeros((), jnp.int32))

    def __call__(self, batch: Batch) -> Any:
        return self.d(), self.g()

    def paid(self, batch: Batch, parameter: Array) -> tuple[Array, Logs]:
        self.moves.value += 1
        return parameter * jnp.mean(batch["image"]), {"draw": jax.random.normal(self.make_rng(PLAY))}

    def first_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.paid(batch, self.d())

    def last_loss(self, batch: Batch, step: Array) -> tuple[Array, Logs]:
        return self.paid(batch, self.g())


class Linear(nn.Module):
    """Vectors [B, I] -> [B, *shape], by one matrix."""

    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return Dense(math.prod(self.shape), bias=False)(x).reshape(-1, *self.shape)


class Sketched(nn.Module):
    """Latents -> images [B, *shape], smooth; in the place of a generator whose styles do not matter."""

    shape: tuple[int, ...]
    classes: int = 0

    @nn.compact
    def __call__(self, latents: Array, condition: Tree = None) -> Array:
        return jnp.tanh(Linear(self.shape)(jnp.tanh(Dense(8)(latents))))


class Styled(Adversarial):
    """A generator that draws, with noise, what a mapping made of latents."""

    mapping: nn.Module = Linear((6,))
    noise: float = 1.0
    players: ClassVar = {"discriminator": ("discriminator",), "generator": ("mapping", "generator")}
    averaged: ClassVar = ("mapping", "generator")

    def map_latents(self, latents: Array, condition: Tree = None) -> Array:
        return self.mapping(latents)

    def broadcast_styles(self, w: Array) -> dict[str, Array]:
        return {"layer_0": w}

    def synthesize(self, styles: dict[str, Array]) -> Array:
        made = self.generator(styles["layer_0"])
        return made + self.noise * jax.random.normal(self.make_rng(PLAY), made.shape)

    def generate(self, latents: Array, condition: Tree = None) -> Array:
        return self.synthesize(self.broadcast_styles(self.map_latents(latents)))


def networks() -> dict[str, nn.Module]:
    """A tiny generator and discriminator of points [2], smooth, with which any loss has a gradient."""
    return {
        "generator": mlp.Generator((2,), features=(4,), activation="tanh", output="none"),
        "discriminator": mlp.Discriminator(features=(4,), activation="tanh"),
    }


def sgd(gan: GAN, rate: float = 0.1) -> dict[str, optax.GradientTransformation]:
    """Gradient descent for every player."""
    return {player: optax.sgd(rate) for player in gan.players}


def begin(
    gan: GAN, optimizers: Mapping[str, optax.GradientTransformation] | None = None, batch: Batch | None = None
) -> State:
    """The state before the first step."""
    shape = {"image": jnp.zeros((2, 2))} if batch is None else batch
    return widest(quick.run(lambda key: init(gan, optimizers or sgd(gan), key, shape), jax.random.key(0)))


def values(state: State) -> dict[str, float]:
    """The parameter of each network that is a `Number`."""
    return {name: float(params["value"]) for name, params in state.params.items()}


def play(gan: GAN, player: str, state: State, batch: Any) -> Any:
    """Loss, logs, statistics and gradient of one move."""
    loss = jax.value_and_grad(objective(gan, player, state, batch, jax.random.key(2)), has_aux=True)
    (value, (logs, stats)), gradient = quick.run(loss, player_params(gan, player, state.params))
    return value, logs, stats, gradient
