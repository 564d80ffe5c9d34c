"""DiscoGAN between two drawing styles of emoji, at 64 px. Kim et al. 2017, arXiv 1703.05192.

    gaxjax train discogan_emoji --workdir runs/discogan_emoji --data.directory DIR
    gaxjax evaluate runs/discogan_emoji

DIR holds pictures of one domain, a, in trainA and testA, and of the other, b, in trainB and testB: here emoji
of two fonts, some 1,400 of each for training. In testA and testB pictures of one name are of the same thing,
and what becomes of one is compared with the other.

Paper: no number for this set, and no table for its own. Here: at 32 px, in networks a quarter as wide,
nothing is learned yet after 24 kimg: PSNR 11.68, of the image as it is 12.67 (docs/results.md).

As in the authors' code, of three minibatches the discriminators move at the first and the generators at the
other two; features are matched; the reconstructions' share is 0.01 at first and then a half.

Differs from the authors' code:
- The discriminators' loss is twice theirs, and they see pixels in [-1, 1], not [0, 1].
- No weight decay (theirs 1e-5); kernels begin normal, at 0.02.
- Batch norm's running statistics make samples; theirs are made of the batch.
- The length, 10,000 steps or 30,000 minibatches, is ours; theirs is 5,000 epochs.
- Samples come from moving averages of the generators.
"""

from gaxjax.gans import DiscoGAN
from gaxjax.networks.discogan import Discriminator, Generator
from gaxjax.recipe import Data, Evaluation, Optimizer, Recipe

recipe = Recipe(
    gan=DiscoGAN(
        generator_ab=Generator(),
        generator_ba=Generator(),
        discriminator_a=Discriminator(),
        discriminator_b=Discriminator(),
    ),
    optimizers={"discriminator": Optimizer(), "generator": Optimizer(updates=2)},
    data=Data("folder", shape=(64, 64, 3), layout="domains", paired=False),
    batch_size=64,
    half_life=10_000,
    kimg=640,
    log_kimg=6.4,
    sample_kimg=32,
    checkpoint_kimg=64,
    samples=16,
    evaluation=Evaluation("psnr,ssim", split="test", n=155, real=155, output="a to b", reference="b"),
)
