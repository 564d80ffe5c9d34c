"""Tiny runs of games with latents: a StyleGAN, a DCGAN that is told classes, and an InfoGAN."""

from pathlib import Path

import pytest
import runs
import tiny

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
CODED = '''"""An InfoGAN of 8 pixels, with a category and two continuous codes, on the first 1,400 digits."""

from gaxjax.gans.infogan import InfoGAN
from gaxjax.latents import Joint, Latents
from gaxjax.layers.conditioning import Head
from gaxjax.networks.mlp import Discriminator, Generator
from gaxjax.recipe import Data, Optimizer, Recipe

code = Joint((Latents(10, "categorical", name="digit"), Latents(2, "uniform")))
recipe = Recipe(
    gan=InfoGAN(
        Generator((8, 8, 1), features=(16,)),
        Head(Discriminator(features=(16,)), "code", code.size),
        Latents(4),
        code,
    ),
    optimizers={"discriminator": Optimizer(), "generator": Optimizer()},
    data=Data("digits", shape=(8, 8, 1), split="train[:1400]"),
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


def trained_once(factory: pytest.TempPathFactory, name: str, text: str) -> Path:
    """A finished run for all tests of the session; not to be changed."""
    return tiny.make_once(factory, name, lambda home: trained(home, text)) / "run"
