"""StarGAN between the skin tones of people drawn as emoji, at 64 px. Choi et al. 2018, arXiv 1711.09020.

    gaxjax train stargan_emoji --workdir runs/stargan --data.directory DIR

DIR holds a subfolder for each of six skin tones, in train and in test; of attributes in a file, see
docs/data.md. Samples have a column for each domain after the image; then the image translated to its own
domain, and to another and back.

Paper: 2.12% of translated images misread on RaFD, [memory], by a classifier that misreads 0.45% of real ones.
Here: at 32 px, with small networks and 80 kimg, 22.5%, and 11.5% of real ones (docs/results.md); every domain
has its color by then, and detail is lost. No number at this recipe's length yet.

Five updates of the critic to one of the generator; lengths count the images that the critic sees.

Differs from the authors' code (faces at 128 px):
- Half the channels, four residual blocks of six, a discriminator of five layers of six; half of the steps.
- Biases in the head and in the generator's last layer.
- The learning rate falls at every step, not at every thousandth; samples come from a moving average.
"""

from gaxjax.gans import LabelSet, StarGAN
from gaxjax.layers.conditioning import Concatenated, Head
from gaxjax.networks.stargan import Discriminator
from gaxjax.networks.translation import ResidualGenerator
from gaxjax.recipe import Data, Evaluation, Linear, Optimizer, Recipe

# Constant for the first half, as in the authors' code.
RATE = Linear(1e-4, 0.0, from_kimg=800, to_kimg=1_600)

recipe = Recipe(
    gan=StarGAN(
        generator=Concatenated(
            ResidualGenerator(
                features=32, blocks=4, kernel=4, padding="same", norm="scaled_instance", bias=False
            )
        ),
        discriminator=Head(Discriminator(features=32, depth=5), "classes", 6),
        sets=(LabelSet(6),),
    ),
    optimizers={
        "discriminator": Optimizer("adam", RATE, b1=0.5, b2=0.999, updates=5),
        "generator": Optimizer("adam", RATE, b1=0.5, b2=0.999),
    },
    data=Data("folder", shape=(64, 64, 3), flip=True),
    batch_size=16,
    half_life=1_000,
    kimg=1_600,
    log_kimg=4,
    sample_kimg=20,
    checkpoint_kimg=40,
    samples=12,
    # Test images, each to a tone by turns, as a classifier of the training images reads them.
    evaluation=Evaluation(
        "class_accuracy",
        features="classifier(data)",
        output="image to image",
        split="test",
        balanced=True,
        n=1_200,
    ),
)
