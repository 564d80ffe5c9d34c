"""pix2pix from label maps of facades to photographs, at 64 px. Isola et al. 2017, arXiv 1611.07004.

    gaxjax train pix2pix_facades --workdir runs/pix2pix --data.directory DIR
    gaxjax train pix2pix_facades:l1 --workdir runs/l1 --data.directory DIR
    gaxjax train pix2pix_facades:gan --workdir runs/gan --data.directory DIR
    gaxjax train pix2pix_facades:cgan --workdir runs/cgan --data.directory DIR
    gaxjax train pix2pix_facades:l1_gan --workdir runs/l1_gan --data.directory DIR
    gaxjax train pix2pix_facades:encoder_decoder --workdir runs/encoder_decoder --data.directory DIR
    gaxjax train pix2pix_facades:full --workdir runs/full --data.directory DIR
    gaxjax table isola2017 --data-directory DIR

DIR holds pictures whose left half is a photograph and whose right half its label map, in subfolders train and
val (the pix2pix release of CMP facades); --data.no-swap goes from photographs to label maps.

The recipe is L1 + cGAN. l1: without a discriminator; cgan: without L1; gan, l1_gan: the discriminator sees
the output alone; encoder_decoder: no skips; full: the paper's 256 px, networks and minibatches of 1. For the
patches of table 3, --gan.discriminator.patch 1, 16, 70 or 286; at 64 px 70 see all, as 286 of 256 do.

Paper: no figure for this set. Here: label maps made of photographs, with 16 features and 10 kimg,
have 38.0% of pixels of the right class, by L1 alone 42.2%; photographs made of label maps, at 32 px and after
3 kimg, have a FID-768 of 1.71, by L1 alone 1.51, without it 2.02 (docs/results.md).

Differs from the authors' code:
- 64 px, half the channels and patches of 34 px (70 of 256 px would be 18), but for full; minibatches of 4 at
  the learning rate of their minibatches of 1.
- Each image is normalized by itself, as batch norm does in their minibatches of 1, at test time too.
- The discriminator's loss is not halved, which Adam would undo; no bias where a norm takes it away again.
"""

from dataclasses import replace

from gaxjax.gans import Pix2Pix
from gaxjax.networks.translation import PatchDiscriminator
from gaxjax.networks.unet import UNet
from gaxjax.recipe import Data, Evaluation, Optimizer, Recipe

GENERATOR = UNet(3, features=32, depth=6)
PIX2PIX = Pix2Pix(GENERATOR, PatchDiscriminator(features=32, patch=34, norm="scaled_instance"))

recipe = Recipe(
    gan=PIX2PIX,
    optimizers={"discriminator": Optimizer(), "generator": Optimizer()},
    data=Data("folder", shape=(64, 64, 3), layout="halves", swap=True, fit="resize", flip=True, jitter=72),
    batch_size=4,
    half_life=0,
    kimg=80,
    log_kimg=0.2,
    sample_kimg=2,
    checkpoint_kimg=5,
    samples=16,
    evaluation=Evaluation(output="a to b", reference="b", split="val", n=100),
)
l1 = replace(recipe, gan=replace(PIX2PIX, weight=0.0), optimizers={"generator": Optimizer()})
gan = replace(recipe, gan=replace(PIX2PIX, l1=0.0, conditional=False))
cgan = replace(recipe, gan=replace(PIX2PIX, l1=0.0))
l1_gan = replace(recipe, gan=replace(PIX2PIX, conditional=False))
encoder_decoder = replace(recipe, gan=replace(PIX2PIX, generator=replace(GENERATOR, skips=False)))
full = replace(
    recipe,
    gan=Pix2Pix(UNet(3), PatchDiscriminator(norm="scaled_instance")),
    data=replace(recipe.data, shape=(256, 256, 3), jitter=286),
    batch_size=1,
)
