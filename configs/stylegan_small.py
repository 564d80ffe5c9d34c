"""StyleGAN at 32 px on Fashion-MNIST, for two CPU cores. Karras et al. 2019, arXiv 1812.04948.

    gaxjax train stylegan_small --workdir runs/stylegan_small --data.directory DIR

Paper: no number for this set. Here: after 160 kimg (seed 0, 27 minutes on two CPU cores beside other work,
2026-11-25) most samples are shoes, boots, trousers and shirts that one can name. With --kimg 200:
FID-classifier-fashion_mnist 47.9 (10,000 samples, test images), and by 2,000 paths of pixels PPL-z-full
4001 +- 185, PPL-w-full 1360 +- 58, PPL-z-end 3647 +- 170, PPL-w-end 743 +- 27; linear separability by the
same classifier's classes 7.27 in z, 1.60 in w. So w is flatter and better separated than z, as in the paper.

The game of configs/stylegan.py:config_f with small networks (256 / 2^(level + 1) channels, 64 at most, w of
64) and short phases, 20 kimg of fading and 20 after it at each size. R1 is 1 where it is 10 at 1024 px, since
slopes are of fewer pixels, and lazy, at every 8th step. Its other differences from the authors' code are said
there.
"""

from gaxjax.adversary import Adversary
from gaxjax.gans import StyleGAN
from gaxjax.latents import Latents
from gaxjax.networks.progressive import Discriminator
from gaxjax.networks.style import Generator
from gaxjax.penalties import R1, Lazy
from gaxjax.recipe import Data, Growth, Optimizer, Recipe

SHAPE = (32, 32, 1)
SIZE = 64
adam = Optimizer("adam", 1e-3, b1=0.0, b2=0.99)

recipe = Recipe(
    gan=StyleGAN(
        generator=Generator(SHAPE, features=256, max_features=SIZE, style_size=SIZE),
        discriminator=Discriminator(SHAPE, features=256, max_features=SIZE, taps=(1, 2, 1)),
        latents=Latents(SIZE),
        mixing=0.9,
        adversary=Adversary(penalties=(Lazy(R1(1.0), every=8),)),
    ),
    optimizers={"discriminator": adam, "generator": adam},
    data=Data("fashion_mnist", shape=SHAPE),
    batch_size=32,
    kimg=160,
    growth=Growth(first=8, fade_kimg=20, stable_kimg=20),
    sample_kimg=20,
    checkpoint_kimg=50,
    samples=100,
)
