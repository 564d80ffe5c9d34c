"""BEGAN on Fashion-MNIST at 32 px. Berthelot et al. 2017, arXiv 1703.10717.

    gaxjax train began_fashion_mnist --workdir runs/began --data.directory DIR

Paper: no figure for this set. Here: no distance measured yet; with 16 features in both networks, Adam at
1e-4 with b1 = 0.5 and --kimg 90 (5,625 steps, seed 0) the convergence measure falls from 0.23 (at 20 kimg)
to 0.15, and samples are blurred shapes of shoes and bags: far too short.

Length and learning rate are those of carpedm20/BEGAN-tensorflow, for the authors published no code: 8e-5,
halved after every 100,000 updates of 16 images, never below 2e-5. The paper begins at 1e-4 and halves it when
the convergence measure stalls. The first halving is at 1,600 kimg: a shorter run has a constant rate.

Differs from the paper:
- 32 px, 32 channels and two halvings, for faces at up to 128 px with 64 or 128 channels.
- k_t follows the error on the images that the discriminator saw, not on the generator's own draw.
- The learning rate is halved by the clock, as told above.
- Samples come from a moving average of the generator.
"""

from gaxjax.gans import BEGAN
from gaxjax.networks.autoencoder import Autoencoder, Decoder
from gaxjax.recipe import Data, Exponential, Optimizer, Recipe

SHAPE = (32, 32, 1)
rate = Exponential(8e-5, half_life_kimg=1_600, floor=2e-5, stairs=True)

recipe = Recipe(
    gan=BEGAN(generator=Decoder(SHAPE, features=32), discriminator=Autoencoder(SHAPE, features=32)),
    optimizers={
        "discriminator": Optimizer("adam", rate, b1=0.9),
        "generator": Optimizer("adam", rate, b1=0.9),
    },
    data=Data("fashion_mnist", shape=SHAPE, fit="resize"),
    batch_size=16,
    kimg=8_000,
    sample_kimg=100,
    log_kimg=4,
)
