"""pix2pix between photographs and label maps of facades, at 64 px. Isola et al. 2017, arXiv 1611.07004."""

from dataclasses import replace

from gaxjax.gans import Pix2Pix
from gaxjax.networks.translation import PatchDiscriminator
from gaxjax.networks.unet import UNet
from gaxjax.recipe import Data, Optimizer, Recipe

recipe = Recipe(
    gan=Pix2Pix(
        generator=UNet(3, features=32, depth=6),
        discriminator=PatchDiscriminator(features=32, patch=34, norm="scaled_instance"),
    ),
    optimizers={"discriminator": Optimizer(), "generator": Optimizer()},
    data=Data("folder", shape=(64, 64, 3), layout="halves", flip=True),
    batch_size=4,
    half_life=0,
    kimg=80,
    log_kimg=0.2,
    sample_kimg=2,
    checkpoint_kimg=5,
    samples=16,
)
l1 = replace(recipe, gan=replace(recipe.gan, weight=0.0), optimizers={"generator": Optimizer()})
