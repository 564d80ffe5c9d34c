"""Semi-supervised learning of MNIST. Odena 2016, arXiv 1606.01583.

    gaxjax train sgan_mnist --workdir runs/sgan --data.directory DIR --data.labeled 100
    gaxjax train sgan_mnist:labels_alone --workdir runs/alone --data.directory DIR --data.labeled 100
    gaxjax evaluate runs/sgan --metrics accuracy
    gaxjax table odena2016 --data-directory DIR

Paper: of the test images, 92.8% with 100 labels, 89.5% with those labels alone [memory]. Here: 79.3% and
75.8% at a tenth of this length, two seeds (docs/results.md).

recipe: N + 1 categories, one of them fake; half of each minibatch is labeled. labels_alone: the same network
on the same labels, which it sees as often, and nothing else; its generator learns too, for nobody to see.

Differs from the paper, whose settings are not known:
- DCGAN's networks at 28 px without batch norm in the discriminator, which would keep the statistics of fakes.
- The generator lowers -log p(real) instead of log p(fake).
- Samples and classes come from moving averages.
"""

from dataclasses import replace

from gaxjax.gans import SGAN
from gaxjax.layers import RealOrClass
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.recipe import Data, Optimizer, Recipe

SHAPE = (28, 28, 1)

recipe = Recipe(
    gan=SGAN(
        generator=Generator(SHAPE, features=32, depth=2),
        discriminator=RealOrClass(Discriminator(features=32, depth=2, norm="none", deviation=0.0), 10),
    ),
    optimizers={"discriminator": Optimizer(), "generator": Optimizer()},
    data=Data("mnist", shape=SHAPE, labeled=1000, labeled_share=0.5),
    batch_size=64,
    kimg=640,
    steps_per_call=10,
    log_kimg=6.4,
    sample_kimg=64,
    checkpoint_kimg=64,
    samples=100,
)
labels_alone = replace(
    recipe,
    gan=replace(recipe.gan, weight=0.0),
    data=replace(recipe.data, labeled_share=1.0),
    batch_size=32,
    kimg=320,
)
