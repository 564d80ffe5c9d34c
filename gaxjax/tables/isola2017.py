"""Losses and generators of Isola et al. 2017 from photographs to label maps, which their colors score."""

import functools
from dataclasses import replace
from pathlib import Path

from gaxjax.layers.modules import set_fields
from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.serialization import load_recipe
from gaxjax.tables.reproduction import reproduce, select_rows
from gaxjax.tables.verdict import Budget, Printed, Row, parse_budget
from gaxjax.tables.workers import WorkerFlags, Workers

VARIANTS = {
    "l1": "L1",
    "gan": "GAN",
    "cgan": "cGAN",
    "l1_gan": "L1+GAN",
    "recipe": "L1+cGAN",
    "encoder_decoder": "L1+cGAN, encoder-decoder",
}
"""Recipe in configs/pix2pix_facades.py -> the paper's name."""
PRINTED = {"l1": (0.86, 0.42, 0.35), "cgan": (0.74, 0.28, 0.22), "recipe": (0.83, 0.36, 0.29)}
"""What the paper prints for the same direction on Cityscapes, in the order of `COLUMNS`."""
COLUMNS = {
    "pixel_accuracy": "pixel accuracy",
    "per_class_accuracy": "per-class accuracy",
    "class_iou": "class IoU",
}
SCORED = Evaluation("pixel_accuracy", output="a to b", reference="b", split="val", n=100)
ABOUT = """\
Isola et al. 2017, arXiv 1611.07004, from photographs to label maps of facades at 64 px, by
networks of {features} features: pixels of the right
class, which is the nearest of the 12 colors, their share class by class, and intersection over union, of the
100 pairs of the split val. The paper's numbers for that direction are of Cityscapes at 256 px, where it has
L1 first, L1+cGAN next and cGAN last; its table 1 is of the other direction, photographs scored by another
network: L1+cGAN .66/.23/.17, L1+GAN .64/.20/.15, cGAN .57/.22/.16, L1 .42/.15/.11, GAN .22/.05/.01 (pixel,
class, IoU) [secondary]."""


def recipe(name: str, features: int) -> Recipe:
    """The variant of configs/pix2pix_facades.py, from photographs to label maps."""
    found = load_recipe(f"pix2pix_facades:{name}")[0]
    return replace(found, gan=set_fields(found.gan, features=features), data=replace(found.data, swap=False))


def rows(features: int) -> list[Row]:
    """Three for each variant, of one run."""
    return [
        Row(
            name=name,
            title=title,
            metric=metric,
            printed=Printed(PRINTED[name][i], None, 1, "memory") if name in PRINTED else None,
            recipe=functools.partial(recipe, name, features),
            evaluation=SCORED,
            measured_as=column,
            better="higher",
            differs="theirs is of Cityscapes at 256 px",
            column=column,
        )
        for name, title in VARIANTS.items()
        for i, (metric, column) in enumerate(COLUMNS.items())
    ]


def make(
    out: Path,
    budget: str = "small",
    seeds: int = 1,
    data_directory: str = "",
    features: int = 32,
    only: str = "",
    workers: WorkerFlags = Workers(),
) -> str:
    """Trains photographs to label maps with each loss: OUT/isola2017.md, .csv, .json, .png.

    Args:
        out: directory of the table and its runs
        budget: smoke, small (an eighth of 200 epochs), paper, or a share such as 0.4
        seeds: runs of each row
        data_directory: the folder of facades, with subfolders train and val
        features: channels of both networks after their first layer
        only: rows, comma-separated, such as l1,recipe; empty for all
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.0002), small=Budget(0.125))
    selection = select_rows(rows(features), only)
    about = ABOUT.format(features=features)
    return reproduce(out, "isola2017", about, selection, training, seeds, data_directory, False, workers)
