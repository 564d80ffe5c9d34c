"""What Goodfellow et al. 2014 prove of the game, beside what the package's own game and losses come to.

arXiv 1406.2661, sections 3 and 4. Data and generator are normal distributions, so that every answer is known:
only the discriminator learns, and the generator's optimizer changes nothing.
"""

import csv
import io
import math
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from gaxjax.adversary import Adversary
from gaxjax.files import write_bytes
from gaxjax.game import State, init, judge, objective, player_params
from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.losses import minimax_generator, nonsaturating_generator
from gaxjax.networks.mlp import Discriminator
from gaxjax.objectives import Minimax
from gaxjax.pictures.images import new_figure, save_figure
from gaxjax.solvers import alternating

# Eight deviations: what lies outside weighs 1e-15, so sums along the line are the integrals.
LINE = np.linspace(-8, 8, 3_201)
SURE = 1e-3
"""A D(G(z)) at which the discriminator is sure of a fake."""
BATCH, MANY = 1_024, 1 << 17
"""Examples of a minibatch, and of an expectation."""


class Row(NamedTuple):
    """One claim."""

    claim: str
    known: float
    ours: float
    measured: str
    """how"""


class Affine(nn.Module):
    """Normal latents [B, 1] -> normal points [B, 1] of another deviation and mean."""

    @nn.compact
    def __call__(self, latents: Array) -> Array:
        one = self.param("deviation", lambda _: jnp.ones(()))
        return one * latents + self.param("mean", lambda _: jnp.zeros(()))


# The package's own game, and no copy of it: the claims are about what users train.
GAME = Adversarial(Affine(), Discriminator((64, 64), "tanh"), Latents(1), Adversary(Minimax()))


@jax.jit
def train_discriminator(mean: float, deviation: float, seed: int, steps: int) -> State:
    """The game in which D alone has moved: the data are N(0, 1), the generator stays N(mean, deviation^2)."""
    optimizers = {
        # Falling to 0: the theorem is of D at its optimum, around which a constant rate would jitter.
        "discriminator": optax.adam(lambda count: 3e-3 * (1 - count / steps)),
        # G moves, but nowhere: the step is the one that trains, with both players.
        "generator": optax.set_to_zero(),
    }
    begin, play, data = jax.random.split(jax.random.key(seed), 3)
    state = init(GAME, optimizers, begin, {"image": jnp.zeros((BATCH, 1))})
    generator = {"deviation": jnp.float32(deviation), "mean": jnp.float32(mean)}
    state = state._replace(params={**state.params, "generator": generator})
    step = alternating(GAME, optimizers, dict.fromkeys(GAME.players, 1))

    def one(number: Array, state: State) -> State:
        # [minibatches, batch, D]: one minibatch for each player.
        examples = jax.random.normal(jax.random.fold_in(data, number), (2, BATCH, 1))
        return step(state, {"image": examples}, play)[0]

    # All steps in one program: a step is so small that sending it off would take longer.
    return jax.lax.fori_loop(0, steps, one, state)


def normal_density(mean: float, deviation: float) -> np.ndarray:
    """The density along the line."""
    return np.exp(-0.5 * ((LINE - mean) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))


def mean_difference(state: State, best: np.ndarray, weight: np.ndarray) -> float:
    """The mean absolute difference of D along the line to what it should be."""
    learned = judge(GAME, state, {"image": LINE[:, None].astype(np.float32)})["D"]
    return float(np.sum(weight * np.abs(np.asarray(learned) - best)) / np.sum(weight))


def value(state: State, seed: int) -> float:
    """V(D, G) = E log D(x) + E log(1 - D(G(z))) (equation 1): the loss of D with its sign changed."""
    data, play = jax.random.split(jax.random.key(seed + 1))
    batch = {"image": jax.random.normal(data, (MANY, 1))}
    # By the loss itself, so that its sign and its means are tested along with D.
    loss, _ = objective(GAME, "discriminator", state, batch, play)(
        player_params(GAME, "discriminator", state.params)
    )
    return -float(loss)


def best_value(data: np.ndarray, model: np.ndarray) -> float:
    """The maximum over D of V, -log 4 + 2 JSD(p_data, p_g) (theorem 1), of densities along the line."""
    # JSD is the mean of both divergences to the middle; theorem 1 has it twice.
    middle = (data + model) / 2

    def divergence(p: np.ndarray) -> float:
        # 0 log 0 is 0, where densities have underflowed.
        positive = p > 0
        return float(np.sum(p[positive] * np.log(p[positive] / middle[positive])) * (LINE[1] - LINE[0]))

    return -math.log(4) + divergence(data) + divergence(model)


def slope(loss: Any, probability: float) -> float:
    """|dL/dl| of a generator's loss at the one logit l with sigmoid(l) = D(G(z)) = probability."""
    logit = math.log(probability / (1 - probability))
    return float(jnp.abs(jax.grad(loss)(jnp.array([logit]))[0]))


def claims(seed: int = 0, steps: int = 1_000) -> list[Row]:
    """Every claim, computed."""
    mean, deviation = 1.5, 0.7
    data, model = normal_density(0, 1), normal_density(mean, deviation)
    frozen, equal = (
        train_discriminator(mean, deviation, seed, steps),
        train_discriminator(0.0, 1.0, seed, steps),
    )
    both = "mean over (p_data + p_g) / 2, along a line"
    expected = f"minus D's loss of {MANY:,} examples of each"
    grad = f"jax.grad of the loss, by the logit, at D(G(z)) = {SURE:g}"
    return [
        Row(
            f"G fixed, N({mean}, {deviation}^2): D comes to p_data / (p_data + p_g); mean difference",
            0.0,
            mean_difference(frozen, data / (data + model), (data + model) / 2),
            both,
        ),
        Row("and V to -log 4 + 2 JSD(p_data, p_g)", best_value(data, model), value(frozen, seed), expected),
        Row(
            "p_g = p_data = N(0, 1): D comes to 1/2; mean difference",
            0.0,
            mean_difference(equal, 0.5 * np.ones_like(data), data),
            both,
        ),
        Row("and V to -log 4", -math.log(4), value(equal, seed), expected),
        Row(
            "D sure of a fake: the minimax loss of G has no slope", SURE, slope(minimax_generator, SURE), grad
        ),
        Row("and the non-saturating one has", 1 - SURE, slope(nonsaturating_generator, SURE), grad),
    ]


def draw_gradients(path: Path) -> Path:
    """Both losses of G and the size of their gradients, over D(G(z))."""
    logits = jnp.linspace(-10, 10, 301)
    probabilities = jax.nn.sigmoid(logits)
    figure, axes = new_figure(1, 2)
    names = {
        "minimax, log(1 - D)": (minimax_generator, "C3"),
        "non-saturating, -log D": (nonsaturating_generator, "C0"),
    }
    for name, (loss, color) in names.items():
        values, slopes = jax.vmap(jax.value_and_grad(loss))(logits[:, None])
        axes[0, 0].plot(probabilities, values, color=color, label=name)
        axes[0, 1].plot(probabilities, jnp.abs(slopes[:, 0]), color=color, label=name)
    axes[0, 0].set(ylim=(-7, 7), xlim=(0, 1), ylabel="loss of G", title="losses")
    axes[0, 1].set(
        xscale="log", xlim=(1e-4, 1), ylim=(0, 1.05), ylabel="|d loss / d logit|", title="gradients"
    )
    axes[0, 1].axvline(SURE, color="0.7", linestyle=":", linewidth=1)
    axes[0, 1].text(SURE * 1.15, 0.5, "D is sure\nof a fake", color="0.4")
    for axis in axes.flat:
        axis.set(xlabel="D(G(z))")
    axes[0, 0].legend(loc="upper center")
    return save_figure(figure, path)


def make(out: Path, seed: int = 0, steps: int = 1_000) -> str:
    """Computes every claim and what is known of it: OUT/theory.md, .csv and gradients.png.

    Args:
        out: directory of the table
        seed: of the games
        steps: moves of D, of 1,024 examples each
    """
    rows = claims(seed, steps)
    lines = ["| claim | known | ours | measured |", "|---|---|---|---|"]
    lines += [f"| {row.claim} | {row.known:.4f} | {row.ours:.4f} | {row.measured} |" for row in rows]
    text = "\n".join(lines) + "\n"
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([Row._fields, *rows])
    write_bytes(out / "theory.md", text.encode())
    write_bytes(out / "theory.csv", table.getvalue().encode())
    draw_gradients(out / "gradients.png")
    return text
