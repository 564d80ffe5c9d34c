"""Five ways to steadier training, on one game of MNIST. Salimans et al. 2016, arXiv 1606.03498, section 3.

    gaxjax train improved_mnist --workdir runs/smoothing --data.directory DIR
    gaxjax train improved_mnist:feature_matching --workdir runs/matching --data.directory DIR
    gaxjax train improved_mnist:minibatch_discrimination --workdir runs/batch --data.directory DIR
    gaxjax train improved_mnist:historical_averaging --workdir runs/history --data.directory DIR
    gaxjax train improved_mnist:instance_noise --workdir runs/noise --data.directory DIR

Paper: no figure for unlabeled MNIST (its own are of errors with few labels). Here: no distance measured yet.

recipe: real images are to be called real with a probability of 0.9 (section 3.4). feature_matching: the
generator matches the mean of the last hidden layer, squared as in the authors' code for MNIST (3.1).
minibatch_discrimination: 100 kernels of 5 dimensions (3.2). historical_averaging: both players are drawn to
the mean of their past (3.3), with a weight that the paper does not give. instance_noise is not of this paper,
but of Sonderby et al. 2017 (arXiv 1610.04490): noise of 0.1 on all that the discriminator sees, fading.

Differs from the authors' code:
- No labels: one logit, real or made. Its widths and minibatches, but two hidden layers in the discriminator,
  not five; no weight norm, no batch norm, no noise between layers, ReLU for softplus; Adam at 2e-4, not 3e-3.
- Latents N(0, 1) instead of U[0, 1]; matched features are summed, as in the paper, not averaged.
- Samples come from a moving average of the generator.
"""

from dataclasses import replace

from gaxjax.adversary import Adversary
from gaxjax.augmentations import Augment, Noise
from gaxjax.gans import Adversarial
from gaxjax.networks.mlp import Discriminator, Generator
from gaxjax.objectives import FeatureMatching, Nonsaturating
from gaxjax.recipe import Data, Optimizer, Recipe

gan = Adversarial(
    generator=Generator((28, 28, 1), features=(500, 500)),
    discriminator=Discriminator(features=(1000, 500)),
)
drawn = Optimizer(history=1e-3)

recipe = Recipe(
    gan=replace(gan, adversary=Adversary(Nonsaturating(real_target=0.9))),
    optimizers={"discriminator": Optimizer(), "generator": Optimizer()},
    data=Data("mnist", shape=(28, 28, 1)),
    batch_size=100,
    kimg=5_000,
    sample_kimg=100,
    log_kimg=10,
)
feature_matching = replace(recipe, gan=replace(gan, adversary=Adversary(FeatureMatching())))
minibatch_discrimination = replace(
    recipe, gan=replace(gan, discriminator=Discriminator(features=(1000, 500), minibatch_kernels=100))
)
historical_averaging = replace(recipe, gan=gan, optimizers={"discriminator": drawn, "generator": drawn})
instance_noise = replace(
    recipe, gan=replace(gan, adversary=Adversary(augment=Augment((Noise(0.1, steps=50_000),))))
)
