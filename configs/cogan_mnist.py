"""CoGAN on MNIST and its edges, or its negatives, without a pair. Liu and Tuzel 2016, arXiv 1606.07536.

    gaxjax train cogan_mnist --workdir runs/cogan --data.directory DIR
    gaxjax train cogan_mnist:negatives --workdir runs/negatives --data.directory DIR
    gaxjax train cogan_mnist:conditional_edges --workdir runs/conditional --data.directory DIR
    gaxjax train cogan_mnist:conditional_negatives --workdir runs/conditional_negatives --data.directory DIR
    gaxjax evaluate runs/cogan --metrics pixel_agreement --n 10000

One half of the images is domain a; domain b is made of the other half.

Paper: pixels of generated pairs that agree, 0.952 (edges) and 0.967 (negatives); of a conditional GAN that is
told the domain, 0.909 and 0.778 [memory]; of unrelated images of both domains, 0.805 and 0.828 (counted by
us). Here, 0.814 of edges after 90 kimg, dotted outlines of the digits; of negatives, 0.049 after 60 kimg of 8
channels, where domain b has stayed black, and 0.770 of the conditional GAN after 20 (docs/results.md).

Differs from the authors' code:
- A quarter of the generator's channels; its sizes are 4, 7, 14 and 28, where theirs are 4, 7, 13, 25 and 28.
- Minibatches of 64 and 600 kimg, where they take 50,000 minibatches of 128; no weight decay.
- Batch norm has a scale and a bias.
- Samples come from a moving average of the generator.
"""

from dataclasses import replace

from gaxjax.gans import CoGAN
from gaxjax.layers import Concatenated
from gaxjax.networks.coupled import Conditional, Discriminator, Generator
from gaxjax.recipe import Data, Evaluation, Optimizer, Recipe

SHAPE = (28, 28, 1)
adam = Optimizer("adam", 2e-4, b1=0.5, b2=0.999)

recipe = Recipe(
    gan=CoGAN(generator=Generator(SHAPE, features=32), discriminator=Discriminator()),
    optimizers={"discriminator": adam, "generator": adam},
    data=Data("mnist", shape=SHAPE, domain_b="edges", paired=False),
    batch_size=64,
    half_life=5_000,
    kimg=600,
    log_kimg=5,
    sample_kimg=25,
    checkpoint_kimg=50,
    samples=32,
    evaluation=Evaluation("pixel_agreement", reference="b", n=2_000),
    evaluation_kimg=25,
)
negatives = replace(recipe, data=replace(recipe.data, domain_b="negatives"))

# The baseline of section 4: the same layers, all of them shared, which are told the domain as a channel.
conditional = CoGAN(
    generator=Conditional(Concatenated(Generator(SHAPE, features=32, own=0), classes=2)),
    discriminator=Conditional(Concatenated(Discriminator(own=0), classes=2)),
)
conditional_edges = replace(recipe, gan=conditional)
conditional_negatives = replace(negatives, gan=conditional)
