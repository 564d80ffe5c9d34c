"""MoCoGAN on moving shapes, 16 frames of 64 px. Tulyakov et al. 2018, arXiv 1707.04993.

    gaxjax train mocogan_shapes --workdir runs/mocogan --data.directory DIR
    gaxjax train mocogan_shapes:small --workdir runs/mocogan_small --data.directory DIR
    gaxjax sample runs/mocogan_small --n 16 --frames 64
    gaxjax sample runs/mocogan_small --n 16 --sampling "crossed=True"

DIR holds clips as strips, images of 32 frames of 64 px side by side, in a subfolder for each motion (those of
moving shapes are published with the paper); every second frame is taken. Clips of any length are sampled;
crossed ones are of one content in each row and one motion in each column.

Paper: average content distance 1.79, of real clips 0, of VGAN 5.02 [memory]; Adam at 2e-4 (0.5, 0.999) with
weight decay 1e-5, minibatches of 10 frames and 3 clips, 100,000 of them [read in the code]. Here: 1.65 of
small, of real clips 0.07, after 60 kimg (seed 0, 2026-11-30; an hour on a share of two CPU cores, some ten
minutes of both), 2.49 after 20 kimg; color still follows the motion in part.

small has 32 px, an eighth of the channels and a learning rate of 5e-4, and clips of consecutive frames.

Differs from the authors' code:
- A minibatch is 10 clips, and the frames that are judged are one of each of these; theirs are 3 clips and 10
  frames of others.
- Two categories, as many as the set has motions (theirs: 6 unless told), which the discriminator learns from
  generated clips, as in the paper; their code can learn them from labels of real ones.
- Dense layers and the generator's last one have a bias; initial kernels are DCGAN's, theirs PyTorch's own.
- Samples come from moving averages of both networks.
"""

from dataclasses import replace

from gaxjax.gans import MoCoGAN
from gaxjax.latents import Latents
from gaxjax.layers import Head
from gaxjax.networks.dcgan import Generator
from gaxjax.networks.mocogan import Discriminator, Motion
from gaxjax.recipe import Data, Evaluation, Optimizer, Recipe

adam = Optimizer("adam", 2e-4, b1=0.5, weight_decay=1e-5)

recipe = Recipe(
    gan=MoCoGAN(
        recurrent=Motion(),
        generator=Generator((64, 64, 3), features=64, depth=4),
        image_discriminator=Discriminator(features=64, depth=4, patch=True),
        video_discriminator=Head(Discriminator(features=64, depth=4), "code", 2),
        code=Latents(2, "categorical", name="category"),
    ),
    optimizers={"discriminator": adam, "generator": adam},
    data=Data("folder", shape=(16, 64, 64, 3), layout="strips", stride=2),
    batch_size=10,
    kimg=1_000,
    half_life=1_000,
    log_kimg=1,
    sample_kimg=20,
    checkpoint_kimg=50,
    samples=16,
    evaluation=Evaluation("acd", reference="video", n=2_000, real=2_000),
)

adam = replace(adam, learning_rate=5e-4)
small = replace(
    recipe,
    gan=replace(
        recipe.gan,
        generator=Generator((32, 32, 3), features=8, depth=3),
        image_discriminator=Discriminator(features=8, depth=3, patch=True),
        video_discriminator=Head(Discriminator(features=8, depth=3), "code", 2),
    ),
    optimizers={"discriminator": adam, "generator": adam},
    data=replace(recipe.data, shape=(16, 32, 32, 3), stride=1),
    kimg=60,
    log_kimg=0.1,
    sample_kimg=2,
    checkpoint_kimg=2,
)
