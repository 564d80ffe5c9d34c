"""CycleGAN between photographs and label maps of facades, at 64 px. Zhu et al. 2017, arXiv 1703.10593.

    gaxjax train cyclegan_facades --workdir runs/cyclegan --data.directory DIR
    gaxjax evaluate runs/cyclegan
    gaxjax train cyclegan_facades:paper --workdir runs/cyclegan_paper --data.directory DIR
    gaxjax train cyclegan_facades:without_identity --workdir runs/cycles --data.directory DIR
    gaxjax train cyclegan_facades:gan_alone --workdir runs/gan_alone --data.directory DIR
    gaxjax train cyclegan_facades:cycle_alone --workdir runs/cycle_alone --data.directory DIR
    gaxjax train cyclegan_facades:photo_cycle --workdir runs/photo_cycle --data.directory DIR
    gaxjax train cyclegan_facades:label_cycle --workdir runs/label_cycle --data.directory DIR

DIR holds pictures whose left half is of one domain, a, and whose right half of the other, b, in subfolders
train and val (the pix2pix release of CMP facades). The halves are shuffled apart: nothing is paired but when
label maps made of the photographs of val are compared with theirs.

Paper: no figure for this set. Here: at 32 px, without the identity loss and after 8 kimg, 25.2% of the pixels
of label maps are of the right class, of the ablations' 22.0 to 25.0%, of pix2pix's 36.2%, of the commonest
class alone 34.7% (docs/results.md). At 64 px, with 16 features and
--kimg 5 (1,250 steps, 10 minutes on two CPU cores, seed 0), walls and windows come out in the right colors
of a label map, at the right places in most; label maps become gray facades.

paper has the authors' networks and settings, at 256 px: 200 epochs of 400 pictures. The ablations (tables 4
and 5) have no identity loss, as without_identity has none: photo_cycle has the way from a photograph to a
label map and back alone, label_cycle the one from a label map.

Differs from the authors' code:
- 64 px instead of 128 or 256, half the channels, 4 residual blocks, minibatches of 4 at the learning rate of
  theirs of 1 (paper: none of these).
- Resized whole, no random crop (paper: from 286 px, as theirs).
- No bias before a norm, which takes it away (paper: in the discriminators).
- The discriminator's loss is halved, as in the paper.
- Samples come from moving averages of the generators.
"""

from dataclasses import replace

from gaxjax.gans import CycleGAN
from gaxjax.networks.translation import PatchDiscriminator, ResidualGenerator
from gaxjax.recipe import Data, Evaluation, Linear, Optimizer, Recipe

# Constant over the first half of the run, then on a line to 0 (section 4).
falling = Optimizer(learning_rate=Linear(2e-4, 0.0, 20, 40))

recipe = Recipe(
    gan=CycleGAN(
        generator_ab=ResidualGenerator(3, features=32, blocks=4, bias=False),
        generator_ba=ResidualGenerator(3, features=32, blocks=4, bias=False),
        discriminator_a=PatchDiscriminator(features=32, patch=34),
        discriminator_b=PatchDiscriminator(features=32, patch=34),
    ),
    optimizers={"discriminator": falling, "generator": falling},
    data=Data("folder", shape=(64, 64, 3), layout="halves", paired=False, flip=True),
    batch_size=4,
    half_life=1_000,
    kimg=40,
    log_kimg=0.2,
    sample_kimg=2,
    checkpoint_kimg=5,
    samples=16,
    # Label maps of photographs.
    evaluation=Evaluation(
        "pixel_accuracy,psnr,ssim", split="val", n=100, real=100, output="a to b", reference="b"
    ),
)

falling = Optimizer(learning_rate=Linear(2e-4, 0.0, 40, 80))
paper = replace(
    recipe,
    gan=CycleGAN(
        generator_ab=ResidualGenerator(3, blocks=9),
        generator_ba=ResidualGenerator(3, blocks=9),
        discriminator_a=PatchDiscriminator(),
        discriminator_b=PatchDiscriminator(),
    ),
    optimizers={"discriminator": falling, "generator": falling},
    data=replace(recipe.data, shape=(256, 256, 3), jitter=286),
    batch_size=1,
    kimg=80,
)

gan = replace(recipe.gan, identity=0.0)
without_identity = replace(recipe, gan=gan)
gan_alone = replace(recipe, gan=replace(gan, forward_cycle=0.0, backward_cycle=0.0))
cycle_alone = replace(recipe, gan=replace(gan, adversarial=0.0))
photo_cycle = replace(recipe, gan=replace(gan, backward_cycle=0.0))
label_cycle = replace(recipe, gan=replace(gan, forward_cycle=0.0))
