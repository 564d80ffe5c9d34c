"""AC-GAN on CIFAR-10. Odena et al. 2017, arXiv 1610.09585.

    gaxjax train acgan_cifar10 --workdir runs/acgan_cifar10 --data.directory DIR
    gaxjax sample runs/acgan_cifar10 --label 5
    gaxjax evaluate runs/acgan_cifar10 --metrics class_ms_ssim --balanced

The images are CIFAR-10's by tensorflow-datasets; a folder of ten folders will do as well:
--data.name folder --data.layout classes --data.directory DIR.

Paper: Inception Score 8.25 +- 0.07 [memory]; of 1,000 classes of ImageNet 84.7% have samples that are more
varied by MS-SSIM than training images are [memory]. Here: 18.7% of samples are read as their class, of test
images 62.9%; MS-SSIM 0.187, of real ones 0.093, and no class more varied: patches of color. After 50 kimg,
with 32 features, seed 0, 2026-11-30, 6 minutes on one CPU core beside other work, on images that were
compressed once more (docs/results.md).

Differs from the paper:
- DCGAN's networks at 32 px, of three levels, the label one-hot beside the latents.
- No noise at the discriminator's input, and no dropout.
- The length, 100 epochs, is ours.
- Samples come from a moving average of the generator.
"""

from gaxjax.gans import ACGAN
from gaxjax.latents import Latents
from gaxjax.layers import Concatenated, Head
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.recipe import Data, Optimizer, Recipe

SHAPE = (32, 32, 3)
adam = Optimizer("adam", 2e-4, b1=0.5)

recipe = Recipe(
    gan=ACGAN(
        generator=Concatenated(Generator(SHAPE, features=64, depth=3), classes=10),
        discriminator=Head(Discriminator(features=64, depth=3), "classes", 10),
        latents=Latents(100),
    ),
    optimizers={"discriminator": adam, "generator": adam},
    data=Data("cifar10", shape=SHAPE),
    batch_size=100,
    kimg=5_000,
    log_kimg=10,
    sample_kimg=100,
    checkpoint_kimg=500,
    samples=100,
)
