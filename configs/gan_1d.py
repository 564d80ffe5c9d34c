"""The original GAN on a line, D as a curve. Goodfellow et al. 2014, arXiv 1406.2661, figure 1.

    gaxjax train gan_1d --workdir runs/gan_1d

Paper, figure 1: data density, model density and D at four moments of training, from a poor fit to
p_g = p_data, where D is 1/2 everywhere; D follows p_data / (p_data + p_g) (proposition 1). The figure is a
sketch and names neither networks nor data. The run's moments.png is the same figure, measured; the dashed
optimum is of densities estimated from 10,000 examples, and left out where there are next to none.

Here: normal densities of deviation 0.5 at -2 and 2; 9,216 kimg, a minute on two CPU cores. Seed 0, means
over (p_data + p_g) / 2, p_data in closed form, p_g from 200,000 samples:

                          2,304 kimg    4,608 kimg    6,912 kimg    9,216 kimg
    total variation             0.18          0.10          0.05          0.03
    mean |D - optimum|         0.086         0.047         0.039         0.014
    mean |D - 1/2|             0.012         0.009         0.035         0.010

At the end 0.9% of the samples are within 0.5 of the middle, where 0.1% of the data is: what is continuous
in connected latents has to pass there, and D says so. D is smoother than the optimum.

Differs from the paper:
- Adam (the paper: momentum). Its rates fall to a tenth (D) and to zero (G) over the second half: at
  constant ones the two go on around each other.
- k = 3 moves of D to one of G (the paper's experiments: 1); G's loss is the non-saturating one (section 3).
- No moving average: D is drawn against the generator that it plays.
"""

from gaxjax.adversary import Adversary
from gaxjax.gans import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.mlp import Discriminator, Generator
from gaxjax.objectives import Nonsaturating
from gaxjax.recipe import Data, Linear, Optimizer, Recipe

recipe = Recipe(
    gan=Adversarial(
        generator=Generator((1,), features=(64, 64), activation="tanh", output="none"),
        discriminator=Discriminator(features=(64, 64)),
        latents=Latents(4),
        adversary=Adversary(Nonsaturating()),
    ),
    optimizers={
        "discriminator": Optimizer("adam", Linear(1e-3, 1e-4, 4_608, 9_216), b1=0.5, updates=3),
        "generator": Optimizer("adam", Linear(5e-4, 0.0, 4_608, 9_216), b1=0.5),
    },
    data=Data("mixture", shape=(1,), modes=2, spread=4, deviation=0.5),
    batch_size=512,
    half_life=0,
    kimg=9_216,
    log_kimg=92.16,
    sample_kimg=460.8,
    checkpoint_kimg=2_304,
    samples=10_000,
)
