"""Networks with transforms and bounds of their weights: in a game, in wrappers, in a loop of one's own."""

from collections.abc import Callable
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from games import begin
from jax import Array
from labelled import BATCH, KEY, LABELS, SHAPE, SmoothCritic

from gaxjax.errors import InputError
from gaxjax.game import transformed_weights
from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.layers import Concatenated, Dense, Equalized, Head, Projected, RealOrClass, Transformed
from gaxjax.layers.standard import flatten
from gaxjax.networks import progressive, style
from gaxjax.networks.mlp import Generator
from gaxjax.transforms import Clip, Equalize, Spectral

BOUND = float(np.float32(0.01))
CRITIC = Transformed(SmoothCritic(), Spectral(100), Clip(BOUND))


class Halved(nn.Module):
    """A wrapper of somebody's own, with a layer besides."""

    critic: nn.Module

    @nn.compact
    def __call__(self, x: Array, *condition: Array) -> Any:
        outputs = self.critic(x, *condition)
        return {**outputs, "logits": outputs["logits"] / 2 + Dense(1)(outputs["features"])[:, 0]}


class Shared(nn.Module):
    """One that shares its network's scope, and does not say so."""

    critic: nn.Module

    def setup(self) -> None:
        nn.share_scope(self, self.critic)

    def __call__(self, x: Array) -> Any:
        return self.critic(x)


class Inside(nn.Module):
    """One that makes a transformed network where it is called."""

    @nn.compact
    def __call__(self, x: Array) -> Any:
        return Transformed(Dense(1), Spectral())(flatten(x))[:, 0]


def game(discriminator: nn.Module, **fields: Any) -> Adversarial:
    generator: nn.Module = Generator(SHAPE, (4,))
    generator = Concatenated(generator, 3) if fields else generator
    return Adversarial(generator, discriminator, Latents(3), **fields)


def kernels(tree: Any) -> list[Array]:
    """Of the critic, wherever it is: they come to 5 features and 1 logit."""
    return [x for x in jax.tree.leaves(tree) if x.ndim == 2 and x.shape[0] in (16, 19, 5)][:2]


LABELLED = {"condition": "label"}
WRAPPED: dict[str, tuple[nn.Module, dict[str, Any], Callable[[Any], Any]]] = {
    "itself": (CRITIC, {}, lambda tree: tree),
    "twice": (Transformed(CRITIC), {}, lambda tree: tree),
    "concatenated": (Concatenated(CRITIC, 3), LABELLED, lambda tree: tree),
    "head": (Head(CRITIC, "code", 2), {}, lambda tree: tree["network"]),
    "projected": (Projected(CRITIC, 3), LABELLED, lambda tree: tree["network"]),
    "real or class": (RealOrClass(CRITIC, 3), {}, lambda tree: tree["network"]),
    "deep": (
        Head(Concatenated(Head(CRITIC, "b", 1), 3), "code", 2),
        LABELLED,
        lambda tree: tree["network"]["network"],
    ),
    "of one's own": (Halved(CRITIC), {}, lambda tree: tree["critic"]),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_transforms_and_bounds_hold_in_every_wrapper(name: str) -> None:
    """Kernels of norm 1 as they are seen, within the bound as they are kept; what is around stays itself."""
    network, fields, inside = WRAPPED[name]
    gan = game(network, **fields)
    state = begin(gan, batch=BATCH)
    kept = state.params["discriminator"]
    seen = gan.weights(state.params, jnp.int32(0))["discriminator"]
    assert max(float(jnp.abs(x).max()) for x in jax.tree.leaves(inside(kept))) == BOUND
    for kernel in kernels(inside(seen)):
        np.testing.assert_allclose(np.linalg.norm(kernel, 2), 1, rtol=1e-4)
    own = {"Dense_0": kept["Dense_0"]} if inside(kept) is not kept and "Dense_0" in kept else {}
    assert all(seen[name] is tree and jnp.abs(tree["kernel"]).max() > BOUND for name, tree in own.items())
    # The same by the network alone, which nobody has told of a game.
    arguments = (BATCH["image"], *([LABELS] if fields else []))
    with transformed_weights():
        expected = network.apply({"params": seen}, *arguments)
    alone = network.apply({"params": kept}, *arguments)
    chex.assert_trees_all_close(alone, expected, rtol=1e-5, atol=1e-6)


def test_nested_transforms_compose() -> None:
    """The outer one comes last, and holds: a gain is no gain of a kernel of norm 1."""
    network = Transformed(Transformed(Dense(2), Equalize()), Spectral(100))
    params = network.init(KEY, jnp.ones((1, 3)))["params"]
    assert abs(np.linalg.norm(params["kernel"], 2) - 1) > 0.01
    np.testing.assert_allclose(np.linalg.norm(network.weights(params, 0)["kernel"], 2), 1, rtol=1e-4)
    gained = Transformed(Transformed(Dense(2), Spectral(100)), Equalize())
    norm = np.linalg.norm(gained.weights(params, 0)["kernel"], 2)
    np.testing.assert_allclose(norm, (2 / 3) ** 0.5, rtol=1e-4)


def test_what_a_game_cannot_find_is_refused() -> None:
    with pytest.raises(InputError, match=r"Shared has Transformed as its critic, whose project .*Wrapper"):
        begin(game(Shared(CRITIC)), batch=BATCH)
    with pytest.raises(InputError, match=r"Transformed is made inside of Inside.*make it a field"):
        begin(game(Inside()), batch=BATCH)
    # By itself there is nobody who would have to find it.
    params = Inside().init(KEY, BATCH["image"])
    assert np.abs(Inside().apply(params, BATCH["image"])).max() < np.linalg.norm(BATCH["image"][0]) * 2


def test_gradients_are_of_the_weights_that_are_kept() -> None:
    """In a loop of one's own as in a game: at right angles to a kernel whose length does not count."""
    network = Transformed(Dense(1, bias=False), Spectral())
    x = jnp.array([[1.0, 0.0], [0.0, 2.0]])

    def total(kernel: Array) -> Any:
        return jnp.sum(network.apply({"params": {"kernel": kernel}}, x))

    value, slope = jax.value_and_grad(total)(jnp.array([[3.0], [4.0]]))
    np.testing.assert_allclose(value, 3 / 5 + 2 * 4 / 5, rtol=1e-5)
    assert abs(slope[:, 0] @ jnp.array([3.0, 4.0])) < 1e-6 < jnp.abs(slope).max()


IMAGES = jax.random.normal(KEY, (4, 8, 8, 1))
LATENTS = IMAGES[:, 0, :, 0]


@pytest.mark.parametrize(
    ("network", "x"),
    [
        (progressive.Discriminator((8, 8, 1), features=16), IMAGES),
        (
            style.Generator((8, 8, 1), features=16, style_size=4, mapping_layers=1, noise=False),
            IMAGES[:, 0, :, 0],
        ),
    ],
)
def test_equalized_networks_are_so_in_any_game(network: Any, x: Array) -> None:
    """Their kernels are kept unscaled; who calls them as they are is told."""
    variables = network.init(KEY, x)
    params = variables["params"]
    generator = isinstance(network, style.Generator)
    critic = progressive.Discriminator((8, 8, 1), features=16)
    gan = Adversarial(network if generator else Generator((8, 8, 1), (4,)), critic, Latents(8))
    name = "generator" if generator else "discriminator"
    seen = gan.weights({name: params, "other": 1}, jnp.int32(3))
    chex.assert_trees_all_equal(seen, {name: network.effective_params(params), "other": 1})
    with pytest.warns(UserWarning, match=r"unscaled kernels, N\(0, 1\) at first: call .*Equalized"):
        raw = network.apply(variables, x)
    with transformed_weights():
        expected = network.apply({**variables, "params": seen[name]}, x)
    found = Equalized(network).apply(variables, x)
    chex.assert_trees_all_close(found, expected, rtol=1e-5, atol=1e-5)
    leaves = jax.tree.leaves
    assert not np.allclose(leaves(raw)[-1], leaves(expected)[-1], rtol=0.1)
