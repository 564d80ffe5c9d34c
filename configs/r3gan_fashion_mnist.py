"""R3GAN's objective on Fashion-MNIST at 32 px. Huang et al. 2024, arXiv 2501.05441.

    gaxjax train r3gan_fashion_mnist --workdir runs/r3gan --data.directory DIR

Paper: no figure for this set. Here: no distance measured yet.

The relativistic loss of pairs with R1 and R2 at every step. The authors' gamma for CIFAR-10, 0.05 with
minibatches of 512, is 0.2 here with 128: it goes with one over the minibatch in the rule of StyleGAN2-ADA's
code.

Differs from the authors' code (CIFAR-10 with labels):
- DCGAN's networks without a norm in the discriminator, instead of their residual ones: the objective alone is
  theirs, not the result.
- The learning rate (theirs falls from 2e-4 to 5e-5), b2 (theirs rises from 0.9 to 0.99), gamma (theirs falls
  to a tenth) and the average's half-life are constant.
- No augmentation, no labels, no mirrored images.
"""

from gaxjax.adversary import Adversary
from gaxjax.gans import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.objectives import RelativisticPaired
from gaxjax.penalties import R1, R2
from gaxjax.recipe import Data, Optimizer, Recipe

recipe = Recipe(
    gan=Adversarial(
        generator=Generator((32, 32, 1), features=64, depth=3, norm="none", output="none", deviation=0),
        discriminator=Discriminator(features=64, depth=3, norm="none", deviation=0),
        latents=Latents(64),
        adversary=Adversary(RelativisticPaired(), penalties=(R1(0.2), R2(0.2))),
    ),
    optimizers={
        "discriminator": Optimizer("adam", 2e-4, b1=0, b2=0.99),
        "generator": Optimizer("adam", 2e-4, b1=0, b2=0.99),
    },
    data=Data("fashion_mnist", shape=(32, 32, 1), fit="resize"),
    batch_size=128,
    kimg=3_000,
    sample_kimg=50,
    log_kimg=5,
)
