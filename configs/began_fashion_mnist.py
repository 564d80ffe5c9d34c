"""BEGAN on Fashion-MNIST at 32 px. Berthelot et al. 2017, arXiv 1703.10717.

    gaxjax train configs/began_fashion_mnist.py --workdir runs/began --data.directory DIR

Paper: no figure for this set. Here: no distance measured yet.

Differs from the paper:
- 32 px, 32 channels and two halvings, for faces at up to 128 px with 64 or 128 channels.
- k_t follows the error on the images that the discriminator saw, not on the generator's own draw.
- The learning rate is constant, not halved when the convergence measure stalls.
- Samples come from a moving average of the generator.
"""

from gaxjax.gans.began import BEGAN
from gaxjax.networks.autoencoder import Autoencoder, Decoder
from gaxjax.recipe import Data, Optimizer, Recipe

SHAPE = (32, 32, 1)

recipe = Recipe(
    gan=BEGAN(generator=Decoder(SHAPE, features=32), discriminator=Autoencoder(SHAPE, features=32)),
    optimizers={"discriminator": Optimizer("adam", 1e-4), "generator": Optimizer("adam", 1e-4)},
    data=Data("fashion_mnist", shape=SHAPE, fit="resize"),
    batch_size=16,
    kimg=500,
    sample_kimg=20,
    log_kimg=1,
)
