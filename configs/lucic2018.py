"""Seven objectives, and a VAE, on one pair of networks, on MNIST. Lucic et al. 2018, arXiv 1711.10337.

    gaxjax train lucic2018 --workdir runs/lucic --data.directory DIR
    gaxjax train lucic2018:mm_gan --workdir runs/mm_gan --data.directory DIR
    gaxjax train lucic2018:ns_gan --workdir runs/ns_gan --data.directory DIR
    gaxjax train lucic2018:lsgan --workdir runs/lsgan --data.directory DIR
    gaxjax train lucic2018:wgan --workdir runs/wgan --data.directory DIR
    gaxjax train lucic2018:wgan_gp --workdir runs/wgan_gp --data.directory DIR
    gaxjax train lucic2018:dragan --workdir runs/dragan --data.directory DIR
    gaxjax train lucic2018:began --workdir runs/began --data.directory DIR
    gaxjax train lucic2018:vae --workdir runs/vae --data.directory DIR

Paper: FID of MM GAN 9.8, NS GAN 6.8, LSGAN 7.8, WGAN 6.7, WGAN-GP 20.3, DRAGAN 7.6, BEGAN 13.1, each with
the best of 100 settings that a search found for it (means over 50 seeds). Here, after one epoch and by our
own classifier's features, so not comparable (two seeds): 515, 469, 237, 557, 537, 368, 552;
`gaxjax table lucic2018` trains all of them and sets them beside the paper's.

The settings are the defaults of the authors' code, those of the papers that each model comes from; what the
search found is not known to us. The recipe is NS GAN. 1,200 kimg are 20 epochs, counted in updates of the
discriminator. No moving average of the generator. Discriminators see pixels in [0, 1]: a penalty of 40 on
slopes other than 0.5, and BEGAN's gain of 0.0005, are for images in [-1, 1] what 10, 1 and 0.001 are there.

Differs from the authors' code:
- One setting, not the best of 100.
- DRAGAN's discriminator has no norm, for it is penalized example by example; theirs has batch norm by default
  (and none after the search). The slopes are the logit's, not the probability's.
- No 1e-4 under the root of a slope (here 1e-12).
- BEGAN's k is kept in [0, 1], and follows the errors before the discriminator's move, not after it.
- Of six moves the generator's is the last, not the second. It draws its own latents; theirs are those of the
  discriminator, but for WGAN-GP.
- WGAN's weights begin within their bounds; theirs are first clipped after the first move.
- The VAE's decoder is the generator, with leaky ReLU, where theirs has ReLU; no 1e-8 beside its logarithms.
- Convolutions begin normal, not truncated at two deviations. No bias before a norm, which takes it away.
- Every image once in an epoch; theirs are drawn from a buffer of 10,000.
"""

from dataclasses import replace

from gaxjax.adversary import Adversary
from gaxjax.gans import BEGAN, VAE, Adversarial
from gaxjax.latents import Latents
from gaxjax.layers import Transformed
from gaxjax.networks.lucic import Autoencoder, Discriminator, Encoder, Generator
from gaxjax.objectives import LeastSquares, Minimax, Wasserstein
from gaxjax.penalties import DRAGAN, GradientPenalty
from gaxjax.recipe import Data, Optimizer, Recipe
from gaxjax.transforms import Clip

SHAPE = (28, 28, 1)


def adam(rate: float, b1: float, updates: int = 1) -> dict[str, Optimizer]:
    """Both players' rule; `updates` of the discriminator to one of the generator."""
    return {
        "discriminator": Optimizer("adam", rate, b1, updates=updates),
        "generator": Optimizer("adam", rate, b1),
    }


gan = Adversarial(generator=Generator(SHAPE), discriminator=Discriminator(), latents=Latents(64, "uniform"))
ns_gan = recipe = Recipe(
    gan=gan,
    optimizers=adam(5e-5, b1=0.0),
    data=Data("mnist", shape=SHAPE),
    batch_size=64,
    kimg=1_200,
    half_life=0,
    log_kimg=6,
    sample_kimg=60,
    checkpoint_kimg=60,
    keep=1,
)
mm_gan = replace(recipe, gan=replace(gan, adversary=Adversary(Minimax())))
lsgan = replace(
    recipe,
    gan=replace(
        gan,
        discriminator=Discriminator(output="sigmoid"),
        adversary=Adversary(LeastSquares()),
    ),
    optimizers=adam(2e-4, b1=0.5),
)
wgan = replace(
    recipe,
    gan=replace(
        gan,
        discriminator=Transformed(gan.discriminator, bounds=Clip(0.01)),
        adversary=Adversary(Wasserstein()),
    ),
    optimizers=adam(5e-5, b1=0.5, updates=5),
)
plain = Discriminator(norm="none")
wgan_gp = replace(
    recipe,
    gan=replace(
        gan,
        discriminator=plain,
        adversary=Adversary(Wasserstein(), penalties=(GradientPenalty(40.0, target=0.5),)),
    ),
    optimizers=adam(1e-4, b1=0.5, updates=5),
)
dragan = replace(
    recipe,
    gan=replace(
        gan,
        discriminator=plain,
        adversary=Adversary(penalties=(DRAGAN(40.0, target=0.5, noise="code"),)),
    ),
    optimizers=adam(1e-4, b1=0.5),
)
began = replace(
    recipe,
    gan=BEGAN(
        generator=Generator(SHAPE),
        discriminator=Autoencoder(SHAPE),
        latents=Latents(64, "uniform"),
        diversity=0.75,
        gain=0.0005,
    ),
    optimizers=adam(1e-4, b1=0.5, updates=5),
)
# One player, which counts as the discriminators do; its prior is normal.
vae = replace(
    recipe,
    gan=VAE(Encoder(64), Generator(SHAPE, output="none"), latents=Latents(64)),
    optimizers={"autoencoder": Optimizer("adam", 5e-5, 0.5)},
)
