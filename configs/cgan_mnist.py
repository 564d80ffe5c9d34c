"""Conditional GAN on MNIST. Mirza and Osindero 2014, arXiv 1411.1784, section 4.1.

    gaxjax train cgan_mnist --workdir runs/cgan_mnist --data.directory DIR
    gaxjax train cgan_mnist:sgd --workdir runs/cgan_sgd --data.directory DIR    # the paper's optimizer
    gaxjax sample runs/cgan_mnist --label 7

Paper: Parzen-window log-likelihood 132 +- 1.8 of 1,000 samples a class [secondary]. Here: 159.4 +- 1.4, and
98.6% of the samples are of the class that was asked for (gaxjax table mirza2014 --budget paper; 1,500 kimg,
seed 0, 30 minutes on two CPU cores beside other work, 2026-11-30).

Differs from the paper:
- Adam, not SGD with a momentum that rises, which is cgan_mnist:sgd: with that, and dropout in both networks,
  all samples were still one image, whatever the label, after 150 kimg.
- A penalty R1(1) and no dropout. With dropout digits came and were not those of their label for 300 kimg;
  without the penalty the discriminator won, and 40% of the samples were of their class after 550 kimg.
- It stops where the likelihood of validation images is the best, without a word when; here: 30 epochs.
- Its initial kernels are not known. The label's layer of the discriminator begins with larger ones than the
  image's: its input is a single 1, and would hardly be felt beside a hundred bright pixels.
- Its noise is from the unit hypercube; here from [-1, 1].
- Samples come from a moving average of the generator.
"""

from dataclasses import replace

from gaxjax.adversary import Adversary
from gaxjax.gans import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.conditional import Generator, MaxoutDiscriminator
from gaxjax.penalties import R1
from gaxjax.recipe import Data, Exponential, Linear, Optimizer, Recipe

recipe = Recipe(
    gan=Adversarial(
        generator=Generator((28, 28, 1)),
        discriminator=MaxoutDiscriminator(label_bound=1.0, dropout=0.0),
        latents=Latents(100, "uniform"),
        adversary=Adversary(penalties=(R1(1.0),)),
        condition="label",
    ),
    optimizers={
        "discriminator": Optimizer("adam", 1e-3, b1=0.5),
        "generator": Optimizer("adam", 5e-4, b1=0.5),
    },
    data=Data("mnist", shape=(28, 28, 1), split="train[:50000]"),
    batch_size=100,
    kimg=1_500,
    log_kimg=10,
    sample_kimg=25,
    checkpoint_kimg=50,
    samples=100,
)

# Per update, the learning rate is divided by 1.00004: halved every ln 2 / ln 1.00004 updates of 100 images.
# The momentum rises over 250 epochs of the 50,000 training images, as Goodfellow et al. have it.
momentum = Optimizer("sgd", Exponential(0.1, 1_732.9, floor=1e-6), Linear(0.5, 0.7, 0, 12_500))
sgd = replace(
    recipe,
    gan=replace(recipe.gan, discriminator=MaxoutDiscriminator(), adversary=Adversary()),
    optimizers={"discriminator": momentum, "generator": momentum},
)
