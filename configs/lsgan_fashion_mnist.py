"""Least squares GAN on Fashion-MNIST at 32 px. Mao et al. 2017, arXiv 1611.04076.

    gaxjax train lsgan_fashion_mnist --workdir runs/lsgan --data.directory DIR
    gaxjax train lsgan_fashion_mnist:pearson --workdir runs/pearson --data.directory DIR

Paper: no figure for this set; targets 0 for made and 1 for real images (eq. 9), as in the authors' code for
scenes. pearson: -1 and 1, and 0 for the generator, which is Pearson's chi^2 (eq. 8). Adam at 2e-4 and
minibatches of 64 are those of the authors' comparison of stability. Here: no distance measured yet.

Differs from the authors' code (scenes at 112 px):
- DCGAN's networks at 32 px, with 4 x 4 kernels; theirs have two generator layers at most sizes and 5 x 5.
- Latents of 100, N(0, 1), instead of 1,024, U[-1, 1].
- The loss is half the mean over the minibatch, as in the paper; theirs is half the sum.
- Samples come from a moving average of the generator.
"""

from dataclasses import replace

from gaxjax.adversary import Adversary
from gaxjax.gans import Adversarial
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.objectives import LeastSquares
from gaxjax.recipe import Data, Optimizer, Recipe

gan = Adversarial(
    generator=Generator((32, 32, 1), features=64, depth=3),
    discriminator=Discriminator(features=64, depth=3),
    adversary=Adversary(LeastSquares()),
)
recipe = Recipe(
    gan=gan,
    optimizers={"discriminator": Optimizer("adam", 2e-4), "generator": Optimizer("adam", 2e-4)},
    data=Data("fashion_mnist", shape=(32, 32, 1), fit="resize"),
    batch_size=64,
    kimg=1_500,
    sample_kimg=50,
    log_kimg=5,
)
pearson = replace(recipe, gan=replace(gan, adversary=Adversary(LeastSquares(a=-1, b=1, c=0))))
