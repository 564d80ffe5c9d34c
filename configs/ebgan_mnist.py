"""Energy-based GAN on MNIST, fully connected. Zhao et al. 2017, arXiv 1609.03126, section 4.1.

    gaxjax train ebgan_mnist --workdir runs/ebgan --data.directory DIR
    gaxjax train ebgan_mnist:pulling_away --workdir runs/ebgan_pt --data.directory DIR

Paper: a histogram of modified Inception scores over 512 settings, no figure of one of them. This is one of
its grid: two hidden layers of 800 in the generator, an encoder of one layer of 256, a decoder of one layer,
Adam at 1e-3, margin 10. pulling_away adds 0.1 times that term of the codes (section 2.4). Here: no distance
measured yet.

Differs from the paper, whose code was not published:
- Activations, latents, minibatches and b1 are our choice.
- Samples come from a moving average of the generator.
"""

from dataclasses import replace

from gaxjax import objectives
from gaxjax.adversary import Adversary
from gaxjax.gans import Adversarial
from gaxjax.networks.autoencoder import EnergyDiscriminator
from gaxjax.networks.mlp import Autoencoder, Generator
from gaxjax.recipe import Data, Optimizer, Recipe

SHAPE = (28, 28, 1)

gan = Adversarial(
    generator=Generator(SHAPE, features=(800, 800)),
    discriminator=EnergyDiscriminator(Autoencoder(SHAPE, features=(256,))),
    adversary=Adversary(objectives.Energy(margin=10)),
)
recipe = Recipe(
    gan=gan,
    optimizers={"discriminator": Optimizer("adam", 1e-3), "generator": Optimizer("adam", 1e-3)},
    data=Data("mnist", shape=SHAPE),
    batch_size=100,
    kimg=2_500,
    sample_kimg=100,
    log_kimg=5,
)
pulling_away = replace(
    recipe, gan=replace(gan, adversary=Adversary(objectives.Energy(margin=10, pulling_away=0.1)))
)
