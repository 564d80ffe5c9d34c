"""CycleGAN between two drawing styles of emoji, at 64 px. Zhu et al. 2017, arXiv 1703.10593.

    gaxjax train cyclegan_emoji --workdir runs/cyclegan_emoji --data.directory DIR
    gaxjax evaluate runs/cyclegan_emoji
    gaxjax train cyclegan_emoji:paper --workdir runs/cyclegan_emoji_paper --data.directory DIR

DIR holds pictures of one domain, a, in trainA and testA, and of the other, b, in trainB and testB, as the
authors lay out their sets: here emoji of two fonts, some 1,400 of each for training. In testA and testB
pictures of one name are of the same thing, and what becomes of one is compared with the other.

Paper: no figure for this set. Here: at 32 px, in networks half as wide and after 12 kimg, PSNR is 12.66, no
nearer to the other font than the image as it is (docs/results.md).

paper has the authors' networks for images of 128 px, with 6 residual blocks, minibatches of 1 and 200 epochs.

Differs from the authors' code:
- 64 px, half the channels, 4 residual blocks, minibatches of 4 at the learning rate of theirs of 1 (paper:
  none of these).
- No random crop, and no mirroring, as flags and letters have a side.
- Some 70 epochs, where theirs are 200 (paper: as theirs).
- No bias before a norm, which takes it away (paper: in the discriminators).
- The discriminator's loss is halved, as in the paper.
- Samples come from moving averages of the generators.
"""

from dataclasses import replace

from gaxjax.gans import CycleGAN
from gaxjax.networks.translation import PatchDiscriminator, ResidualGenerator
from gaxjax.recipe import Data, Evaluation, Linear, Optimizer, Recipe

falling = Optimizer(learning_rate=Linear(2e-4, 0.0, 50, 100))

recipe = Recipe(
    gan=CycleGAN(
        generator_ab=ResidualGenerator(3, features=32, blocks=4, bias=False),
        generator_ba=ResidualGenerator(3, features=32, blocks=4, bias=False),
        discriminator_a=PatchDiscriminator(features=32, patch=34),
        discriminator_b=PatchDiscriminator(features=32, patch=34),
    ),
    optimizers={"discriminator": falling, "generator": falling},
    data=Data("folder", shape=(64, 64, 3), layout="domains", paired=False),
    batch_size=4,
    half_life=1_000,
    kimg=100,
    log_kimg=0.4,
    sample_kimg=5,
    checkpoint_kimg=10,
    samples=16,
    evaluation=Evaluation("psnr,ssim", split="test", n=155, real=155, output="a to b", reference="b"),
)

falling = Optimizer(learning_rate=Linear(2e-4, 0.0, 140, 280))
paper = replace(
    recipe,
    gan=CycleGAN(
        generator_ab=ResidualGenerator(3, blocks=6),
        generator_ba=ResidualGenerator(3, blocks=6),
        discriminator_a=PatchDiscriminator(),
        discriminator_b=PatchDiscriminator(),
    ),
    optimizers={"discriminator": falling, "generator": falling},
    data=replace(recipe.data, shape=(128, 128, 3)),
    batch_size=1,
    kimg=280,
)
