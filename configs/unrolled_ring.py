"""Unrolled GAN on a ring of eight Gaussians, and the same game without unrolling. Metz et al. 2017, arXiv 1611.02163.

    gaxjax train configs/unrolled_ring.py --workdir runs/unrolled
    gaxjax train configs/unrolled_ring.py:plain --workdir runs/plain

Paper, figure 1: ten virtual updates spread the generator over all eight modes; without them it sits on one mode
after another. The networks are the authors' demo's: two layers of 128 tanh, latents of 256, Adam at 1e-4
(discriminator) and 1e-3 (generator), minibatches of 512.

Differs from the authors' demo:
- He initialization instead of orthogonal with gain 1.4; ring of radius 2 and deviation 0.02, as in the paper.
- The generator minimizes the non-saturating loss at the unrolled discriminator; the demo the minimax value.
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
    ),
    optimizers={
        "discriminator": Optimizer("adam", 1e-4, eps_root=1e-12),
        "generator": Optimizer("adam", 1e-3, eps_root=1e-12),
    },
    data=Data("ring", shape=(2,)),
    solver="unrolled(10)",
    batch_size=512,
    half_life=0,
    kimg=5_120,
    log_kimg=25.6,
    sample_kimg=256,
    checkpoint_kimg=1_024,
    samples=1_000,
)
plain = replace(recipe, solver="alternating")
