"""CoGAN as adaptation: classes in a domain without labels. Liu and Tuzel 2016, arXiv 1606.07536.

    gaxjax train cogan_domains --workdir runs/domains --data.directory DIR          # MNIST and its negatives
    gaxjax train cogan_domains:digits --workdir runs/digits --data.directory DIR    # MNIST and the digits

Labels of MNIST train a head on what both discriminators share; it is tested on images of domain b, whose
labels nothing has seen.

Paper: MNIST to USPS 0.912 +- 0.008 [memory], a set that is not here. Here: not measured.

Differs from the authors' code:
- Domain b: negatives of the other half of MNIST; or four fifths of the built-in 1,797 digits, enlarged from
  8 to 28 pixels, tested on the last fifth.
- The network and what else differs: as in cogan_mnist.
"""

from dataclasses import replace

from gaxjax.gans import CoGAN
from gaxjax.networks.coupled import Discriminator, Generator
from gaxjax.recipe import Data, Evaluation, Optimizer, Recipe

SHAPE = (28, 28, 1)
adam = Optimizer("adam", 2e-4, b1=0.5, b2=0.999)

recipe = Recipe(
    gan=CoGAN(
        generator=Generator(SHAPE, features=32),
        discriminator=Discriminator(classes=10),
        classes=10.0,
        agreement=0.01,
    ),
    optimizers={"discriminator": adam, "generator": adam},
    data=Data("mnist", shape=SHAPE, domain_b="negatives", paired=False),
    batch_size=64,
    half_life=5_000,
    kimg=600,
    log_kimg=5,
    sample_kimg=25,
    checkpoint_kimg=50,
    samples=32,
    evaluation=Evaluation("test_accuracy", reference="b", split="test", n=5_000),
    evaluation_kimg=25,
)
digits = replace(
    recipe,
    data=replace(recipe.data, domain_b="digits", split="train[:80%]"),
    evaluation=replace(recipe.evaluation, split="train[80%:]", n=359),
)
