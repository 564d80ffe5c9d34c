"""Info-StyleGAN on rendered shapes: codes without a label. Nie et al. 2020, arXiv 2003.03461.

    gaxjax train info_stylegan --workdir runs/info_stylegan
    gaxjax evaluate runs/info_stylegan --metrics mig,l2,mig_gen,l2_gen

Paper: Isaac3D at 512 px and other sets; its numbers, and its weight gamma, are not known to us. Here:
`shapes`, whose seven factors are known. Which code takes which factor is left to chance, so MIG is for this
recipe, and L2 for configs/semi_stylegan.py beside it. By `gaxjax table nie2020` at 16 px after 16 kimg, 500
steps, small networks, seed 0, 2026-11-30: MIG 0.012, MIG-gen 0.001, samples colored noise (docs/results.md).

Differs from the paper:
- gamma is 1, which is our choice.
- The networks do not grow, and have 256 channels at most: `shapes` has 64 px and one GPU is enough.
- No standard deviation over the minibatch: E, on the discriminator's trunk, reads each image by itself.
- No mixing of styles, which would be of two codes; R1 at every 16th step.
- Samples come from a moving average of the generator; E is the discriminator's last.
"""

from gaxjax.adversary import Adversary
from gaxjax.gans import SemiStyleGAN
from gaxjax.latents import Latents
from gaxjax.layers import Head
from gaxjax.networks.progressive import Discriminator
from gaxjax.networks.style import Generator
from gaxjax.penalties import R1, Lazy
from gaxjax.recipe import Data, Optimizer, Recipe

SHAPE = (64, 64, 3)
SIZES = {"features": 4096, "max_features": 256}
adam = Optimizer("adam", 1e-3, b1=0.0, b2=0.99)

recipe = Recipe(
    gan=SemiStyleGAN(
        generator=Generator(SHAPE, **SIZES, style_size=256),
        # group=1: without the standard deviation of the minibatch.
        discriminator=Head(Discriminator(SHAPE, **SIZES, taps=(1, 2, 1), group=1), "code", 7),
        # Many, as the mapping divides z and c by their common length: of few, z would change how much c is.
        noise=Latents(256),
        code=Latents(7, "uniform"),
        adversary=Adversary(penalties=(Lazy(R1(1.0), every=16),)),
        # The paper's is not known to us. In the norm of seven codes on [-1, 1], 7 / 3 at first.
        gamma=1.0,
    ),
    optimizers={"discriminator": adam, "generator": adam},
    data=Data("shapes", shape=SHAPE),
    batch_size=32,
    kimg=2_000,
    sample_kimg=50,
    checkpoint_kimg=200,
)
