"""MSG-GAN on ProGAN's networks: nothing grows, all sizes at once. Karnewar & Wang 2020, arXiv 1903.06048.

    gaxjax train msg_gan --workdir runs/msg_gan --data.directory DIR
    gaxjax train msg_gan:coarse --workdir runs/coarse --data.directory DIR
    gaxjax train msg_gan:middle --workdir runs/middle --data.directory DIR
    gaxjax train msg_gan:fine --workdir runs/fine --data.directory DIR
    gaxjax train msg_gan:none --workdir runs/none --data.directory DIR
    gaxjax train msg_gan:small --workdir runs/small --data.directory DIR

DIR is a folder of images, such as FFHQ's; of small, tensorflow-datasets' own with Fashion-MNIST. Variants are
the sizes, besides the largest, of which generator and discriminator are connected. For other sizes set all:
`--data.shape 256 256 3 --gan.generator.shape 256 256 3 --gan.discriminator.shape 256 256 3`.

Paper, FFHQ at 1024 px, FID after 6,000 kimg: 8.36 [secondary], ProGAN 9.49 after 12,000; connections none
14.20, coarse 10.84, middle 9.17, fine 9.74 [secondary]. Here: `gaxjax table karnewar2020` trains small ones.

WGAN-GP with its penalty averaged over sizes, and RMSProp at 0.003 [memory]; the minibatch, the average's
half-life (0.999 a step) and the 0.001 of drift are those of ProGAN and of the authors' PyTorch code.

Differs from the authors' code (akanimax/BMSG-GAN):
- Its default is a relativistic hinge loss and Adam; the paper's is WGAN-GP.
- Images enter as they are (simple); there by a 1 x 1 convolution (`--gan.discriminator.combine lin_cat`).
- The standard deviation of a minibatch is of groups of 4; there of the whole.
- The last two layers of the discriminator are ProGAN's dense ones; there a 4 x 4 convolution and a 1 x 1.
- Downsampling comes before the bias and leaky ReLU of its convolution; there a mean of 2 x 2 after both.
- The generator starts from latents of length 1, as ProGAN's does, not from latents as drawn.
- Which sizes are coarse, middle and fine is as in StyleGAN; the paper's own we have not read.
- The minibatch of both updates is another one, as everywhere here; theirs is the same.
"""

from dataclasses import replace

from gaxjax.adversary import Adversary
from gaxjax.gans import MSGGAN
from gaxjax.latents import Latents
from gaxjax.networks.msg import Discriminator
from gaxjax.networks.style import Generator
from gaxjax.objectives import Wasserstein
from gaxjax.penalties import Drift, GradientPenalty
from gaxjax.recipe import Data, Optimizer, Recipe

SHAPE = (1024, 1024, 3)
rmsprop = Optimizer("rmsprop", 3e-3, b1=0.0, b2=0.99)
# ProGAN's, with colors at every size.
generator = Generator(SHAPE, modulation="none", start="latents", noise=False, taps=(), output="every")

recipe = Recipe(
    gan=MSGGAN(
        generator=generator,
        discriminator=Discriminator(SHAPE),
        adversary=Adversary(Wasserstein(), penalties=(GradientPenalty(10.0), Drift(0.001))),
    ),
    optimizers={"discriminator": rmsprop, "generator": rmsprop},
    data=Data("folder", shape=SHAPE, flip=True),
    batch_size=16,
    kimg=6_000,
    half_life=11_085,
    sample_kimg=100,
    checkpoint_kimg=200,
)
coarse = replace(recipe, gan=replace(recipe.gan, connections="coarse"))
middle = replace(recipe, gan=replace(recipe.gan, connections="middle"))
fine = replace(recipe, gan=replace(recipe.gan, connections="fine"))
none = replace(recipe, gan=replace(recipe.gan, connections="none"))

# The networks, data and length of configs/progan_small.py.
SMALL = (32, 32, 1)
small = replace(
    recipe,
    gan=replace(
        recipe.gan,
        generator=replace(generator, shape=SMALL, features=256, max_features=64),
        discriminator=Discriminator(SMALL, features=256, max_features=64),
        latents=Latents(64),
    ),
    data=Data("fashion_mnist", shape=SMALL),
    kimg=120,
    half_life=10_000,
    sample_kimg=10,
    checkpoint_kimg=20,
    samples=100,
)
