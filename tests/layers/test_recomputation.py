"""Blocks that are computed again: everything stays as it was, but for the memory."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import quick
from jax import Array
from rounding import widest

from gaxjax import game
from gaxjax.adversary import Adversary
from gaxjax.gans.adversarial import Adversarial
from gaxjax.gans.cyclegan import CycleGAN
from gaxjax.gans.mocogan import MoCoGAN
from gaxjax.gans.msg_gan import MSGGAN
from gaxjax.gans.path_length import PathLength
from gaxjax.gans.stylegan import StyleGAN
from gaxjax.latents import Latents
from gaxjax.layers.conditioning import Head
from gaxjax.layers.recomputation import apply_block
from gaxjax.layers.standard import Conv, Dense, Dropout, activate, flatten
from gaxjax.networks import dcgan, mocogan, msg, progressive, style, translation, unet
from gaxjax.objectives import FeatureMatching
from gaxjax.parallel import compiler
from gaxjax.penalties import DRAGAN, R1, GradientPenalty

SHAPE, SIZE, BATCH = (8, 8, 2), 5, 2


class Dropping(nn.Module):
    """Blocks with dropout, and a method of its own that is asked for by name."""

    recompute: bool = False

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        for _ in range(2):
            x = apply_block(self, self.recompute, self.dropped, x)
        return {"logits": Dense(1)(flatten(x))[:, 0], "features": flatten(x)}

    @staticmethod
    def dropped(_: nn.Module, x: Array) -> Array:
        return Dropout(0.3)(activate(Conv(3)(x), "leaky_relu"))


STYLE = style.Generator(SHAPE, features=16, style_size=SIZE, mapping_layers=1)
STYLE2 = replace(STYLE, modulation="weights", taps=(1, 3, 3, 1), scaled=True, output="skip")
PROGAN = replace(STYLE, modulation="none", start="latents", noise=False, taps=(), fading=True)
LEVELS = progressive.Discriminator(SHAPE, features=16)
NETWORKS: dict[str, nn.Module] = {
    "progan": PROGAN,
    "style": replace(STYLE, fading=True),
    "style2": STYLE2,
    "half": replace(STYLE2, precision="bfloat16"),
    "plain": replace(LEVELS, fading=True),
    "skip": replace(LEVELS, design="skip"),
    "residual": replace(LEVELS, design="residual", taps=(1, 3, 3, 1), scaled=True),
    "one level": replace(LEVELS, shape=(4, 4, 2)),
    "dcgan generator": dcgan.Generator(SHAPE, features=4, depth=3),
    "dcgan discriminator": dcgan.Discriminator(features=4, depth=3, minibatch_kernels=2),
    "layer norm": dcgan.Discriminator(features=4, depth=2, norm="layer"),
    "translation": translation.ResidualGenerator(2, features=4, blocks=2),
    "with batch norm": translation.ResidualGenerator(2, features=4, blocks=2, norm="batch"),
    "patches": translation.PatchDiscriminator(features=4, patch=34),
    "unet": unet.UNet(2, features=2, depth=2),
    "dropout": Dropping(),
}
ADAPTED = dcgan.Generator(SHAPE, features=4, depth=2)
GAMES: dict[str, game.GAN] = {
    "batch norm": Adversarial(
        ADAPTED, dcgan.Discriminator(features=4, depth=2), Latents(SIZE), Adversary(FeatureMatching())
    ),
    "dropout": Adversarial(ADAPTED, Dropping(), Latents(SIZE), adversary=Adversary(penalties=(DRAGAN(),))),
    "progan": StyleGAN(
        PROGAN,
        NETWORKS["plain"],
        Latents(SIZE),
        fade=(0, 4),
        adversary=Adversary(penalties=(GradientPenalty(),)),
    ),
    "style2": StyleGAN(
        STYLE2,
        NETWORKS["residual"],
        Latents(SIZE),
        mixing=0.5,
        path_length=PathLength(2.0, every=2),
        adversary=Adversary(penalties=(R1(),)),
    ),
    "msg": MSGGAN(
        replace(STYLE, output="every"),
        msg.Discriminator(SHAPE, features=16, taps=(1, 2, 1), combine="cat_lin"),
        Latents(SIZE),
        Adversary(penalties=(R1(),)),
    ),
    "translation": CycleGAN(
        *[translation.ResidualGenerator(2, features=2, blocks=1) for _ in range(2)],
        *[translation.PatchDiscriminator(features=2, patch=16) for _ in range(2)],
        pool=2,
    ),
    "mocogan": MoCoGAN(
        mocogan.Motion(),
        replace(ADAPTED, shape=(8, 8, 2)),
        mocogan.Discriminator(features=4, depth=2, patch=True),
        Head(mocogan.Discriminator(features=4, depth=1), "code", 2),
        frames=4,
        code=Latents(2, "categorical"),
    ),
}
KEY = jax.random.key(3)
CLIPS = jax.random.uniform(jax.random.key(8), (BATCH, 4, 8, 8, 2), minval=-1.0)
IMAGES = jax.random.uniform(jax.random.key(4), (2, BATCH, *SHAPE), minval=-1.0)
RNGS = {"params": KEY, game.PLAY: jax.random.key(5), game.DROPOUT: jax.random.key(6)}


def again(module: Any) -> Any:
    """The same with every network's blocks computed again."""
    fields = {name: value for name, value in vars(module).items() if isinstance(value, nn.Module)}
    fields = {name: again(value) for name, value in fields.items() if name not in ("parent", "augment")}
    return replace(module, **fields, **({"recompute": True} if hasattr(module, "recompute") else {}))


def input_of(network: Any) -> Array:
    if "Generator" in type(network).__name__ and not hasattr(network, "blocks"):
        return jax.random.normal(jax.random.key(7), (BATCH, SIZE))
    return IMAGES[0, :, : network.shape[0], : network.shape[1]] if hasattr(network, "shape") else IMAGES[0]


def some_slow(names: Iterable[str], *slow: str) -> list[Any]:
    """The names, of which some take long and run on request."""
    return [pytest.param(name, marks=[pytest.mark.slow] * (name in slow)) for name in names]


@pytest.mark.parametrize("name", some_slow(NETWORKS, "progan", "style2", "plain", "skip", "one level"))
def test_parameters_outputs_and_statistics_are_the_same_bits(name: str) -> None:
    network = NETWORKS[name]
    x = input_of(network)

    def both(network: nn.Module) -> Callable[[Array], Any]:
        def run(x: Array) -> Any:
            variables = network.init(RNGS, x)
            rngs = {name: RNGS[name] for name in (game.PLAY, game.DROPOUT)}
            with game.transformed_weights():
                outputs = network.apply(variables, x, rngs=rngs, mutable=[*variables, "intermediates"])
            return variables, outputs

        return run

    expected, found = quick.run(both(network), x), quick.run(both(again(network)), x)
    chex.assert_trees_all_equal(found, expected)
    assert jax.tree.structure(found) == jax.tree.structure(expected)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "name", some_slow(GAMES, "batch norm", "progan", "style2", "msg", "translation", "mocogan")
)
def test_losses_gradients_and_what_they_leave_behind_are_the_same(name: str) -> None:
    """Also those of penalties, which are gradients of gradients, and through `game.pure`; in float64."""
    gan = GAMES[name]
    kinds = {"translation": {"a": IMAGES[0], "b": IMAGES[1]}, "mocogan": {"video": CLIPS}}
    batch = kinds.get(name, {"image": IMAGES[0]})

    def moved(gan: game.GAN) -> Callable[[], Any]:
        def run() -> Any:
            rules = dict.fromkeys(gan.players, optax.sgd(0.1))
            state, seen = widest((game.init(gan, rules, KEY, batch), batch))
            found = {}
            for player in gan.players:
                loss = game.objective(gan, player, state, seen, KEY)
                mine = game.player_params(gan, player, state.params)
                found[player] = jax.value_and_grad(loss, has_aux=True)(mine)
            return found

        return run

    expected, found = quick.run(moved(gan)), quick.run(moved(again(gan)))
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    chex.assert_trees_all_close(found, expected, rtol=1e-9, atol=1e-9)
    gradients = [np.abs(x).max() for x in jax.tree.leaves([grad for _, grad in found.values()])]
    assert max(gradients) > 0


def loss_of(network: nn.Module, variables: Any, x: Array) -> Callable[[Any], Array]:
    def loss(params: Any) -> Array:
        rngs = {name: RNGS[name] for name in (game.PLAY, game.DROPOUT)}
        with game.transformed_weights():
            outputs = network.apply({**variables, "params": params}, x, rngs=rngs, mutable=list(variables))[0]
        return jnp.mean(jnp.square(game.output_of(outputs, "logits").astype(jnp.float32)))

    return loss


DEEP: dict[str, nn.Module] = {
    "style2": replace(STYLE2, shape=(64, 64, 3), features=64),
    "residual": replace(LEVELS, shape=(64, 64, 3), features=64, design="residual"),
    "dcgan": dcgan.Generator((64, 64, 3), features=4, depth=4),
    "translation": translation.ResidualGenerator(3, features=4, blocks=4),
}


@pytest.mark.parametrize("name", some_slow(DEEP, "style2", "translation"))
def test_less_is_kept_for_the_backward_pass(name: str) -> None:
    """What the pullback holds, whatever a compiler makes of it; and what the compiled gradient needs."""
    x = jnp.zeros((BATCH, 64, 64, 3)) if name in ("residual", "translation") else input_of(DEEP[name])
    kept, compiled = [], []
    for network in (DEEP[name], again(DEEP[name])):
        variables = jax.eval_shape(network.init, RNGS, x)
        zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), variables)
        loss = loss_of(network, zeros, x)
        pullback = jax.eval_shape(lambda params, loss=loss: jax.vjp(loss, params)[1], zeros["params"])
        leaves = [leaf for leaf in jax.tree.leaves(pullback) if jnp.issubdtype(leaf.dtype, jnp.floating)]
        own = sum(leaf.nbytes for leaf in jax.tree.leaves(zeros["params"]))
        kept.append(sum(leaf.size * leaf.dtype.itemsize for leaf in leaves) - own)
        lowered = jax.jit(jax.grad(loss)).lower(zeros["params"])
        options = {**quick.OPTIONS, **compiler.options()}
        compiled.append(lowered.compile(options).memory_analysis().temp_size_in_bytes)
    assert kept[1] < 0.75 * kept[0]
    assert compiled[1] < compiled[0]
