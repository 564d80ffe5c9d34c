"""AC-GAN on MNIST. Odena et al. 2017, arXiv 1610.09585.

    gaxjax train acgan_mnist --workdir runs/acgan_mnist --data.directory DIR
    gaxjax sample runs/acgan_mnist --seeds 0-7 --label 7

Paper: ImageNet and CIFAR-10; no figure of MNIST. Here: 92.0% of 10,000 samples are read as the class that was
asked for, of test images 99.1%; MS-SSIM of pairs within a class 0.708, of real ones 0.470: less varied. After
150 kimg with 32 features, seed 0, 2026-11-30, 8 minutes on one CPU core beside other work (docs/results.md).

Differs from the paper:
- DCGAN's networks at 28 px, the label one-hot beside the latents.
- No noise at the discriminator's input, and no dropout.
- Samples come from a moving average of the generator.
"""

from gaxjax.gans import ACGAN
from gaxjax.latents import Latents
from gaxjax.layers import Concatenated, Head
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.recipe import Data, Optimizer, Recipe

SHAPE = (28, 28, 1)
adam = Optimizer("adam", 2e-4, b1=0.5)

recipe = Recipe(
    gan=ACGAN(
        generator=Concatenated(Generator(SHAPE, features=64, depth=2), classes=10),
        discriminator=Head(Discriminator(features=64, depth=2), "classes", 10),
        latents=Latents(100),
    ),
    optimizers={"discriminator": adam, "generator": adam},
    data=Data("mnist", shape=SHAPE),
    batch_size=100,
    kimg=1_500,
    log_kimg=5,
    sample_kimg=50,
    checkpoint_kimg=250,
    samples=100,
)
