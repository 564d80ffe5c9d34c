"""WGAN-GP on MNIST. Gulrajani et al. 2017, arXiv 1704.00028; the authors' MNIST script.

    gaxjax train wgan_gp_mnist --workdir runs/wgan_gp --data.directory DIR

Paper: no figure for this set (their script: 200,000 generator updates). Here: no distance measured yet; with
16 features in both networks and --kimg 250 (1,000 generator updates), strokes and some digits.

Five updates of the critic to one of the generator; lengths count the images that the critic sees.

Differs from the authors' code:
- Pixels in [-1, 1] instead of [0, 1]: a gradient of norm 1 is one of norm 2 in their units.
- Samples come from a moving average of the generator.
"""

from gaxjax.adversary import Adversary
from gaxjax.gans import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.objectives import Wasserstein
from gaxjax.penalties import GradientPenalty
from gaxjax.recipe import Data, Optimizer, Recipe

recipe = Recipe(
    gan=Adversarial(
        generator=Generator(
            (28, 28, 1), features=64, depth=3, kernel=5, norm="none", output="sigmoid", deviation=0
        ),
        discriminator=Discriminator(features=64, depth=3, kernel=5, norm="none", deviation=0),
        latents=Latents(128),
        adversary=Adversary(Wasserstein(), penalties=(GradientPenalty(10.0),)),
    ),
    optimizers={
        "discriminator": Optimizer("adam", 1e-4, b1=0.5, b2=0.9, updates=5),
        "generator": Optimizer("adam", 1e-4, b1=0.5, b2=0.9),
    },
    data=Data("mnist", shape=(28, 28, 1)),
    batch_size=50,
    kimg=2_500,
    sample_kimg=100,
    log_kimg=5,
)
