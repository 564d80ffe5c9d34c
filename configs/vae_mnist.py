"""A variational autoencoder on MNIST. Kingma and Welling 2014, arXiv 1312.6114, section 5.

    gaxjax train vae_mnist --workdir runs/vae_mnist --data.directory DIR

Paper: curves of the lower bound, for 3 to 200 latent variables, and no table. Here, of the test images:
-102.0 nats (76.8 of error, 25.1 of divergence), FID 128.7 by our own classifier's features (one seed). The
loss is minus the lower bound in nats, `error` minus the log-likelihood and `kl` the divergence.

Differs from the paper:
- Adam, not Adagrad.
- Pixels are shares of white, not drawn to be black or white.
"""

from gaxjax.gans import VAE
from gaxjax.latents import Latents
from gaxjax.networks.mlp import GaussianEncoder, Generator
from gaxjax.recipe import Data, Optimizer, Recipe

SHAPE = (28, 28, 1)

recipe = Recipe(
    gan=VAE(
        encoder=GaussianEncoder(20, features=(500,)),
        decoder=Generator(SHAPE, features=(500,), activation="tanh", output="none"),
        latents=Latents(20),
    ),
    optimizers={"autoencoder": Optimizer("adam", 1e-3, b1=0.9)},
    data=Data("mnist", shape=SHAPE),
    batch_size=100,
    kimg=3_000,
    log_kimg=10,
    sample_kimg=100,
    checkpoint_kimg=500,
    samples=100,
)
