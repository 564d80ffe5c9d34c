"""DCGAN on the built-in handwritten digits (UCI / scikit-learn, 1,797 images).

    gaxjax train configs/quickstart.py --workdir runs/quickstart
"""

from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.recipe import Data, Optimizer, Recipe

recipe = Recipe(
    gan=Adversarial(
        generator=Generator((16, 16, 1), features=32, depth=2),
        discriminator=Discriminator(features=32, depth=2),
        latents=Latents(64),
    ),
    optimizers={"discriminator": Optimizer(), "generator": Optimizer()},
    data=Data("digits", shape=(16, 16, 1)),
    batch_size=64,
    kimg=300,
    sample_kimg=20,
    log_kimg=2,
    checkpoint_kimg=100,
    samples=100,
)
