"""DCGAN on Fashion-MNIST at 32 px. Radford et al. 2016, arXiv 1511.06434.

    gaxjax train dcgan_fashion_mnist --workdir runs/dcgan --data.directory DIR

Paper: no figure for this set. Here: no distance measured yet; with 32 features in both networks and
--kimg 128 (1,000 steps, two CPU cores), trousers, shirts and shoes can be told apart.

Differs from the authors' code (faces at 64 px):
- Three doublings to 32 px instead of four to 64, 64 channels before the image instead of 128.
- 4 x 4 kernels instead of 5 x 5; latents N(0, 1) instead of U[-1, 1]; no L2 penalty on weights.
- Samples come from a moving average of the generator.
"""

from gaxjax.gans import Adversarial
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.recipe import Data, Optimizer, Recipe

recipe = Recipe(
    gan=Adversarial(
        generator=Generator((32, 32, 1), features=64, depth=3),
        discriminator=Discriminator(features=64, depth=3),
    ),
    optimizers={"discriminator": Optimizer(), "generator": Optimizer()},
    data=Data("fashion_mnist", shape=(32, 32, 1), fit="resize"),
    batch_size=128,
    kimg=1_500,
    sample_kimg=50,
    log_kimg=5,
)
