"""BicycleGAN from label maps to photographs of facades, at 64 px. Zhu et al. 2017, arXiv 1711.11586.

    gaxjax train bicyclegan_facades --workdir runs/bicycle --data.directory DIR
    gaxjax train bicyclegan_facades:noise --workdir runs/noise --data.directory DIR     # pix2pix + noise
    gaxjax evaluate runs/bicycle --split val --n 100 --reference b --metrics diversity --distance inception
    gaxjax evaluate runs/bicycle --split val --n 100 --reference b --metrics psnr --output "b to code to b"

DIR holds pictures whose left half is a photograph and whose right half is its label map, in subfolders train
and val (the pix2pix release of CMP facades).

Paper: LPIPS diversity on maps to satellites 0.111 +- 0.002, of pix2pix + noise 0.013 [memory, low]. Here, of
pixels and at 32 px, 111.8 +- 2.9 and 5.1 +- 0.2: 8 kimg with 16 features (seed 0, two to three minutes of one
CPU core, 2026-11-30; docs/results.md has the settings).

Differs from the authors' code:
- 64 px instead of 256 and half the channels; patches of 34 px and, at half the size, of 68.
- Both branches see all of a minibatch of 4, where theirs see a half each of one of 2.
- pix2pix + noise has the same generator, discriminator, objective and weight of L1 as the other.
- The discriminator's loss is halved, as in the paper; samples come from moving averages.
"""

from dataclasses import replace

from gaxjax.adversary import Adversary
from gaxjax.gans import BicycleGAN, Pix2Pix
from gaxjax.networks.multiscale import Multiscale
from gaxjax.networks.residual import Encoder
from gaxjax.networks.translation import PatchDiscriminator
from gaxjax.networks.unet import UNet
from gaxjax.objectives import LeastSquares
from gaxjax.recipe import Data, Evaluation, Optimizer, Recipe

# Codes are the only noise: no dropout.
generator = UNet(3, features=32, depth=6, norm="instance", dropout=0.0, latents="all")


def discriminator() -> Multiscale:
    """Of images as they are and of half the size; of images b alone, as the authors have it by default."""
    return Multiscale((PatchDiscriminator(features=32, patch=34), PatchDiscriminator(features=32, patch=34)))


recipe = Recipe(
    gan=BicycleGAN(
        generator=generator,
        encoder=Encoder(8, features=32, blocks=4),
        discriminator=discriminator(),
        latent_discriminator=discriminator(),
    ),
    optimizers={"discriminator": Optimizer(), "generator": Optimizer()},
    data=Data("folder", shape=(64, 64, 3), layout="halves", swap=True, fit="resize", flip=True, jitter=72),
    batch_size=4,
    half_life=1_000,
    kimg=80,
    log_kimg=0.2,
    sample_kimg=2,
    checkpoint_kimg=5,
    samples=16,
    evaluation=Evaluation(output="a to b", reference="b", split="val", n=100),
)
noise = replace(
    recipe,
    gan=Pix2Pix(
        generator=generator,
        discriminator=discriminator(),
        adversary=Adversary(LeastSquares()),
        conditional=False,
        l1=10.0,
        latents=8,
    ),
)
