"""One DCGAN with each objective, the same budget: samples side by side, how far they are from real images.

Every run has the same networks, length, minibatches and learning rates, so a row is the objective in this
game, not the best that it can do.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import flax.linen as nn

from gaxjax import objectives
from gaxjax.adversary import Adversary
from gaxjax.data import Data
from gaxjax.gans.adversarial import Adversarial
from gaxjax.layers.transformed import Transformed
from gaxjax.networks.autoencoder import EnergyDiscriminator
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.networks.mlp import Autoencoder
from gaxjax.objectives import (
    FeatureMatching,
    Hinge,
    LeastSquares,
    Minimax,
    Nonsaturating,
    RelativisticAverage,
    RelativisticPaired,
    Wasserstein,
)
from gaxjax.penalties import DRAGAN, R1, R2, GradientPenalty
from gaxjax.recipe import Optimizer, Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.tables.reproduction import reproduce, select_rows
from gaxjax.tables.verdict import Budget, Row
from gaxjax.tables.workers import WorkerFlags, Workers
from gaxjax.transforms import Clip, Identity, Spectral, WeightTransform

SHAPE = (32, 32, 1)
# scikit-learn's digits have no splits of their own.
SPLITS = {"digits": ("train[:1400]", "train[1400:]")}
"""Where a set has no split "test": what is trained on, and what is held out."""
COMPARED = 2_000
"""Samples, and held-out images, that a distance is between, where there are so many."""


@dataclass(frozen=True)
class Entry:
    """One row: what is the recipe's own; all else is the same for all."""

    title: str
    """as in the table"""
    adversary: Adversary = Adversary()
    """objective and penalties"""
    transform: WeightTransform = Identity()
    """of the discriminator's weights"""
    bounds: WeightTransform = Identity()
    """of the discriminator's weights after each move"""
    discriminator: Callable[[int], nn.Module] | None = None
    """features -> a discriminator, where the objective needs one of its own"""


ENTRIES = {
    "minimax": Entry("minimax", Adversary(Minimax())),
    "nonsaturating": Entry("non-saturating"),
    "smoothing": Entry("non-saturating, real target 0.9", Adversary(Nonsaturating(real_target=0.9))),
    "least_squares": Entry("least squares", Adversary(LeastSquares())),
    "wasserstein_clip": Entry("Wasserstein, clipped", Adversary(Wasserstein()), bounds=Clip(0.01)),
    "wasserstein_penalty": Entry(
        "Wasserstein, gradient penalty", Adversary(Wasserstein(), (GradientPenalty(10.0),))
    ),
    "hinge_spectral": Entry("hinge, spectral norm", Adversary(Hinge()), transform=Spectral()),
    "dragan": Entry("DRAGAN", Adversary(penalties=(DRAGAN(10.0),))),
    "relativistic_average": Entry("relativistic average", Adversary(RelativisticAverage())),
    "r3gan": Entry("relativistic paired, R1 and R2", Adversary(RelativisticPaired(), (R1(0.4), R2(0.4)))),
    "feature_matching": Entry("feature matching", Adversary(FeatureMatching())),
    "energy": Entry(
        "energy of an autoencoder",
        Adversary(objectives.Energy(margin=10)),
        discriminator=lambda features: EnergyDiscriminator(Autoencoder(SHAPE, features=(16 * features,))),
    ),
}

ABOUT = """\
{dataset} at {side} px, {kimg:g} kimg each: DCGAN's generator, and its discriminator without a norm and with
He initialization, both with {features} features; minibatches of 64, one update of each player in turn, Adam
at 2e-4 with b1 = 0.5, whatever the objective's paper used; samples from a moving average of the generator.
The energy's discriminator is an autoencoder, fully connected. No paper prints numbers for these settings,
which are ours. The distance is of samples to images that were held out; lower is better."""


def recipe(name: str, dataset: str, kimg: float, features: int) -> Recipe:
    """The run of one objective."""
    own = ENTRIES[name]
    # No norm: penalties are of single examples' slopes, which batch norm would mix (Gulrajani et al., section
    # 4).
    convolutional = Discriminator(features, depth=3, norm="none", deviation=0)
    discriminator = own.discriminator(features) if own.discriminator else convolutional
    return Recipe(
        gan=Adversarial(
            generator=Generator(SHAPE, features, depth=3),
            discriminator=Transformed(discriminator, own.transform, own.bounds),
            adversary=own.adversary,
        ),
        optimizers={"discriminator": Optimizer("adam", 2e-4), "generator": Optimizer("adam", 2e-4)},
        data=Data(
            dataset,
            shape=SHAPE,
            fit="resize",
            split=SPLITS.get(dataset, ("train", ""))[0],
            memory=0.0,  # most of a set is seen once or not at all
        ),
        batch_size=64,
        kimg=kimg,
        # In images: short runs average over a tenth of themselves, or they would be measured at their start.
        half_life=min(10_000, 100 * kimg),
        # Fifty rows, and at least a step of 64 images apart.
        log_kimg=max(kimg / 50, 0.064),
        sample_kimg=kimg / 4,
        checkpoint_kimg=kimg / 2,
        samples=36,
    )


def rows(dataset: str, kimg: float, features: int) -> list[Row]:
    """A distance of every objective's samples."""
    # Distances to what was trained on would reward whoever learns it by heart.
    held_out = SPLITS.get(dataset, ("", "test"))[1]
    return [
        Row(
            name=name,
            title=entry.title,
            metric="swd",
            printed=None,
            recipe=functools.partial(recipe, name, dataset, kimg, features),
            evaluation=Evaluation("swd", n=COMPARED, real=COMPARED, split=held_out),
        )
        for name, entry in ENTRIES.items()
    ]


def make(
    out: Path,
    data_directory: str = "",
    dataset: str = "fashion_mnist",
    kimg: float = 64.0,
    features: int = 16,
    seeds: int = 1,
    together: bool = False,
    only: str = "",
    workers: WorkerFlags = Workers(),
) -> str:
    """Trains DCGAN with each objective and compares them: OUT/objectives.md, .csv, .json and .png.

    Args:
        out: directory of the table and its runs
        data_directory: where tensorflow-datasets keeps its sets (empty: its own default)
        dataset: name of a set of images
        kimg: length of each run, in thousands of real images
        features: channels of the networks next to the image
        seeds: runs of each objective
        together: all seeds in one program
        only: objectives, comma-separated; empty for all
        workers: where the runs are made
    """
    selection = select_rows(rows(dataset, kimg, features), only)
    about = ABOUT.format(dataset=dataset, side=SHAPE[0], kimg=kimg, features=features)
    return reproduce(
        out, "objectives", about, selection, Budget(1.0), seeds, data_directory, together, workers
    )
