"""ProGAN at 32 px on Fashion-MNIST, for two CPU cores. Karras et al. 2018, arXiv 1710.10196.

    gaxjax train progan_small --workdir runs/progan_small --data.directory DIR

Paper: no number for this set. Here: FID-classifier-fashion_mnist of 18.4 after 120 kimg (10,000 samples, test
images; seed 0, 14 minutes on two CPU cores beside other work, 2026-11-26); most samples can be named.

The game of configs/progan.py with small networks (256 / 2^(level + 1) channels, 64 at most) and short phases,
10 kimg of fading and 10 after it at each size, and twice its learning rate; its differences from the authors'
code are said there.
"""

from gaxjax.adversary import Adversary
from gaxjax.gans import StyleGAN
from gaxjax.latents import Latents
from gaxjax.networks.progressive import Discriminator
from gaxjax.networks.style import Generator
from gaxjax.objectives import Wasserstein
from gaxjax.penalties import Drift, GradientPenalty
from gaxjax.recipe import Data, Growth, Optimizer, Recipe

SHAPE = (32, 32, 1)
adam = Optimizer("adam", 2e-3, b1=0.0, b2=0.99)

recipe = Recipe(
    gan=StyleGAN(
        generator=Generator(
            SHAPE,
            features=256,
            max_features=64,
            modulation="none",
            start="latents",
            noise=False,
            taps=(),
        ),
        discriminator=Discriminator(SHAPE, features=256, max_features=64),
        latents=Latents(64),
        adversary=Adversary(Wasserstein(), penalties=(GradientPenalty(10.0), Drift(0.001))),
    ),
    optimizers={"discriminator": adam, "generator": adam},
    data=Data("fashion_mnist", shape=SHAPE),
    batch_size=16,
    kimg=120,
    growth=Growth(first=4, fade_kimg=10, stable_kimg=10),
    sample_kimg=10,
    checkpoint_kimg=20,
    samples=100,
)
