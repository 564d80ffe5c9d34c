"""Modes of stacked MNIST that a GAN finds with and without unrolling. Metz et al. 2017, section 3.3.1."""

import functools
from dataclasses import replace
from pathlib import Path

from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.serialization import load_recipe
from gaxjax.solvers import Unrolled
from gaxjax.tables.reproduction import reproduce, select_rows
from gaxjax.tables.verdict import Budget, Printed, Row, parse_budget
from gaxjax.tables.workers import WorkerFlags, Workers

SIZES = {"quarter": ("recipe", "1/4"), "half": ("half", "1/2")}
"""The discriminator's share of the generator's size -> recipe in configs/unrolled_stacked_mnist.py, title."""
PRINTED = {
    "quarter": {
        0: ((30.6, 20.73), (5.99, 0.42)),
        1: ((65.4, 34.75), (5.911, 0.14)),
        5: ((236.4, 63.30), (4.67, 0.43)),
        10: ((327.2, 74.67), (4.66, 0.46)),
    },
    "half": {
        0: ((628.0, 140.9), (2.58, 0.751)),
        1: ((523.6, 55.768), (2.44, 0.26)),
        5: ((732.0, 44.98), (1.66, 0.090)),
        10: ((817.4, 37.91), (1.43, 0.12)),
    },
}
"""Share -> virtual updates -> modes and KL, each with what the paper prints after ±."""
COUNTED = Evaluation("modes", n=25_600)
ABOUT = """\
Metz et al. 2017, arXiv 1611.02163, stacked MNIST: of 1,000 modes, those that 25,600 samples fall on, and the
divergence KL(samples || uniform) of their classes, in nats. The classifier is our own, one for each channel.
The paper's architecture and length are not known to us: the networks are ours, and so is the length, 50,000
steps of 64 images, of which shares are told. What the paper's ± is over is not known either."""


def recipe(size: str, updates: int) -> Recipe:
    """configs/unrolled_stacked_mnist.py with so many virtual updates of the discriminator."""
    name, _ = SIZES[size]
    # 0 virtual updates are of the same solver: nothing but their number differs between rows.
    return replace(load_recipe(f"unrolled_stacked_mnist:{name}")[0], solver=Unrolled(updates))


def rows() -> list[Row]:
    """Two numbers of every run."""
    table = []
    for size, (_, share) in SIZES.items():
        for updates, printed in PRINTED[size].items():
            # Two rows of one name: one run, measured once for both.
            for metric, better, (value, error) in zip(
                ("modes", "modes kl"), ("higher", "lower"), printed, strict=True
            ):
                steps = "1 step" if updates == 1 else f"{updates} steps"
                row = Row(
                    name=f"{size}_{updates}",
                    title=f"D {share} of G, {steps}",
                    metric=metric,
                    # 1 run, as what the ± is over is not known: its deviation is then taken as the standard
                    # error itself.
                    printed=Printed(value, error, 1, "memory"),
                    recipe=functools.partial(recipe, size, updates),
                    evaluation=COUNTED,
                    measured_as=metric,
                    better=better,
                    differs="architecture not known: ours",
                )
                table.append(row)
    return table


def make(
    out: Path,
    budget: str = "small",
    seeds: int = 1,
    data_directory: str = "",
    together: bool = False,
    only: str = "",
    workers: WorkerFlags = Workers(),
) -> str:
    """Trains unrolled GANs on stacked MNIST and counts modes: OUT/metz2017.md, .csv, .json, .png.

    Args:
        out: directory of the table and its runs
        budget: smoke, small (1,000 of 50,000 steps, without the rows of ten virtual updates), paper, or a
            share such as 0.4
        seeds: runs of each row
        data_directory: where tensorflow-datasets keeps MNIST (empty: its own default)
        together: all seeds in one program, where the device has room for them
        only: rows, comma-separated, such as quarter_0,half_5; empty for all
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.00005, 128), small=Budget(0.02))
    everything = rows()
    # The slowest rows by far: left out of short budgets unless they are named.
    short = [row for row in everything if not row.name.endswith("_10")]
    considered = short if budget in ("smoke", "small") and not only else everything
    selection = select_rows(considered, only)
    return reproduce(out, "metz2017", ABOUT, selection, training, seeds, data_directory, together, workers)
