"""ProGAN, grown from 4 to 1024 px. Karras et al. 2018, arXiv 1710.10196.

    gaxjax train progan --workdir runs/progan --data.directory DIR
    gaxjax train progan:cifar10 --workdir runs/progan_cifar10 --data.directory DIR

DIR holds a prepared celeb_a_hq/1024, or is a folder of images with --data.name folder; a run with
`--data.shape 256 256 3` ends at 256 px, whatever the networks' own shape says.

Paper: CelebA-HQ at 1024 px, FID 7.30 [memory]; CIFAR-10 inception score 8.80 +- .05, best of several runs.
Here: no number; configs/progan_small.py is the one for a small machine.

The settings are those of the paper's own runs (the authors' Theano code): 16 images a minibatch, fewer from
256 px on; 800 + 800 kimg at each size, 19,000 in all. Its average of the generator's parameters, 0.999 a step
of 16 images, is a half-life of 11,085 images.

Differs from the authors' code:
- At each size fade first, then stable; optimizers begin afresh at each size, not at both ends of a fade too.
- The standard deviation of a minibatch is of groups of 4, as in their TensorFlow code; in Theano of all.
- The learning rate does not ramp up over the first 40 kimg after each change.
- Two levels' colors are kept, not those of all sizes that were grown through.
- Downsampling comes before the bias and leaky ReLU of its convolution, as in their fused TensorFlow code.
- The minibatch of both updates is another one, as everywhere here; theirs is the same.
"""

from dataclasses import replace

from gaxjax.adversary import Adversary
from gaxjax.gans import StyleGAN
from gaxjax.latents import Latents
from gaxjax.networks.progressive import Discriminator
from gaxjax.networks.style import Generator
from gaxjax.objectives import Wasserstein
from gaxjax.penalties import Drift, GradientPenalty
from gaxjax.recipe import Data, Growth, Optimizer, Recipe

SHAPE = (1024, 1024, 3)
adam = Optimizer("adam", 1e-3, b1=0.0, b2=0.99)
generator = Generator(SHAPE, modulation="none", start="latents", noise=False, taps=())

recipe = Recipe(
    gan=StyleGAN(
        generator=generator,
        discriminator=Discriminator(SHAPE),
        adversary=Adversary(Wasserstein(), penalties=(GradientPenalty(10.0), Drift(0.001))),
    ),
    optimizers={"discriminator": adam, "generator": adam},
    data=Data("celeb_a_hq/1024", shape=SHAPE, flip=True),
    batch_size=16,
    kimg=19_000,
    half_life=11_085,
    growth=Growth(
        first=4,
        fade_kimg=800,
        stable_kimg=800,
        batch_sizes=((4, 16), (256, 14), (512, 6), (1024, 3)),
    ),
    sample_kimg=100,
    checkpoint_kimg=200,
)

SMALL = (32, 32, 3)
TARGET = 750.0
"""The slope that is asked for; the penalty is of its multiples, hence the weight."""
cifar10 = replace(
    recipe,
    gan=replace(
        recipe.gan,
        generator=replace(generator, shape=SMALL, features=4096, max_features=128),
        discriminator=Discriminator(SMALL, features=4096, max_features=128),
        latents=Latents(128),
        adversary=replace(
            recipe.gan.adversary, penalties=(GradientPenalty(10.0 / TARGET**2, target=TARGET), Drift(0.001))
        ),
    ),
    data=Data("cifar10", shape=SMALL),
    kimg=20_000,
    growth=Growth(first=4, fade_kimg=400, stable_kimg=400),
)
