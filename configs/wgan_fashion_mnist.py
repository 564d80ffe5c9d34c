"""WGAN with clipped weights on Fashion-MNIST at 32 px. Arjovsky et al. 2017, arXiv 1701.07875.

    gaxjax train wgan_fashion_mnist --workdir runs/wgan --data.directory DIR

Paper: no figure for this set; the optimizer, its learning rate, the bound of 0.01, the minibatches and the
five updates of the critic to one of the generator are those of its algorithm 1. Here: no distance measured
yet.

Lengths count the images that the critic sees.

Differs from the authors' code (bedrooms at 64 px):
- Three doublings to 32 px instead of four to 64, without the widest layers, of 512.
- Always five updates of the critic: not 100 at the first 25 moves of the generator and at every 500th.
- Weights are clipped after each update of the critic, as in algorithm 1, not before it.
- Samples come from a moving average of the generator.
"""

from gaxjax.adversary import Adversary
from gaxjax.gans import Adversarial
from gaxjax.layers import Transformed
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.objectives import Wasserstein
from gaxjax.recipe import Data, Optimizer, Recipe
from gaxjax.transforms import Clip

# The authors add 1e-8 to the root; eps goes under it, where 1e-8 would outweigh a clipped critic's slopes.
rmsprop = Optimizer("rmsprop", 5e-5, b1=0, b2=0.99, eps=1e-16)
clipped = Optimizer("rmsprop", 5e-5, b1=0, b2=0.99, eps=1e-16, updates=5)

recipe = Recipe(
    gan=Adversarial(
        generator=Generator((32, 32, 1), features=64, depth=3),
        discriminator=Transformed(Discriminator(features=64, depth=3), bounds=Clip(0.01)),
        adversary=Adversary(Wasserstein()),
    ),
    optimizers={"discriminator": clipped, "generator": rmsprop},
    data=Data("fashion_mnist", shape=(32, 32, 1), fit="resize"),
    batch_size=64,
    kimg=5_000,
    sample_kimg=100,
    log_kimg=5,
)
