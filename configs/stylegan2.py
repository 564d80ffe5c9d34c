"""StyleGAN2, the paper's ladder A to F. Karras et al. 2020, arXiv 1912.04958, table 1.

    gaxjax train stylegan2 --workdir runs/stylegan2 --data.directory DIR
    gaxjax train stylegan2:config_a --workdir runs/config_a --data.directory DIR
    gaxjax train stylegan2:config_b --workdir runs/config_b --data.directory DIR
    gaxjax train stylegan2:config_c --workdir runs/config_c --data.directory DIR
    gaxjax train stylegan2:config_d --workdir runs/config_d --data.directory DIR
    gaxjax train stylegan2:config_e --workdir runs/config_e --data.directory DIR
    gaxjax train stylegan2:config_f --workdir runs/config_f --data.directory DIR

DIR is a folder of images, such as FFHQ's. The recipe is config F. A run with `--data.shape 256 256 3` is at
256 px.

Paper, FFHQ at 1024 px, FID of 50,000 samples against 50,000 training images, lowest over the run: A 4.40,
B 4.39, C 4.38, D 4.34, E 3.31, F 2.84. Here: not run. Parameters of F: 30,370,060 and 29,012,513 at 1024 px,
30.0M and 28.9M at 256 px.

A is StyleGAN. B: kernels are (de)modulated in place of AdaIN. C: R1 at every 16th step, 16 times as strong.
D: path length regularization. E: no growing, a generator with skips and a residual discriminator. F: larger.

Differs from the authors' code:
- Lazy penalties are added to the loss of their step: one move of Adam, where theirs makes one for each. So
  Adam's numbers are not corrected for the additional moves.
- Path length is of fresh latents with mixed styles, at the step of the loss; R1 has its own pass through the
  discriminator.
- The crossover of mixed styles is drawn for each image; theirs for each minibatch.
- A to D grow as configs/stylegan.py says.
- The minibatch of both updates is another one, as everywhere here; theirs is the same.
"""

from dataclasses import replace

from gaxjax.adversary import Adversary
from gaxjax.gans import PathLength, StyleGAN
from gaxjax.networks.progressive import Discriminator
from gaxjax.networks.style import Generator
from gaxjax.penalties import R1, Lazy
from gaxjax.recipe import Data, Growth, Optimizer, Recipe

SHAPE = (1024, 1024, 3)


def adam(rate: float) -> dict[str, Optimizer]:
    """Both players' rule."""
    return dict.fromkeys(("discriminator", "generator"), Optimizer("adam", rate, b1=0.0, b2=0.99))


config_a = Recipe(
    gan=StyleGAN(
        generator=Generator(SHAPE),
        discriminator=Discriminator(SHAPE, taps=(1, 2, 1)),
        mixing=0.9,
        adversary=Adversary(penalties=(R1(10.0),)),
    ),
    optimizers=adam(0.001),
    data=Data("folder", shape=SHAPE, flip=True),
    batch_size=32,
    kimg=25_000,
    growth=Growth(
        first=8,
        batch_sizes=((8, 256), (16, 128), (32, 64), (64, 32)),
        learning_rates=((8, 0.001), (128, 0.0015), (256, 0.002), (512, 0.003)),
    ),
    sample_kimg=100,
    checkpoint_kimg=200,
)
modulated = Generator(SHAPE, modulation="weights", taps=(1, 3, 3, 1), scaled=True)
config_b = replace(config_a, gan=replace(config_a.gan, generator=modulated))
config_c = replace(
    config_b,
    gan=replace(config_b.gan, adversary=Adversary(penalties=(Lazy(R1(10.0), 16),))),
)
config_d = replace(config_c, gan=replace(config_c.gan, path_length=PathLength(2.0)))
residual = Discriminator(SHAPE, taps=(1, 3, 3, 1), design="residual", scaled=True)
config_e = replace(
    config_d,
    gan=replace(
        config_d.gan,
        generator=replace(modulated, output="skip"),
        discriminator=residual,
        adversary=Adversary(penalties=(Lazy(R1(100.0), 16),)),
    ),
    optimizers=adam(0.002),
    growth=Growth(first=1024),
)
config_f = recipe = replace(
    config_e,
    gan=replace(
        config_e.gan,
        generator=replace(modulated, output="skip", features=16384),
        discriminator=replace(residual, features=16384),
        adversary=Adversary(penalties=(Lazy(R1(10.0), 16),)),
    ),
)
