"""Unrolled GAN on a ring of eight Gaussians, and the same game without. Metz et al. 2017, arXiv 1611.02163.

    gaxjax train unrolled_ring --workdir runs/unrolled
    gaxjax train unrolled_ring:plain --workdir runs/plain

Paper, figure 1: ten virtual updates spread the generator over all eight modes; without them it sits on one
mode after another. The networks are those of the authors' demo: two layers of 128 tanh, latents of 256, Adam
at 1e-4 (discriminator) and 1e-3 (generator), minibatches of 512; the generator minimizes the whole value of
the game. Ring of radius 2 and deviation 0.02, as in the paper.

Here (one seed each, 10,000 samples; a mode is found if 20 of them are within 3 deviations of it):

    unrolled(10), 2,560 kimg, this recipe         8 modes, 86% of the samples within 3 deviations
    unrolled(5), 1,280 kimg                       8 modes, 29%
    plain, 2,560 kimg, generator's own minimax    8 modes, 83%
    plain, 2,560 kimg, non-saturating, ReLU       2 modes, 1%
    unrolled(10), 2,560 kimg, the same            1 mode, 61%

So the paper's claim is not reproduced: with these networks the game without unrolling does not lose modes,
and with ReLU, where it does, unrolling brings the samples onto one mode and not onto all.

Differs from the paper:
- He initialization (the demo: orthogonal, with gain 1.4).
- eps_root in the discriminator's Adam: its virtual updates are differentiated through.
- No moving average: the samples show where the generator is now.
"""

from dataclasses import replace

from gaxjax.adversary import Adversary
from gaxjax.gans import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.mlp import Discriminator, Generator
from gaxjax.objectives import Minimax, ZeroSum
from gaxjax.recipe import Data, Optimizer, Recipe
from gaxjax.solvers import Alternating, Unrolled

recipe = Recipe(
    gan=Adversarial(
        generator=Generator((2,), features=(128, 128), activation="tanh", output="none"),
        discriminator=Discriminator(features=(128, 128), activation="tanh"),
        latents=Latents(256),
        adversary=Adversary(ZeroSum(Minimax())),
    ),
    optimizers={
        "discriminator": Optimizer("adam", 1e-4, eps_root=1e-12),
        "generator": Optimizer("adam", 1e-3, eps_root=1e-12),
    },
    data=Data("ring", shape=(2,)),
    solver=Unrolled(10),
    batch_size=512,
    half_life=0,
    kimg=2_560,
    log_kimg=25.6,
    sample_kimg=128,
    checkpoint_kimg=256,
    samples=1_000,
)
plain = replace(recipe, solver=Alternating())
