"""Unrolled GAN on a ring of eight Gaussians, and the same game without. Metz et al. 2017, arXiv 1611.02163.

    gaxjax train configs/unrolled_ring.py --workdir runs/unrolled
    gaxjax train configs/unrolled_ring.py:plain --workdir runs/plain

Paper, figure 1: ten virtual updates spread the generator over all eight modes; without them it sits on one
mode after another. Two layers of 128 ReLU, latents of 256, Adam at 1e-4 (discriminator) and 1e-3 (generator),
minibatches of 512, ring of radius 2 and deviation 0.02. With tanh in place of ReLU, as in the authors' demo,
the game without unrolling finds all eight modes too.

Differs from the paper:
- He initialization.
- eps_root in the discriminator's Adam: its virtual updates are differentiated through.
- No moving average: the samples show where the generator is now.
"""

from dataclasses import replace

from gaxjax.gans.adversarial import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.mlp import Discriminator, Generator
from gaxjax.recipe import Data, Optimizer, Recipe

recipe = Recipe(
    gan=Adversarial(
        generator=Generator((2,), features=(128, 128), activation="tanh", output="none"),
        discriminator=Discriminator(features=(128, 128), activation="tanh"),
        latents=Latents(256),
        objective="minimax",
        zero_sum=True,
    ),
    optimizers={
        "discriminator": Optimizer("adam", 1e-4, eps_root=1e-12),
        "generator": Optimizer("adam", 1e-3, eps_root=1e-12),
    },
    data=Data("ring", shape=(2,)),
    solver="unrolled(10)",
    batch_size=512,
    half_life=0,
    kimg=2_560,
    log_kimg=25.6,
    sample_kimg=128,
    checkpoint_kimg=256,
    samples=1_000,
)
plain = replace(recipe, solver="alternating")
