"""Tiny runs of games with latents: a StyleGAN, and a DCGAN that is told classes."""

from pathlib import Path

import runs

from gaxjax import cli

STYLE = '''"""A StyleGAN of 8 pixels on the digits, with noise that shows after a few steps."""

from gaxjax.gans.stylegan import StyleGAN
from gaxjax.latents import Latents
from gaxjax.networks.progressive import Discriminator
from gaxjax.networks.style import Generator
from gaxjax.recipe import Data, Optimizer, Recipe

SHAPE = (8, 8, 1)
adam = Optimizer("adam", 2e-2, b1=0.0, b2=0.99)
recipe = Recipe(
    gan=StyleGAN(
        Generator(SHAPE, features=16, max_features=8, style_size=8, mapping_layers=2, taps=()),
        Discriminator(SHAPE, features=16, max_features=8),
        Latents(8),
    ),
    optimizers={"discriminator": adam, "generator": adam},
    data=Data("digits", shape=SHAPE),
    batch_size=8,
    kimg=0.08,
    half_life=0,
    samples=4,
)
'''
CONDITIONAL = '''"""A DCGAN of 8 pixels that is told which digit to make."""

from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.layers.conditioning import Concatenated
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.recipe import Data, Optimizer, Recipe

recipe = Recipe(
    gan=Adversarial(
        Concatenated(Generator((8, 8, 1), features=4, depth=1), 10),
        Concatenated(Discriminator(features=4, depth=1, norm="none"), 10),
        Latents(8),
        condition="label",
    ),
    optimizers={"discriminator": Optimizer(), "generator": Optimizer()},
    data=Data("digits", shape=(8, 8, 1)),
    batch_size=8,
    kimg=0.016,
    half_life=0,
    samples=4,
)
'''


def trained(folder: Path, text: str, *flags: str) -> Path:
    """A finished run."""
    recipe = runs.write_recipe(folder, text)
    assert cli.main(["train", str(recipe), "--workdir", str(folder / "run"), *flags]) == 0
    return folder / "run"
