"""MNIST with few labels. Salimans et al. 2016, arXiv 1606.03498, sections 3.1 and 5.

    gaxjax train salimans2016_mnist --workdir runs/few --data.directory DIR
    gaxjax train salimans2016_mnist --workdir runs/fewer --data.directory DIR --data.labeled 20
    gaxjax evaluate runs/few --metrics accuracy
    gaxjax table salimans2016 --data-directory DIR

Paper: 93 +- 6.5 of 10,000 test images misclassified with 100 labels. Here: 1,855 +- 27 after 108 kimg,
0.3% of this length, three seeds, 2026-11-30 (docs/results.md); all of it would take 11 hours on one CPU core.

A step sees 100 labeled and 100 other images, and 100 fakes, as in the authors' code; 300 epochs of 60,000
images without labels are 36,000 kimg.

Differs from the authors' code:
- Lengths of weights that its first minibatch sets to outputs of variance 1 are computed from the variance of
  their inputs; biases begin at 0.
- Batch norm has a scale; initial weights of the generator are He's; latents U[-0.5, 0.5] instead of U[0, 1].
- The generator's real images are those of the discriminator's step, not others.
- The moving average, which is tested, forgets the beginning sooner; its decay ends the same, 1e-4 a step.
"""

from dataclasses import replace

from gaxjax.adversary import Adversary
from gaxjax.gans import SGAN
from gaxjax.latents import Latents
from gaxjax.networks.salimans import Discriminator, Generator
from gaxjax.objectives import FeatureMatching
from gaxjax.recipe import Data, Optimizer, Recipe

SHAPE = (28, 28, 1)
# The authors' Adam has its small number under the root, where it slows players whose gradients are small;
# without it the generator is lost within five epochs. Matched features are summed here and averaged in their
# code: the generator's gradients are 250 times theirs.
adam = Optimizer("adam", 3e-3, b1=0.5, eps=0.0, eps_root=1e-8)

recipe = Recipe(
    gan=SGAN(
        generator=Generator(SHAPE),
        discriminator=Discriminator(classes=10),
        latents=Latents(100, "uniform", bound=0.5),
        adversary=Adversary(FeatureMatching()),
        weight=0.5,
        unlabeled_alone=True,
        fakes=0.5,
    ),
    optimizers={"discriminator": adam, "generator": replace(adam, eps_root=1e-8 * 250**2)},
    data=Data("mnist", shape=SHAPE, labeled=100, labeled_share=0.5),
    batch_size=200,
    kimg=36_000,
    half_life=1_386_000,  # 6,931 steps, in which (1 - 1e-4) halves what was
    ramp_up=0.05,
    steps_per_call=50,
    log_kimg=20,
    sample_kimg=600,
    checkpoint_kimg=200,
    samples=100,
)
