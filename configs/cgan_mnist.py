"""Conditional GAN on MNIST. Mirza and Osindero 2014, arXiv 1411.1784, section 4.1.

    gaxjax train cgan_mnist --workdir runs/cgan_mnist --data.directory DIR
    gaxjax sample runs/cgan_mnist --label 7

Paper: Parzen-window log-likelihood 132 +- 1.8 of 1,000 samples a class [secondary]. Here: not measured yet
(gaxjax table mirza2014).

Differs from the paper:
- It stops where the likelihood of validation images is the best, without a word when; here: 100 epochs.
- Its initial kernels are not known: these are Goodfellow et al.'s, but for the discriminator's layer of the
  label, whose input is a single 1.
- Its noise is from the unit hypercube; here from [-1, 1].
- Samples come from a moving average of the generator.
"""

from gaxjax.gans import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.conditional import Generator, MaxoutDiscriminator
from gaxjax.recipe import Data, Exponential, Linear, Optimizer, Recipe

# Per update, the learning rate is divided by 1.00004: halved every ln 2 / ln 1.00004 updates of 100 images.
HALF_LIFE_KIMG = 1_732.9
# The momentum rises over 250 epochs of the 50,000 training images, as Goodfellow et al. have it.
rate, momentum = Exponential(0.1, HALF_LIFE_KIMG, floor=1e-6), Linear(0.5, 0.7, 0, 12_500)

recipe = Recipe(
    gan=Adversarial(
        generator=Generator((28, 28, 1)),
        discriminator=MaxoutDiscriminator(),
        latents=Latents(100, "uniform"),
        condition="label",
    ),
    optimizers={
        "discriminator": Optimizer("sgd", rate, momentum),
        "generator": Optimizer("sgd", rate, momentum),
    },
    data=Data("mnist", shape=(28, 28, 1), split="train[:50000]"),
    batch_size=100,
    kimg=5_000,
    log_kimg=10,
    sample_kimg=250,
    checkpoint_kimg=500,
    samples=100,
)
