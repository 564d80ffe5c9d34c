"""Photographs enlarged four times. Ledig et al. 2017, arXiv 1609.04802.

    gaxjax train srgan --workdir runs/srgan --data.directory DIR
    gaxjax train srgan:srresnet_mse --workdir runs/srresnet --data.directory DIR
    gaxjax train srgan:mse --workdir runs/srgan_mse --data.directory DIR
    gaxjax train srgan:paper --workdir runs/srgan_paper --data.directory DIR
    gaxjax table ledig2017 --data-directory DIR

DIR holds photographs of any size from 48 px on (paper: 96), in subfolders train and test; measured are the
centers of 256 px of those in test.

srresnet_mse: the generator alone, by the squared error of pixels. recipe: the same, then, from there, against
a discriminator, with content compared by the first layers of Inception, whose weights are downloaded, or are
at GAXJAX_INCEPTION. mse: as recipe, with content compared by pixels. paper: the paper's settings, with
content compared by VGG19 after layer 5,4, whose file is torchvision's and has to be given: GAXJAX_VGG19.
VGG22 is --stages.1.gan.content.layer 22 --stages.2.gan.content.layer 22.

Paper, x4, PSNR / SSIM on Set14 [memory]: bicubic 25.99 / .7486, SRResNet 28.49 / .8184, SRGAN 26.02 / .7397.
Here, on 100 photographs of facades held out (256 px, seed 0): bicubic 24.36 / .6335, SRResNet 25.22 / .6852,
SRGAN 23.67 / .6126 (docs/results.md).

Differs from the paper:
- Not in paper: 16 features and 4 blocks instead of 64 and 16, crops of 48 px, 120 kimg instead of 19,200, at
  larger learning rates; content by Inception instead of VGG19.
- Small images are in [-1, 1] as large ones are, and made by bicubic alone, without a Gaussian filter before.
- VGG19 has torchvision's weights and normalization.
- Samples come from a moving average of the generator.
"""

from dataclasses import replace

from gaxjax.features.content import VGG19, InceptionMaps, Pixels
from gaxjax.gans import SRGAN, SuperResolution
from gaxjax.networks.super_resolution import Discriminator, Generator
from gaxjax.recipe import Data, Evaluation, Optimizer, Recipe, Stage

srresnet_mse = Recipe(
    gan=SuperResolution(Generator(features=16, blocks=4), Pixels()),
    optimizers={"generator": Optimizer(learning_rate=1e-3, b1=0.9)},
    data=Data("folder", shape=(48, 48, 3), scale=4, flip=True),
    batch_size=16,
    kimg=96,
    half_life=4_000,
    steps_per_call=10,
    log_kimg=0.8,
    sample_kimg=8,
    checkpoint_kimg=4,
    samples=16,
    evaluation=Evaluation(split="test", n=100, output="a to b", reference="b", shape=(256, 256, 3), border=4),
)


def adversarial(content: Pixels | InceptionMaps) -> Recipe:
    """The generator of srresnet_mse, which then plays against a discriminator."""
    alone = srresnet_mse
    game = SRGAN(alone.gan.generator, content, Discriminator(features=16, hidden=128))
    optimizers = dict.fromkeys(game.players, Optimizer(learning_rate=2e-4, b1=0.9))
    stages = (
        Stage(alone.gan, alone.batch_size, alone.kimg, alone.optimizers),
        Stage(game, alone.batch_size, 24, optimizers),
    )
    length = sum(stage.kimg for stage in stages)
    return replace(alone, gan=game, optimizers=optimizers, kimg=length, stages=stages)


recipe = adversarial(InceptionMaps())
mse = adversarial(Pixels())

first = SuperResolution(Generator(), Pixels())
second = SRGAN(Generator(), VGG19(), Discriminator())
early, late = (Optimizer(learning_rate=rate, b1=0.9) for rate in (1e-4, 1e-5))
paper = replace(
    recipe,
    gan=second,
    optimizers=dict.fromkeys(second.players, early),
    data=replace(recipe.data, shape=(96, 96, 3)),
    kimg=19_200,
    stages=(
        Stage(first, 16, 16_000, {"generator": early}),
        Stage(second, 16, 1_600, dict.fromkeys(second.players, early)),
        Stage(second, 16, 1_600, dict.fromkeys(second.players, late)),
    ),
    log_kimg=16,
    sample_kimg=160,
    checkpoint_kimg=160,
)
