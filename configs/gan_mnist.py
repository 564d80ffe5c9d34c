"""GAN on MNIST as its authors ran it. Goodfellow et al. 2014, arXiv 1406.2661, section 5.

    gaxjax train gan_mnist --workdir runs/gan_mnist --data.directory DIR

Paper: Parzen-window log-likelihood 225 +- 2 (table 1: 10,000 samples, sigma chosen on validation images); the
authors' code has no stop rule.
Here: 190.1 +- 2.4 after 12,500 kimg (gaxjax table goodfellow2014 --budget paper; seed 0, 79 minutes on two
CPU cores beside other work, 2026-11-26); shorter runs came to 157.9 after 5,000 and 126.7 after 1,500. Nearly
all samples are digits, of all ten classes.

The paper's algorithm 1 alternates and writes the minimax objective; the authors' code moves both players at
once, by the same samples and dropout, and lets the generator maximize log D, and so does this recipe.
Pixels are [-1, 1] outside the networks and [0, 1] inside the discriminator, which is the same as theirs.

Differs from the authors' code:
- Their discriminator's loss is half of this one, so its learning rate here is half of theirs (0.1).
- Their output bias begins at the data's marginals; here it begins at zero.
- The moving average of the generator is not theirs; --half-life 0 samples from the generator itself.
"""

from gaxjax.gans import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.mlp import Generator, MaxoutDiscriminator
from gaxjax.recipe import Data, Exponential, Linear, Optimizer, Recipe
from gaxjax.solvers import Simultaneous

# Per update, the learning rate is divided by 1.000004: halved every ln 2 / ln 1.000004 updates of 100 images.
HALF_LIFE_KIMG = 17_328.7
# The momentum rises over 250 epochs of the 50,000 training images.
momentum = Linear(0.5, 0.7, 0, 12_500)

recipe = Recipe(
    gan=Adversarial(
        generator=Generator((28, 28, 1), features=(1200, 1200), output="sigmoid", bound=0.05),
        discriminator=MaxoutDiscriminator(features=(240, 240), pieces=5),
        latents=Latents(100, "uniform", bound=3**0.5),
    ),
    optimizers={
        "discriminator": Optimizer("sgd", Exponential(0.05, HALF_LIFE_KIMG, floor=5e-7), momentum),
        "generator": Optimizer("sgd", Exponential(0.1, HALF_LIFE_KIMG, floor=1e-6), momentum),
    },
    data=Data("mnist", shape=(28, 28, 1), split="train[:50000]"),
    solver=Simultaneous(),
    batch_size=100,
    kimg=5_000,
    log_kimg=10,
    sample_kimg=250,
    checkpoint_kimg=500,
    samples=100,
)
