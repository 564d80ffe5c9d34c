"""MSG-StyleGAN: StyleGAN's networks, all sizes at once. Karnewar & Wang 2020, arXiv 1903.06048.

    gaxjax train msg_stylegan --workdir runs/msg_stylegan --data.directory DIR
    gaxjax train msg_stylegan:coarse --workdir runs/coarse --data.directory DIR
    gaxjax train msg_stylegan:middle --workdir runs/middle --data.directory DIR
    gaxjax train msg_stylegan:fine --workdir runs/fine --data.directory DIR
    gaxjax train msg_stylegan:none --workdir runs/none --data.directory DIR
    gaxjax train msg_stylegan:small --workdir runs/small --data.directory DIR

DIR is a folder of images, such as FFHQ's; of small, tensorflow-datasets' own with Fashion-MNIST. Variants are
the sizes, besides the largest, of which generator and discriminator are connected. For other sizes set all:
`--data.shape 256 256 3 --gan.generator.shape 256 256 3 --gan.discriminator.shape 256 256 3`.

Paper, FID: FFHQ at 1024 px 5.80 after 9,600 kimg (StyleGAN 4.40 after 25,000), CelebA-HQ 6.37, LSUN churches
at 256 px 5.20, Oxford flowers 19.60 after 1,600 kimg, Indian celebrities 28.44. Here: no number at this size;
of small, with 64 features and 32 channels at most, after 20 kimg FID-classifier-fashion_mnist 164.8, of
StyleGAN grown on as many images 169.9 (`gaxjax table karnewar2020`; seed 0, 2026-11-30).

The losses, rates and networks are those of the authors' TensorFlow code (akanimax/msg-stylegan-tf): R1 is
averaged over sizes, images enter by a 1 x 1 convolution of features and image (cat_lin), the minibatch's
deviation at every level, and no styles are mixed.

Differs from it:
- R1's own pass through the discriminator; theirs shares the loss's.
- The minibatch of both updates is another one, as everywhere here; theirs is the same.
"""

from dataclasses import replace

from gaxjax.adversary import Adversary
from gaxjax.gans import MSGGAN
from gaxjax.latents import Latents
from gaxjax.networks.msg import Discriminator
from gaxjax.networks.style import Generator
from gaxjax.penalties import R1, Lazy
from gaxjax.recipe import Data, Optimizer, Recipe

SHAPE = (1024, 1024, 3)
adam = Optimizer("adam", 3e-3, b1=0.0, b2=0.99)

recipe = Recipe(
    gan=MSGGAN(
        generator=Generator(SHAPE, output="every"),
        discriminator=Discriminator(SHAPE, taps=(1, 2, 1), combine="cat_lin"),
        adversary=Adversary(penalties=(R1(10.0),)),
    ),
    optimizers={"discriminator": adam, "generator": adam},
    data=Data("folder", shape=SHAPE, flip=True),
    batch_size=32,
    kimg=9_600,
    sample_kimg=100,
    checkpoint_kimg=200,
)
coarse = replace(recipe, gan=replace(recipe.gan, connections="coarse"))
middle = replace(recipe, gan=replace(recipe.gan, connections="middle"))
fine = replace(recipe, gan=replace(recipe.gan, connections="fine"))
none = replace(recipe, gan=replace(recipe.gan, connections="none"))

# The networks, penalty, data and length of configs/stylegan_small.py.
SMALL, SIZE = (32, 32, 1), 64
small = replace(
    recipe,
    gan=replace(
        recipe.gan,
        generator=Generator(SMALL, features=256, max_features=SIZE, style_size=SIZE, output="every"),
        discriminator=replace(recipe.gan.discriminator, shape=SMALL, features=256, max_features=SIZE),
        latents=Latents(SIZE),
        adversary=Adversary(penalties=(Lazy(R1(1.0), every=8),)),
    ),
    data=Data("fashion_mnist", shape=SMALL),
    kimg=160,
    sample_kimg=20,
    checkpoint_kimg=50,
    samples=100,
)
