"""Losses and generators of Isola et al. 2017 on facades, scored by the classes of label maps' pixels."""

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
LABELS = {"l1": (0.86, 0.42, 0.35), "cgan": (0.74, 0.28, 0.22), "recipe": (0.83, 0.36, 0.29)}
"""The paper's, of label maps made of photographs of Cityscapes, in the order of `COLUMNS` [memory]."""
# The encoder-decoder is in table 2, whose U-Net has other numbers than table 1 has: none stands beside ours.
PHOTOS = {
    "l1": (0.42, 0.15, 0.11),
    "gan": (0.22, 0.05, 0.01),
    "cgan": (0.57, 0.22, 0.16),
    "l1_gan": (0.64, 0.20, 0.15),
    "recipe": (0.66, 0.23, 0.17),
}
"""Of photographs made of its label maps, by another network's label maps of them: table 1 [secondary]."""
COLUMNS = {
    "pixel_accuracy": "pixel accuracy",
    "per_class_accuracy": "per-class accuracy",
    "class_iou": "class IoU",
}
# All pairs that no run is trained on; as many samples as there are, for each has one partner.
SCORED = Evaluation("pixel_accuracy", output="a to b", reference="b", split="val", n=100)
ABOUT = """\
Isola et al. 2017, arXiv 1611.07004, {direction} of facades at 64 px, by networks of
{features} features: pixels of the right class, which is the nearest of the 12 colors, their share class by
class, and intersection over union, of the 100 pairs of the split val. The paper's numbers are of Cityscapes
at 256 px{by}: what can be compared is their order."""
DIRECTIONS = {
    False: ("from photographs to label maps", ""),
    True: (
        "from label maps to photographs",
        ", by FCN-8s, and ours by a run of this table that labels photographs",
    ),
}


def recipe(name: str, features: int, photos: bool = False) -> Recipe:
    """The variant of configs/pix2pix_facades.py, from photographs to label maps or to photographs."""
    variant = load_recipe(f"pix2pix_facades:{name}")[0]
    # Of both networks, so that a row's players stay as strong beside each other as in the paper.
    gan = set_fields(variant.gan, features=features)
    return replace(variant, gan=gan, data=replace(variant.data, swap=photos))


def rows(features: int, segmenter: str = "") -> list[Row]:
    """Three for each variant, of one run; to photographs where there is a run that labels these."""
    printed, mark = (PHOTOS, "secondary") if segmenter else (LABELS, "memory")
    # What a photograph was made of is what is to be read off it.
    scored = replace(SCORED, reference="a", back=segmenter) if segmenter else SCORED
    return [
        Row(
            name=name,
            title=title,
            metric=metric,
            printed=Printed(printed[name][i], None, 1, mark) if name in printed else None,
            recipe=functools.partial(recipe, name, features, bool(segmenter)),
            evaluation=scored,
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
    segmenter: str = "",
    only: str = "",
    workers: WorkerFlags = Workers(),
) -> str:
    """Trains a translation with each loss: OUT/isola2017.md, .csv, .json, .png.

    Args:
        out: directory of the table and its runs
        budget: smoke, small (an eighth of 200 epochs), paper, or a share such as 0.4
        seeds: runs of each row
        data_directory: the folder of facades, with subfolders train and val
        features: channels of both networks after their first layer
        segmenter: a run from photographs to label maps, such as l1/seed0 of this table in another directory;
            the table is then of the other direction, whose photographs it labels
        only: rows, comma-separated, such as l1,recipe; empty for all
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.0002), small=Budget(0.125))
    selection = select_rows(rows(features, segmenter), only)
    direction, by = DIRECTIONS[bool(segmenter)]
    about = ABOUT.format(direction=direction, features=features, by=by)
    return reproduce(out, "isola2017", about, selection, training, seeds, data_directory, False, workers)
