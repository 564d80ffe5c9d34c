"""InfoGAN on MNIST as its authors ran it. Chen et al. 2016, arXiv 1606.03657, section 7.2.

    gaxjax train infogan_mnist --workdir runs/infogan_mnist --data.directory DIR

Paper: the categorical code, matched to classes, errs on about 5% of the digits [memory]. Here: not
reproduced; 73.2% +- 3.9% after 80 kimg in networks a quarter as wide, five seeds, none of which finds ten
classes (gaxjax table chen2016, 2026-11-30): samples are gray, and the code is read off what nobody sees. In
these widths the error is 80% after 38 kimg, one seed. The whole length was not run (docs/results.md).

Differs from the authors' code:
- Leaky ReLUs have slope 0.2, theirs 0.01; Q's initial kernels are He's, theirs normal with deviation 0.02.
- Pixels are [-1, 1] inside the networks too, theirs [0, 1].
- Samples come from a moving average of the generator.
"""

from gaxjax.gans import InfoGAN
from gaxjax.latents import Joint, Latents
from gaxjax.layers import Head
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.recipe import Data, Optimizer, Recipe

SHAPE = (28, 28, 1)
code = Joint((Latents(10, "categorical"), Latents(2, "uniform")))

recipe = Recipe(
    gan=InfoGAN(
        generator=Generator(SHAPE, features=64, depth=2, hidden=(1024,), output="sigmoid"),
        discriminator=Head(
            Discriminator(features=64, depth=2, hidden=(1024,)),
            "code",
            code.size,
            hidden=(128,),
            norm="batch",
        ),
        noise=Latents(62, "uniform"),
        code=code,
    ),
    optimizers={
        "discriminator": Optimizer("adam", 2e-4, b1=0.5),
        "generator": Optimizer("adam", 1e-3, b1=0.5),
    },
    data=Data("mnist", shape=SHAPE),
    batch_size=128,
    kimg=640,  # 50 epochs of 100 minibatches, as the authors count
    log_kimg=5,
    sample_kimg=32,
    checkpoint_kimg=128,
    samples=100,
)
