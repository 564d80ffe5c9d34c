"""CycleGAN between photographs and label maps of facades, at 64 px. Zhu et al. 2017, arXiv 1703.10593.

    gaxjax train cyclegan_facades --workdir runs/cyclegan --data.directory DIR

DIR holds pictures whose left half is of one domain and whose right half of the other, in subfolders train and
val (the pix2pix release of CMP facades). The halves are shuffled apart: nothing is paired.

Paper: no figure for this set. Here: no distance measured yet; with 16 features in all four networks and
--kimg 5 (1,250 steps, 10 minutes on two CPU cores, seed 0), walls and windows come out in the right colors
of a label map, at the right places in most; label maps become gray facades.

Differs from the authors' code:
- 64 px instead of 128 or 256, half the channels, 4 residual blocks; resized whole, no random crop.
- Minibatches of 4 at the learning rate of their minibatches of 1, which is constant here.
- The discriminator's loss is halved, as in the paper.
- Samples come from moving averages of the generators.
"""

from gaxjax.gans import CycleGAN
from gaxjax.networks.translation import PatchDiscriminator, ResidualGenerator
from gaxjax.recipe import Data, Optimizer, Recipe

recipe = Recipe(
    gan=CycleGAN(
        generator_ab=ResidualGenerator(3, features=32, blocks=4),
        generator_ba=ResidualGenerator(3, features=32, blocks=4),
        discriminator_a=PatchDiscriminator(features=32, patch=34),
        discriminator_b=PatchDiscriminator(features=32, patch=34),
    ),
    optimizers={"discriminator": Optimizer(), "generator": Optimizer()},
    data=Data("folder", shape=(64, 64, 3), layout="halves", paired=False, flip=True),
    batch_size=4,
    half_life=1_000,
    kimg=40,
    log_kimg=0.2,
    sample_kimg=2,
    checkpoint_kimg=5,
    samples=16,
)
