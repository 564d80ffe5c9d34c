"""Few labels of MNIST: test accuracy with a generator, and without it on them alone. Odena 2016."""

import functools
from dataclasses import replace
from pathlib import Path

from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.serialization import load_recipe
from gaxjax.tables.reproduction import reproduce, select_rows
from gaxjax.tables.verdict import Budget, Printed, Row, parse_budget
from gaxjax.tables.workers import WorkerFlags, Workers

MODELS = {"cnn": ("labels_alone", "CNN"), "sgan": ("recipe", "SGAN")}
"""Row -> recipe in configs/sgan_mnist.py, and its name in the paper."""
PRINTED = {
    1000: {"cnn": 0.965, "sgan": 0.964},
    100: {"cnn": 0.895, "sgan": 0.928},
    50: {"cnn": 0.859, "sgan": 0.883},
    25: {"cnn": 0.750, "sgan": 0.802},
}
"""Labels -> test accuracy, of which the paper says no error."""
TESTED = Evaluation("test_accuracy", split="test", n=10_000)
ABOUT = """\
Odena 2016, arXiv 1606.01583, MNIST: the share of the 10,000 test images whose class a discriminator of N + 1
categories tells, trained with few labels, and that of the same network trained on those labels alone. The
paper's architecture and length are not known to us: the networks are ours, and so is the length, 640 kimg,
half of them labeled, of which shares are told. Each run has a choice of labels of its own, the same in both
rows."""


def recipe(model: str, labels: int) -> Recipe:
    """configs/sgan_mnist.py with so many labels."""
    name, _ = MODELS[model]
    # Both rows are one file: what differs between them is whether there are fakes, and nothing else.
    found = load_recipe(f"sgan_mnist:{name}")[0]
    return replace(found, data=replace(found.data, labeled=labels))


def rows() -> list[Row]:
    """Two for each number of labels."""
    return [
        Row(
            name=f"{model}_{labels}",
            title=f"{MODELS[model][1]}, {labels} labels",
            metric="test_accuracy",
            # Of one run as far as is known: no difference can be put in standard errors.
            printed=Printed(value, None, 1, "memory"),
            recipe=functools.partial(recipe, model, labels),
            evaluation=TESTED,
            measured_as="test accuracy",
            better="higher",
            # Numbers of another network are told apart by the verdict, however near they come.
            differs="architecture not known: ours",
        )
        for labels, printed in PRINTED.items()
        for model, value in printed.items()
    ]


def make(
    out: Path,
    budget: str = "small",
    seeds: int = 5,
    data_directory: str = "",
    only: str = "",
    workers: WorkerFlags = Workers(),
) -> str:
    """Trains with few labels, with and without a generator: OUT/odena2016.md, .csv, .json, .png.

    Args:
        out: directory of the table and its runs
        budget: smoke, small (a fifth of 640 kimg), paper, or a share such as 0.4
        seeds: runs of each row, each with other labels
        data_directory: where tensorflow-datasets keeps MNIST (empty: its own default)
        only: rows, comma-separated, such as cnn_100,sgan_100; empty for all
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.001, 128), small=Budget(0.2))
    selection = select_rows(rows(), only)
    # Not together: seeds of one program read one set, and with it one choice of labels.
    return reproduce(out, "odena2016", ABOUT, selection, training, seeds, data_directory, False, workers)
