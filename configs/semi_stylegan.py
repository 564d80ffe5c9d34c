"""Semi-StyleGAN on rendered shapes: codes that are factors, by few labels. Nie et al. 2020, arXiv 2003.03461.

    gaxjax train semi_stylegan --workdir runs/semi_stylegan
    gaxjax train semi_stylegan:half_percent --workdir runs/half_percent
    gaxjax train semi_stylegan:all_labels --workdir runs/all_labels
    gaxjax train semi_stylegan:plain --workdir runs/plain
    gaxjax train semi_stylegan:half_percent_plain --workdir runs/half_percent_plain
    gaxjax train semi_stylegan:all_labels_plain --workdir runs/all_labels_plain
    gaxjax evaluate runs/semi_stylegan --metrics mig,l2,mig_gen,l2_gen

The recipe has the factors of 2.5% of the images, half_percent 0.5%, all_labels all; plain is without the
smoothness term. Without a label it is configs/info_stylegan.py.

Paper: with 0.25% to 2.5% of labels nearly what all of them give; its numbers, of Isaac3D and others, and its
weights gamma, beta and alpha are not known to us. Here: by `gaxjax table nie2020` at 16 px after 16 kimg,
500 steps, small networks, seed 0, 2026-11-30: MIG of the encoder 0.208 with 0.5% of the labels, 0.198 with
2.5% and 0.288 with all, with the smoothness term 0.169, 0.151 and 0.270; MIG-gen 0.001 throughout, as samples
are colored noise by then (docs/results.md).

Differs from the paper:
- gamma, beta and alpha are 1, which is our choice.
- An eighth of each minibatch is drawn from the labeled images: of 32, four. Of 0.5% there would else be one
  in six minibatches. These images are real ones to the discriminator too.
- What configs/info_stylegan.py says.
"""

from dataclasses import replace

from gaxjax.adversary import Adversary
from gaxjax.gans import SemiStyleGAN
from gaxjax.latents import Latents
from gaxjax.layers import Head
from gaxjax.networks.progressive import Discriminator
from gaxjax.networks.style import Generator
from gaxjax.penalties import R1, Lazy
from gaxjax.recipe import Data, Optimizer, Recipe

SHAPE = (64, 64, 3)
SIZES = {"features": 4096, "max_features": 256}
IMAGES = 110_592
adam = Optimizer("adam", 1e-3, b1=0.0, b2=0.99)


def labels(share: float) -> Data:
    """The data with the factors of a share of the images."""
    return Data("shapes", shape=SHAPE, labeled=round(share * IMAGES), labeled_share=1 / 8)


recipe = Recipe(
    gan=SemiStyleGAN(
        generator=Generator(SHAPE, **SIZES, style_size=256),
        # group=1: without the standard deviation of the minibatch.
        discriminator=Head(Discriminator(SHAPE, **SIZES, taps=(1, 2, 1), group=1), "code", 7),
        # Many, as the mapping divides z and c by their common length: of few, z would change how much c is.
        noise=Latents(256),
        code=Latents(7, "uniform"),
        adversary=Adversary(penalties=(Lazy(R1(1.0), every=16),)),
        # Weights are ours: all terms are the same norm, and are taken alike.
        gamma=1.0,
        beta=1.0,
        alpha=1.0,
    ),
    optimizers={"discriminator": adam, "generator": adam},
    data=labels(0.025),
    batch_size=32,
    kimg=2_000,
    sample_kimg=50,
    checkpoint_kimg=200,
)
# With labels on all there is no mask, and every minibatch is labeled throughout.
half_percent = replace(recipe, data=labels(0.005))
all_labels = replace(recipe, data=Data("shapes", shape=SHAPE))
plain = replace(recipe, gan=replace(recipe.gan, alpha=0.0))
half_percent_plain = replace(plain, data=half_percent.data)
all_labels_plain = replace(plain, data=all_labels.data)
