"""StyleGAN, the paper's ladder A to F. Karras et al. 2019, arXiv 1812.04948, table 1.

    gaxjax train stylegan --workdir runs/stylegan --data.directory DIR
    gaxjax train stylegan:config_a --workdir runs/config_a --data.directory DIR
    gaxjax train stylegan:config_b --workdir runs/config_b --data.directory DIR
    gaxjax train stylegan:config_c --workdir runs/config_c --data.directory DIR
    gaxjax train stylegan:config_d --workdir runs/config_d --data.directory DIR
    gaxjax train stylegan:config_e --workdir runs/config_e --data.directory DIR
    gaxjax train stylegan:config_f --workdir runs/config_f --data.directory DIR

DIR is a folder of images, such as FFHQ's. The recipe is config F. `--data.shape 256 256 3` ends at 256 px;
`--data.shape 384 512 3 --gan.generator.base 3 4 --gan.discriminator.base 3 4 --growth.first 6` is not square.

Paper, FFHQ at 1024 px, FID of 50,000 samples against 50,000 training images, lowest over the run: A 8.04,
B 5.25, C 4.85, D 4.88, E 4.42, F 4.40. Here: not run at this size; `gaxjax table stylegan-ladder` trains the
ladder at a small one. Parameters: the authors' networks have colors at every size from 4 px on, also where
training begins at 8 px, and with those ours have as many as theirs, generators of 23,079,115 (A, 23.1M in the
paper) and 26,219,627 (F, 26.2M). With the colors of the sizes that F's own stages go through, from 8 px on,
they are 26,218,088, and 23,085,201 of its discriminator; a run keeps those of its last two sizes.

B on: images and features are filtered when they are resized, training begins at 8 px, is longer, and has the
non-saturating loss with R1 in place of WGAN-GP. C: mapping and styles. D: a learned constant in place of the
latents. E: noise. F: mixing.

Differs from the authors' code:
- The crossover of mixed styles is drawn for each image; theirs for each minibatch.
- At each size fade first, then stable; optimizers begin afresh at each size, not at both ends of a fade too.
- Two levels' colors are kept, not those of all sizes.
- R1's own pass through the discriminator; theirs shares the loss's.
- The minibatch of both updates is another one, as everywhere here; theirs is the same.
"""

from dataclasses import replace

from gaxjax.adversary import Adversary
from gaxjax.gans import StyleGAN
from gaxjax.networks.progressive import Discriminator
from gaxjax.networks.style import Generator
from gaxjax.objectives import Nonsaturating, Wasserstein
from gaxjax.penalties import R1, Drift, GradientPenalty
from gaxjax.recipe import Data, Growth, Optimizer, Recipe

SHAPE = (1024, 1024, 3)
adam = Optimizer("adam", 1e-3, b1=0.0, b2=0.99)
growth = Growth(
    first=4,
    fade_kimg=600,
    stable_kimg=600,
    batch_sizes=((4, 512), (8, 256), (16, 128), (32, 64), (64, 32)),
    learning_rates=((4, 0.001), (128, 0.0015), (256, 0.002), (512, 0.003)),
)

config_a = Recipe(
    gan=StyleGAN(
        generator=Generator(SHAPE, modulation="none", start="latents", noise=False, taps=()),
        discriminator=Discriminator(SHAPE),
        adversary=Adversary(Wasserstein(), penalties=(GradientPenalty(10.0), Drift(0.001))),
    ),
    optimizers={"discriminator": adam, "generator": adam},
    data=Data("folder", shape=SHAPE, flip=True),
    batch_size=32,
    kimg=12_000,
    growth=growth,
    sample_kimg=100,
    checkpoint_kimg=200,
)


def changed(recipe: Recipe, **fields: object) -> Recipe:
    """The recipe with other fields of its generator."""
    generator = replace(recipe.gan.generator, **fields)
    return replace(recipe, gan=replace(recipe.gan, generator=generator))


config_b = replace(
    config_a,
    gan=replace(
        config_a.gan,
        generator=replace(config_a.gan.generator, taps=(1, 2, 1)),
        discriminator=Discriminator(SHAPE, taps=(1, 2, 1)),
        adversary=Adversary(Nonsaturating(), penalties=(R1(10.0),)),
    ),
    kimg=25_000,
    growth=replace(growth, first=8),
)
config_c = changed(config_b, modulation="instance")
config_d = changed(config_c, start="constant")
config_e = changed(config_d, noise=True)
config_f = recipe = replace(config_e, gan=replace(config_e.gan, mixing=0.9))
