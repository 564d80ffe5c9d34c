"""DRAGAN on MNIST. Kodali et al. 2017, arXiv 1705.07215.

    gaxjax train dragan_mnist --workdir runs/dragan --data.directory DIR
    gaxjax train dragan_mnist:paper_noise --workdir runs/dragan_paper --data.directory DIR

Paper: no figure for this set that could be compared. The penalty of 10 on slopes other than 1 around real
images, and the noise to one side, half the standard deviation of the minibatch at most, are the authors'
code; paper_noise is the paper's text, normal noise to all sides, of 10 gray levels of 255, which is our
reading of its c. Adam at 1e-4 with b1 = 0.5 and b2 = 0.9, minibatches of 128 and latents of 100, U[-1, 1],
are those of the authors' notebook. Here: no distance measured yet.

Differs from the authors' code (a notebook on toy sets; theirs for images is not known to us):
- DCGAN's networks at 28 px; no norm in the discriminator, whose slopes are penalized example by example.
- Samples come from a moving average of the generator.
"""

from dataclasses import replace

from gaxjax.adversary import Adversary
from gaxjax.gans import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.penalties import DRAGAN
from gaxjax.recipe import Data, Optimizer, Recipe

gan = Adversarial(
    generator=Generator((28, 28, 1), features=64, depth=2),
    discriminator=Discriminator(features=64, depth=2, norm="none", deviation=0),
    latents=Latents(100, "uniform"),
    adversary=Adversary(penalties=(DRAGAN(10.0, noise="code"),)),
)
recipe = Recipe(
    gan=gan,
    optimizers={
        "discriminator": Optimizer("adam", 1e-4, b1=0.5, b2=0.9),
        "generator": Optimizer("adam", 1e-4, b1=0.5, b2=0.9),
    },
    data=Data("mnist", shape=(28, 28, 1)),
    batch_size=128,
    kimg=2_500,
    sample_kimg=100,
    log_kimg=5,
)
# Ten gray levels are 10 / 127.5 where images reach from -1 to 1.
paper_noise = replace(
    recipe,
    gan=replace(gan, adversary=Adversary(penalties=(DRAGAN(10.0, noise="paper", scale=10 / 127.5),))),
)
