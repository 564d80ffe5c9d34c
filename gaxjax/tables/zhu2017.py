"""Ablations of Zhu et al. 2017: photographs to label maps, with pix2pix on the same pairs of test images."""

import functools
from dataclasses import replace
from pathlib import Path

from gaxjax.layers.modules import set_fields
from gaxjax.recipe import Recipe
from gaxjax.recipe.serialization import load_recipe
from gaxjax.tables.isola2017 import COLUMNS, SCORED
from gaxjax.tables.reproduction import reproduce, select_rows
from gaxjax.tables.verdict import Budget, Printed, Row, parse_budget
from gaxjax.tables.workers import WorkerFlags, Workers

KIMG = 40
"""Length of every row, CycleGAN's own."""
MODELS = {
    "cycle_alone": ("cyclegan_facades:cycle_alone", "Cycle alone", (0.10, 0.05, 0.02), "memory"),
    "gan_alone": ("cyclegan_facades:gan_alone", "GAN alone", (0.53, 0.11, 0.07), "memory"),
    # The paper's G makes photographs, so that its forward cycle, F(G(x)) = x, begins with a label map: with
    # it alone, label maps were the same whatever the photograph, which the other cycle would not let pass.
    "label_cycle": ("cyclegan_facades:label_cycle", "GAN + forward cycle", (0.49, 0.11, 0.07), "memory"),
    "photo_cycle": ("cyclegan_facades:photo_cycle", "GAN + backward cycle", (0.01, 0.06, 0.01), "memory"),
    "cyclegan": ("cyclegan_facades:without_identity", "CycleGAN", (0.58, 0.22, 0.16), "secondary"),
    "pix2pix": ("pix2pix_facades", "pix2pix", (0.85, 0.40, 0.32), "secondary"),
}
"""Row -> recipe, name in the paper, its numbers in the order of `COLUMNS`, how these are known."""
ABOUT = """\
Zhu et al. 2017, arXiv 1703.10593, tables 3 and 5: label maps of photographs that were not trained on, against
the true ones. The paper's numbers are of Cityscapes at 128 px, ours of CMP facades at 64 px, each pixel as
the class with the nearest color: what can be compared is the order. All rows have one length, 40 kimg of
which shares are told, and networks of {features} features; pix2pix learns from pairs, the others from none.
The forward cycle is the way from a label map to a photograph and back, the backward cycle that from a
photograph."""


def recipe(model: str, features: int) -> Recipe:
    """A row's recipe, on the images of all, at one length and with networks of one width."""
    whole = load_recipe(MODELS[model][0])[0]
    # Shuffled apart or in pairs, from photographs (a) to label maps.
    data = replace(load_recipe("cyclegan_facades")[0].data, paired=whole.data.paired)
    return replace(whole, gan=set_fields(whole.gan, features=features), data=data, kimg=KIMG)


def rows(features: int) -> list[Row]:
    """Three lines for each model, which are numbers of one run."""
    return [
        Row(
            name=model,
            title=title,
            metric=metric,
            printed=Printed(value, None, 1, mark),
            recipe=functools.partial(recipe, model, features),
            evaluation=SCORED,
            measured_as=column,
            better="higher",
            differs="theirs is of Cityscapes at 128 px",
            column=column,
        )
        for model, (_, title, printed, mark) in MODELS.items()
        for (metric, column), value in zip(COLUMNS.items(), printed, strict=True)
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
    """Trains CycleGAN, its ablations and pix2pix on facades: OUT/zhu2017.md, .csv, .json, .png.

    Args:
        out: directory of the table and its runs
        budget: smoke, small (an eighth of 40 kimg), paper (all of them), or a share such as 0.4
        seeds: runs of each row
        data_directory: of the pix2pix release of CMP facades, with subfolders train and val
        features: channels of all networks at full size
        only: rows, comma-separated, such as cyclegan,pix2pix; empty for all
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.0002), small=Budget(0.125))
    selection = select_rows(rows(features), only)
    about = ABOUT.format(features=features)
    return reproduce(out, "zhu2017", about, selection, training, seeds, data_directory, False, workers)
