"""Implicit competitive regularization on MNIST. Schaefer, Zheng and Anandkumar 2020, arXiv 1910.05852.

    gaxjax train icr_mnist --workdir runs/icr --data.directory DIR

Paper: no figure for this set (its own are curves on CIFAR-10). Here: no distance measured yet; with 16
features in both networks, after 100 kimg (782 steps, 9 minutes on two CPU cores beside other work, seed 0,
2026-11-23) blurred strokes of many digits, all different, and a value of the game of 0.84, which had not run
away.

The minimax game itself, zero-sum, without any penalty, solved by adaptive competitive gradient descent: the
second moment of Adam with b2 = 0.99 and eps = 1e-5, no momentum. Latents and minibatches are those of the
authors' code for MNIST.

Differs from the authors' code:
- Ten iterations of conjugate gradients, from zero, on the equations of both players; theirs are 1,000 at
  most, from the last solution, on one player's, in turn.
- DCGAN's networks, with strided convolutions for their max pooling and without their hidden layers of 1,024.
- The learning rate is theirs for CIFAR-10, 1e-4. At theirs for MNIST, 1e-2, with 16 features in both
  networks, the discriminator was sure of every image within 100 steps here, and samples stayed gray.
- Samples come from a moving average of the generator.
"""

from gaxjax.adversary import Adversary
from gaxjax.gans import Adversarial
from gaxjax.latents import Latents
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.objectives import Minimax, ZeroSum
from gaxjax.recipe import Data, Optimizer, Recipe
from gaxjax.solvers import Competitive

adaptive = Optimizer("adam", 1e-4, b1=0, b2=0.99, eps=1e-5)

recipe = Recipe(
    gan=Adversarial(
        generator=Generator((28, 28, 1), features=64, depth=2),
        discriminator=Discriminator(features=32, depth=2, kernel=5, norm="none", deviation=0),
        latents=Latents(96),
        adversary=Adversary(ZeroSum(Minimax())),
    ),
    optimizers={"discriminator": adaptive, "generator": adaptive},
    data=Data("mnist", shape=(28, 28, 1)),
    solver=Competitive(),
    batch_size=128,
    kimg=1_500,
    sample_kimg=50,
    log_kimg=5,
)
