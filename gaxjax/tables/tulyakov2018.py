"""How far a shape's color drifts in clips of VGAN and MoCoGAN, beside real ones. Tulyakov et al. 2018."""

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

MODELS = {"vgan": ("VGAN", "video", 5.02), "mocogan": ("MoCoGAN", "", 1.79)}
"""Row, which is its file in configs -> title, which of its outputs are clips, the paper's ACD [memory]."""
TGAN = 2.08
"""A model that is not made here."""
ABOUT = """\
Tulyakov et al. 2018, arXiv 1707.04993, moving shapes: the mean distance between the mean colors of any two
frames of a clip (ACD), of 2,000 clips of each model, and of the same number of real ones, whose background is
as black as theirs. The paper's numbers are memory; how many clips they are of, and in what units colors are,
is not known to us. Ours are of {variant} networks, all of clips as long as VGAN's: what can be compared is
the order."""


def rows(variant: str) -> list[Row]:
    """Two for each model, ACD of its clips and of real ones; and the paper's other one."""
    # Both numbers of a model are of one run; those of real clips are the same in every row, and say so.
    models = [
        Row(
            name=model,
            title=title,
            metric=metric,
            # Of one run as far as is known: no difference can be put in standard errors.
            printed=Printed(value, None, 1, "memory"),
            recipe=functools.partial(recipe, model, variant),
            evaluation=Evaluation("acd", output=output, reference="video", n=2_000, real=2_000),
            measured_as=name,
            differs="the units of its colors are not known",
        )
        for model, (title, output, printed) in MODELS.items()
        for metric, name, value in (("acd", "ACD", printed), ("acd_real", "ACD of real clips", 0.0))
    ]
    # Quoted: a row without a recipe has no run.
    return [*models, Row("tgan", "TGAN", "acd", Printed(TGAN, None, 1, "memory"))]


def recipe(model: str, variant: str) -> Recipe:
    """Of configs/vgan_shapes.py or configs/mocogan_shapes.py, both on the clips of the first."""
    original, vgan = (load_recipe(f"{name}_shapes:{variant}")[0] for name in (model, "vgan"))
    data = vgan.data
    # VGAN has one length of clips, MoCoGAN any: only of the same frames are numbers of one column.
    return replace(original, gan=set_fields(original.gan, frames=data.shape[0]), data=data)


def make(
    out: Path,
    budget: str = "paper",
    seeds: int = 1,
    data_directory: str = "",
    variant: str = "small",
    only: str = "",
    workers: WorkerFlags = Workers(),
) -> str:
    """Trains VGAN and MoCoGAN and measures their clips: OUT/tulyakov2018.md, .csv, .json, .png.

    Args:
        out: directory of the table and its runs
        budget: smoke, small (a tenth of the variant's length), paper, or a share such as 0.4
        seeds: runs of each row
        data_directory: the folder of clips of moving shapes, a strip of frames each
        variant: of both recipes: small, or recipe for networks as in the paper
        only: rows, comma-separated, such as vgan,mocogan; empty for all
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.001, 64), small=Budget(0.1))
    selection = select_rows(rows(variant), only)
    about = ABOUT.format(variant=variant)
    return reproduce(out, "tulyakov2018", about, selection, training, seeds, data_directory, False, workers)
