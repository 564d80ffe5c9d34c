"""What is compared: games of gaxjax's own recipes, at sizes whose steps take a CPU seconds at most."""

import runpy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gaxjax.game import GAN, State, init
from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.layers.modules import set_fields
from gaxjax.networks import dcgan
from gaxjax.recipe.optimizers import Optimizer
from gaxjax.solvers import Alternating, Simultaneous, Solver

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


@dataclass(frozen=True)
class Case:
    """One game and how it is played."""

    gan: GAN
    optimizers: dict[str, Optimizer]
    batch: int
    """examples of a minibatch"""
    shapes: dict[str, tuple[int, ...]]
    """name in the batch -> (H, W, C), or (T, H, W, C) of clips"""
    solver: Solver = Alternating()
    half_life: float = 10_000
    """of the moving average, in images"""
    phases: dict[str, tuple[int, float]] = field(default_factory=lambda: {"": (0, 1.0)})
    """steps that differ by their lazy penalties: name -> (number of such a step, share of all steps)"""

    @property
    def turns(self) -> list[tuple[str, ...]]:
        """Who moves at once, in order of play: one minibatch for each."""
        if isinstance(self.solver, Simultaneous):
            return [tuple(self.gan.players)]
        return [(player,) for player in self.gan.players for _ in range(self.optimizers[player].updates)]

    def gan_in(self, precision: str) -> GAN:
        """The game with networks of that precision, where that is a field of theirs."""
        return set_fields(self.gan, precision=precision)

    def rules(self) -> dict[str, optax.GradientTransformation]:
        """The optimizers as optax has them."""
        return {player: rule.build(self.batch) for player, rule in self.optimizers.items()}

    def minibatches(self) -> dict[str, np.ndarray]:
        """Random images in [-1, 1], [minibatches, B, H, W, C], for every step the same."""
        random = np.random.default_rng(0)
        return {
            # Noise, as steps cost the same whatever the images show; nothing is downloaded or decoded.
            name: random.uniform(-1, 1, (len(self.turns), self.batch, *shape)).astype(np.float32)
            for name, shape in self.shapes.items()
        }

    def state(self) -> State:
        """The first state, but for what hides a mistake: parameters that are all zero, or all alike.

        Biases, scales of noise and constants vary, and pools of images are full.
        """
        shapes = {
            name: jax.ShapeDtypeStruct((self.batch, *s), jnp.float32) for name, s in self.shapes.items()
        }
        state = jax.device_get(
            jax.jit(lambda key: init(self.gan, self.rules(), key, shapes))(jax.random.key(0))
        )
        # Zero biases and equal scales would hide a bias that is added twice, or a scale of the wrong channel.
        random = np.random.default_rng(1)

        def perturb(leaf: np.ndarray) -> np.ndarray:
            first = leaf.flat[0]
            noise = random.normal(0, max(0.1, abs(first)), leaf.shape).astype(np.float32)
            # Only what is all alike: initial kernels differ from entry to entry already.
            return leaf + noise if np.all(leaf == first) else np.array(leaf)

        def fill_pool(path: Any, leaf: np.ndarray) -> np.ndarray:
            name = jax.tree_util.keystr(path)
            # Full from the start: while it fills, images come back as they are, and the exchange would not be
            # compared.
            if "count" in name:
                return np.array(self.gan.pool, np.int32)
            return random.uniform(-1, 1, leaf.shape).astype(np.float32)

        params = jax.tree.map(perturb, state.params)
        stats = {
            name: jax.tree_util.tree_map_with_path(fill_pool, tree) if name == "pool" else tree
            for name, tree in state.stats.items()
        }
        average = {name: jax.tree.map(np.copy, params[name]) for name in state.average}
        return state._replace(params=params, stats=stats, average=average)


def load_config(name: str, variant: str = "recipe") -> Any:
    """The recipe of that name in a file in configs/."""
    return runpy.run_path(str(CONFIGS / f"{name}.py"))[variant]


def gan_2014(small: bool, batch: int = 0) -> Case:
    """The networks of 2014, both moved at once; rates and momentum as they begin, constant."""
    gan = load_config("gan_mnist").gan
    if small:
        gan = replace(
            gan,
            generator=replace(gan.generator, features=(32, 32), shape=(8, 8, 1)),
            discriminator=replace(gan.discriminator, features=(12, 12)),
        )
    # Schedules change a number per step and no cost.
    rules = {"discriminator": Optimizer("sgd", 0.05, b1=0.5), "generator": Optimizer("sgd", 0.1, b1=0.5)}
    shapes = {"image": gan.generator.shape}
    return Case(gan, rules, batch or (10 if small else 100), shapes, solver=Simultaneous())


def dcgan_64(small: bool, batch: int = 0) -> Case:
    """DCGAN at 64 px with 64 channels next to the image."""
    shape, features = ((16, 16, 3), 8) if small else ((64, 64, 3), 64)
    depth = 2 if small else 4
    gan = Adversarial(
        dcgan.Generator(shape, features=features, depth=depth),
        dcgan.Discriminator(features=features, depth=depth),
    )
    rules = {"discriminator": Optimizer(), "generator": Optimizer()}
    return Case(gan, rules, batch or (4 if small else 32), {"image": shape})


def wgan_gp(small: bool, batch: int = 0) -> Case:
    """WGAN-GP, five updates of the critic, at 32 px: DCGAN's networks, the critic's without norm."""
    found = load_config("wgan_gp_mnist")
    shape, features, depth = ((16, 16, 3), 8, 2) if small else ((32, 32, 3), 64, 3)
    gan = replace(
        found.gan,
        generator=dcgan.Generator(shape, features=features, depth=depth),
        # Batch norm would make one example's gradient depend on others, which the penalty takes one by one.
        discriminator=dcgan.Discriminator(features=features, depth=depth, norm="none", deviation=0),
    )
    return Case(gan, found.optimizers, batch or (4 if small else 64), {"image": shape})


def cyclegan(small: bool, batch: int = 0) -> Case:
    """CycleGAN at 64 px."""
    found = load_config("cyclegan_facades")
    gan, shape = found.gan, (64, 64, 3)
    if small:
        shape = (16, 16, 3)
        fields = {"generator": {"features": 4, "blocks": 1}, "discriminator": {"features": 4, "patch": 16}}
        names = [name for networks in gan.players.values() for name in networks]
        networks = {name: replace(getattr(gan, name), **fields[name.split("_")[0]]) for name in names}
        gan = replace(gan, **networks, pool=6)
    # Of the first half of a run, in which the rate is constant.
    optimizers = {player: Optimizer() for player in gan.players}
    return Case(gan, optimizers, batch or (2 if small else 4), {"a": shape, "b": shape})


def pix2pix(small: bool, batch: int = 0) -> Case:
    """pix2pix at 64 px, with dropout."""
    found = load_config("pix2pix_facades")
    gan, shape = found.gan, (64, 64, 3)
    if small:
        shape = (16, 16, 3)
        generator = replace(gan.generator, features=4, depth=4)
        discriminator = replace(gan.discriminator, features=4, patch=16)
        gan = replace(gan, generator=generator, discriminator=discriminator)
    return Case(gan, found.optimizers, batch or (2 if small else 4), {"a": shape, "b": shape})


def srresnet(small: bool, batch: int = 0) -> Case:
    """The paper's SRResNet, from 24 to 96 px, by the error of pixels; a quarter of its minibatch."""
    stage = load_config("srgan", "paper").stages[0]
    gan, side = stage.gan, 24
    if small:
        gan, side = replace(gan, generator=replace(gan.generator, features=4, blocks=2)), 6
    shapes = {"a": (side, side, 3), "b": (4 * side, 4 * side, 3)}
    return Case(gan, stage.optimizers, batch or (2 if small else 4), shapes)


def stylegan(small: bool, batch: int = 0) -> Case:
    """StyleGAN at 32 px, R1 at every 8th step."""
    found = load_config("stylegan_small")
    gan = resize_stylegan(found.gan, (8, 8, 1), 32, 8, 8) if small else found.gan
    phases = {"A step without R1": (1, 7 / 8), "A step with R1": (0, 1 / 8)}
    batch = batch or (4 if small else 16)
    return Case(gan, found.optimizers, batch, {"image": gan.generator.shape}, phases=phases)


def stylegan2(small: bool, batch: int = 0) -> Case:
    """StyleGAN2 at 64 px with 128 channels at most, path length at every 4th step, R1 at every 16th."""
    found = load_config("stylegan2")
    sizes = ((8, 8, 3), 32, 8, 8) if small else ((64, 64, 3), 1024, 128, 128)
    gan = resize_stylegan(found.gan, *sizes)
    phases = {
        "A step without penalties": (1, 12 / 16),
        "A step with path length": (4, 3 / 16),
        "A step with path length and R1": (0, 1 / 16),
    }
    batch = batch or (4 if small else 8)
    return Case(gan, found.optimizers, batch, {"image": gan.generator.shape}, phases=phases)


def resize_stylegan(gan: Any, shape: tuple[int, int, int], features: int, most: int, style_size: int) -> Any:
    """A StyleGAN of that size."""
    sizes = {"shape": shape, "features": features, "max_features": most}
    return replace(
        gan,
        generator=replace(gan.generator, **sizes, style_size=style_size),
        discriminator=replace(gan.discriminator, **sizes),
        latents=Latents(style_size),
    )


def vgan(small: bool, batch: int = 0) -> Case:
    """VGAN of two streams, 32 frames of 64 px."""
    found = load_config("vgan_shapes")
    gan, shape = found.gan, found.data.shape
    if small:
        shape, sizes = (4, 16, 16, 3), {"features": 4, "depth": 2}
        generator = replace(gan.generator, shape=shape, **sizes)
        gan = replace(gan, generator=generator, discriminator=replace(gan.discriminator, **sizes))
    return Case(gan, found.optimizers, batch or 2, {"video": shape})


def clips(small: bool, batch: int = 0) -> Case:
    """Clips of one stream, 16 frames of 64 px, and the discriminator of MoCoGAN without its categories."""
    found, shape = load_config("mocogan_shapes"), (16, 64, 64, 3)
    gan = load_config("vgan_shapes", "one_stream").gan
    generator, discriminator = gan.generator, found.gan.video_discriminator.network
    if small:
        shape = (8, 16, 16, 3)
        generator = replace(generator, features=4, depth=2)
        discriminator = replace(discriminator, features=4, depth=2)
    gan = replace(gan, generator=replace(generator, shape=shape), discriminator=discriminator)
    rules = {player: Optimizer() for player in gan.players}
    return Case(gan, rules, batch or 2, {"video": shape})


CASES: dict[str, Callable[[bool, int], Case]] = {
    "mlp": gan_2014,
    "dcgan": dcgan_64,
    "wgan_gp": wgan_gp,
    "cyclegan": cyclegan,
    "pix2pix": pix2pix,
    "srresnet": srresnet,
    "stylegan": stylegan,
    "stylegan2": stylegan2,
    "vgan": vgan,
    "clips": clips,
}
"""By name; of whether to be small, for tests, and of the examples of a minibatch, 0 for its own number."""
