"""Adaptive augmentation of 1,797 built-in handwritten digits. Karras et al. 2020, arXiv 2006.06676.

    gaxjax train ada_digits --workdir runs/ada
    gaxjax train ada_digits:differentiable --workdir runs/diffaugment

Paper: no figure for this set. Here: 200 kimg in 2 minutes on two CPU cores (seed 0). The probability rises
after 45 kimg and is 0.06 to 0.11 from 70 on, 0.09 in the mean, where the mean sign is 0.30; no distance
measured yet.

The quickstart's game, with R1 by the rule of the authors' code, 0.0002 * 16^2 / 32 instead of 0.1. Its
discriminator sees augmented images, real and made: shifts, scales, turns, stretches, brightness and contrast,
each with a probability that rises while more than 65% of the real ones are called real (a mean sign of 0.3),
and falls otherwise; it is logged as discriminator/probability. differentiable: color, translation and cutout,
always (Zhao et al. 2020, arXiv 2006.10738).

Differs from the authors' code, besides the game:
- No mirroring and no quarter turns: the digits have neither; no changes of hue, saturation and luma.
- The target is a mean sign of 0.3 instead of 0.6, which is too much for this small discriminator: in 140 kimg
  with that target its sign settled at 0.41 to 0.46, and the probability stayed below 0.02.
- The probability could go from 0 to 1 in 50 kimg instead of 500, in a run of 200 instead of 25,000.
- Resampling is bilinear, outside an image is its reflection.
"""

from dataclasses import replace

from gaxjax.adversary import Adversary
from gaxjax.augmentations import (
    DIFFERENTIABLE,
    Augment,
    Brightness,
    Contrast,
    FractionalShift,
    Rotation,
    Scale,
    Shift,
    Stretch,
)
from gaxjax.gans import Adversarial
from gaxjax.latents import Latents
from gaxjax.layers import Concatenated
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.penalties import R1
from gaxjax.recipe import Data, Optimizer, Recipe

turn = Rotation(among=2)
transformations = (Shift(), Scale(), turn, Stretch(), turn, FractionalShift(), Brightness(), Contrast())

gan = Adversarial(
    generator=Concatenated(Generator((16, 16, 1), features=32, depth=2), classes=10),
    discriminator=Concatenated(Discriminator(features=32, depth=2, norm="none", deviation=0), classes=10),
    latents=Latents(64),
    condition="label",
    adversary=Adversary(
        penalties=(R1(0.0016),), augment=Augment(transformations, probability=0.0, target=0.3, kimg=50)
    ),
)
recipe = Recipe(
    gan=gan,
    optimizers={
        "discriminator": Optimizer("adam", 1e-3, b2=0.99),
        "generator": Optimizer("adam", 1e-3, b2=0.99),
    },
    data=Data("digits", shape=(16, 16, 1)),
    batch_size=32,
    kimg=200,
    log_kimg=2,
    sample_kimg=10,
    checkpoint_kimg=50,
    samples=100,
)
differentiable = replace(
    recipe, gan=replace(gan, adversary=replace(gan.adversary, augment=Augment(DIFFERENTIABLE)))
)
