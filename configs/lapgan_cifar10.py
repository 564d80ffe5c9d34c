"""LAPGAN on CIFAR-10: three GANs, of 8, 16 and 32 pixels. Denton et al. 2015, arXiv 1506.05751.

    gaxjax train lapgan_cifar10 --workdir runs/lapgan --data.directory DIR
    gaxjax sample runs/lapgan --label 8
    gaxjax train lapgan_cifar10:paper --workdir runs/lapgan_paper --data.directory DIR
    gaxjax train lapgan_cifar10 --workdir runs/lapgan_balanced --data.directory DIR --solver "Balanced()"
    gaxjax train lapgan_cifar10:plain --workdir runs/plain --data.directory DIR

The images are CIFAR-10's by tensorflow-datasets; a folder of ten folders will do as well:
--data.name folder --data.layout classes --data.directory DIR --data.split train.

A sheet shows each sample at every level, coarse to fine, as the paper's figure 4. paper has the paper's
levels, 8, 14 and 28 pixels. Balanced() moves one player at a time, level by level, as the authors' code does
with larger images (there without momentum, at a learning rate of 0.01). plain is the GAN that the paper
compares with, of the authors' code too, told the classes as LAPGAN is.

Paper: log-likelihood by Parzen windows of many scales -1799 +- 826 nats, of a plain GAN by plain windows
-3617 +- 353 [memory]. Here, by windows of many scales, of other pixels: 2669 +- 19 and 2444 +- 14 of plain,
both after 20 kimg of small networks, whose samples are noise yet (gaxjax table denton2015 --budget 0.00224;
seed 0, 12 and 3 minutes on a share of two CPU cores, 2026-11-30).

Differs from the authors' code:
- All levels in one run, by the same minibatches; theirs are trained one by one.
- Images in [-1, 1]; theirs are normalized pixel by pixel.
- Minibatches of 128 real images and as many fakes; the discriminator's there are of 64 and 64. Its loss there
  is the mean over both, half of the sum here: its learning rate is half of theirs.
- Images are reduced by triangles (1, 3, 3, 1), enlarged by linear interpolation, as by Torch's image.scale.
- Momentum adds gradients up: at 0.7 a step is 3.3 times the rate's. Torch's weighs each by one less the
  momentum [memory], and steps stay as long.
- The first kernels are normal with the variance of Torch's uniform ones.
- The length is ours; their momentum would rise for 39,000 kimg. They keep the checkpoint whose samples are
  the nearest to validation images.
- Samples come from a moving average of the generators.
"""

from dataclasses import replace

from gaxjax.gans import LAPGAN, Adversarial
from gaxjax.latents import Latents
from gaxjax.layers import Concatenated
from gaxjax.networks.lapgan import CoarseDiscriminator, ResidualDiscriminator, ResidualGenerator
from gaxjax.networks.mlp import Generator
from gaxjax.recipe import Data, Evaluation, Exponential, Linear, Optimizer, Recipe

SHAPE = (32, 32, 3)
EPOCH = 45.0
"""kimg: 45,000 images train, 5,000 validate."""
# After each epoch the rate is divided by 1.000004: halved every ln 2 / ln 1.000004 epochs.
HALF_LIFE_KIMG = 173_287 * EPOCH
# Up by 0.0008 an epoch, to 0.7.
momentum = Linear(0.0, 0.7, 0, 875 * EPOCH)


def coarse_generator(shape: tuple[int, int, int]) -> Concatenated:
    """Latents and classes to images, fully connected."""
    return Concatenated(Generator(shape, features=(8000, 8000), output="none"), classes=10)


recipe = Recipe(
    gan=LAPGAN(
        generators=(coarse_generator((8, 8, 3)), ResidualGenerator(), ResidualGenerator()),
        discriminators=(CoarseDiscriminator(), ResidualDiscriminator(), ResidualDiscriminator()),
    ),
    optimizers={
        "discriminator": Optimizer("sgd", Exponential(0.01, HALF_LIFE_KIMG, floor=5e-7), momentum),
        "generator": Optimizer("sgd", Exponential(0.02, HALF_LIFE_KIMG, floor=1e-6), momentum),
    },
    data=Data("cifar10", shape=SHAPE, split="train[:45000]"),
    batch_size=128,
    kimg=9_000,
    log_kimg=10,
    sample_kimg=100,
    checkpoint_kimg=500,
    samples=50,
    evaluation=Evaluation(
        "multiscale_parzen", split="test", validation="train[45000:46000]", output="level 2"
    ),
)

paper = replace(
    recipe,
    gan=replace(recipe.gan, sizes=((8, 8), (14, 14), (28, 28))),
    data=replace(recipe.data, shape=(28, 28, 3), fit="resize"),
)
plain = replace(
    recipe,
    gan=Adversarial(
        generator=coarse_generator(SHAPE),
        discriminator=CoarseDiscriminator(),
        latents=Latents(100, "uniform"),
        condition="label",
    ),
    evaluation=replace(recipe.evaluation, output=""),
)
