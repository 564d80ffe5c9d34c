"""Log-likelihoods of LAPGAN and of a plain GAN on CIFAR-10. Denton et al. 2015, table 1."""

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

from gaxjax.layers.modules import replace_modules
from gaxjax.recipe import Optimizer, Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.serialization import load_recipe
from gaxjax.tables.reproduction import reproduce, select_rows
from gaxjax.tables.verdict import Budget, Printed, Row, parse_budget
from gaxjax.tables.workers import WorkerFlags, Workers

MODELS = {"gan": ("plain", "GAN", ""), "lapgan": ("recipe", "LAPGAN", "level 2")}
"""Row -> recipe in configs/lapgan_cifar10.py, its name in the paper, and which output is measured."""
PRINTED = {
    ("gan", "parzen"): Printed(-3617, 353, 1, "memory"),
    ("lapgan", "multiscale_parzen"): Printed(-1799, 826, 1, "memory"),
}
"""A number in the paper for each: of the GAN by plain windows, of LAPGAN by windows of many scales."""
METRICS = ("parzen", "multiscale_parzen")
ABOUT = """\
Denton et al. 2015, arXiv 1506.05751, CIFAR-10 at 32 px: log-likelihood in nats of 2,000 test images, by
Parzen windows on 10,000 samples, on their pixels and on the levels of their pyramids; widths are chosen on
validation images. The paper's are of images that were normalized pixel by pixel, its ± is the standard
deviation over images, and its windows of many scales stand on residuals that were drawn for each test image:
what can be compared is the order. Both models are told the classes and see as many images; ours have
{features} channels in convolutions and {hidden} units in fully connected layers."""


def resize(module: Any, features: int, hidden: int) -> Any:
    """A game, or a network, with so many channels in convolutions and units in fully connected layers."""
    module = replace_modules(module, lambda _, inner: resize(inner, features, hidden))
    # Both kinds call their width `features`: one number, or one for each hidden layer.
    match getattr(module, "features", None):
        case int():
            return replace(module, features=features)
        case tuple() as widths:
            return replace(module, features=(hidden,) * len(widths))
    return module


def recipe(variant: str, features: int, hidden: int, adam: float, batch_size: int, folder: bool) -> Recipe:
    """The variant of configs/lapgan_cifar10.py at that width; a rate of Adam's above 0 replaces its rules."""
    original = load_recipe(f"lapgan_cifar10:{variant}")[0]
    # By the authors' SGD, whose momentum rises for 39,000 kimg, short runs would hardly begin.
    rules = dict.fromkeys(original.optimizers, Optimizer("adam", adam)) if adam else original.optimizers
    data = replace(original.data, name="folder", layout="classes", split="train") if folder else original.data
    return replace(
        original,
        gan=resize(original.gan, features, hidden),
        optimizers=rules,
        data=data,
        batch_size=batch_size,
        log_kimg=2,
        sample_kimg=20,
        # Often, for runs that may be stopped at any time.
        checkpoint_kimg=20,
        # Measured at the end alone.
        evaluation=Evaluation(),
    )


def rows(folder: bool, **options: Any) -> list[Row]:
    """Two for each model, of one run; options of its recipe."""
    # Sigma is chosen on images that neither train nor are tested.
    validation = "val" if folder else "train[45000:46000]"
    return [
        Row(
            name=name,
            title=title,
            metric=metric,
            printed=PRINTED.get((name, metric)),
            recipe=functools.partial(recipe, variant, folder=folder, **options),
            evaluation=Evaluation(
                ",".join(METRICS), split="test", validation=validation, n=10_000, real=2_000, output=output
            ),
            measured_as=metric,
            better="higher",
            differs="theirs is of normalized pixels",
        )
        for name, (variant, title, output) in MODELS.items()
        for metric in METRICS
    ]


def make(
    out: Path,
    budget: str = "small",
    seeds: int = 1,
    data_directory: str = "",
    folder: bool = False,
    features: int = 64,
    hidden: int = 1600,
    adam: float = 0.0,
    batch_size: int = 128,
    only: str = "",
    workers: WorkerFlags = Workers(),
) -> str:
    """Trains LAPGAN and a plain GAN and measures both: OUT/denton2015.md, .csv, .json, .png.

    Args:
        out: directory of the table and its runs
        budget: smoke, small (a tenth of 9,000 kimg, which are 200 epochs), paper, or a share such as 0.4
        seeds: runs of each row
        data_directory: where tensorflow-datasets keeps CIFAR-10 (empty: its own default)
        folder: whether it is a folder of images instead, with subfolders train, val and test, and in each of
            these one for each class
        features: channels of the finer levels' convolutions
        hidden: units of each fully connected hidden layer
        adam: learning rate of Adam in place of the authors' SGD, for short runs; 0: theirs
        batch_size: examples of a minibatch
        only: rows, comma-separated, such as gan,lapgan; empty for all
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.0001, 500), small=Budget(0.1))
    options = {"features": features, "hidden": hidden, "adam": adam, "batch_size": batch_size}
    selection = select_rows(rows(folder, **options), only)
    about = ABOUT.format(features=features, hidden=hidden)
    return reproduce(out, "denton2015", about, selection, training, seeds, data_directory, False, workers)
