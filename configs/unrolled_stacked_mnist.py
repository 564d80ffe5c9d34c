"""Unrolled GAN on stacked MNIST, with a small discriminator. Metz et al. 2017, arXiv 1611.02163.

    gaxjax train unrolled_stacked_mnist --workdir runs/stacked --data.directory DIR
    gaxjax train unrolled_stacked_mnist:half --workdir runs/stacked_half --data.directory DIR
    gaxjax train unrolled_stacked_mnist:plain --workdir runs/stacked_plain --data.directory DIR

Paper, of 1,000 modes: 236 with a discriminator of 1/4 of the generator's size and five virtual updates, 732
with one of 1/2, 31 with 1/4 and none. Here: no count yet; `gaxjax table metz2017` makes them.

recipe: 1/4 and five. half: 1/2 and five. plain: 1/4 and none, the same solver with no virtual update. The
generator minimizes the whole value of the game.

The paper's networks and settings for this set are not known to us; these are ours, not tuned:
- DCGAN with 64, 32 and 16 channels in the generator, batch norm and tanh; the discriminator has a share of
  those channels at every size, and no norm. He initialization. Latents of 256, N(0, 1).
- Adam at 1e-3 with b1 = 0.5 for both players, minibatches of 64, 50,000 steps.
- eps_root in Adam: its virtual updates are differentiated through.
- The virtual updates are on one minibatch and one draw of latents.
- No moving average: the samples show where the generator is now.
"""

from dataclasses import replace

from gaxjax.adversary import Adversary
from gaxjax.gans import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.objectives import Minimax, ZeroSum
from gaxjax.recipe import Data, Optimizer, Recipe
from gaxjax.solvers import Unrolled

SHAPE = (28, 28, 3)
WIDTH = 16


def discriminator(share: float) -> Discriminator:
    """One that has this share of the generator's channels at every size."""
    return Discriminator(round(share * WIDTH), depth=3, norm="none", deviation=0)


recipe = Recipe(
    gan=Adversarial(
        generator=Generator(SHAPE, WIDTH, depth=3, deviation=0),
        discriminator=discriminator(1 / 4),
        latents=Latents(256),
        adversary=Adversary(ZeroSum(Minimax())),
    ),
    optimizers={
        "discriminator": Optimizer("adam", 1e-3, eps_root=1e-12),
        "generator": Optimizer("adam", 1e-3, eps_root=1e-12),
    },
    data=Data("stacked_mnist", shape=SHAPE),
    solver=Unrolled(5),
    batch_size=64,
    half_life=0,
    kimg=3_200,
    log_kimg=6.4,
    sample_kimg=64,
    checkpoint_kimg=320,
)
half = replace(recipe, gan=replace(recipe.gan, discriminator=discriminator(1 / 2)))
plain = replace(recipe, solver=Unrolled(0))
