"""Table 1 of Salimans et al. 2016: test images of MNIST misclassified with few labels."""

import functools
from dataclasses import replace
from pathlib import Path

from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.serialization import load_recipe
from gaxjax.tables.reproduction import reproduce, select_rows
from gaxjax.tables.verdict import Budget, Printed, Row, parse_budget
from gaxjax.tables.workers import WorkerFlags, Workers

PRINTED = {
    20: (1677, 452, "secondary"),
    50: (221, 136, "memory"),
    100: (93, 6.5, "secondary"),
    200: (90, 4.2, "secondary"),
}
"""Labels -> misclassified of 10,000, the standard deviation over 10 choices of labels, how it is known."""
TESTED = Evaluation("test_accuracy", split="test", n=10_000)
ABOUT = """\
Salimans et al. 2016, arXiv 1606.03498, table 1, MNIST: of the 10,000 test images, those that the
discriminator takes for another class, trained with so many labels, as many of each class. The paper's ± is
the standard deviation over 10 choices of labels; each of our runs has a choice of its own."""


def recipe(labels: int) -> Recipe:
    """configs/salimans2016_mnist.py with so many labels."""
    # The length stays, and with it the epochs of unlabeled images: labels alone are fewer or more.
    found = load_recipe("salimans2016_mnist")[0]
    return replace(found, data=replace(found.data, labeled=labels))


def rows() -> list[Row]:
    """One for each number of labels."""
    return [
        Row(
            name=f"labels_{labels}",
            title=f"{labels} labels",
            metric="misclassified",
            # Over choices of labels, not over images: the spread of our runs is of the same kind.
            printed=Printed(value, deviation, 10, mark),
            recipe=functools.partial(recipe, labels),
            evaluation=TESTED,
            measured_as="misclassified",
        )
        for labels, (value, deviation, mark) in PRINTED.items()
    ]


def make(
    out: Path,
    budget: str = "small",
    seeds: int = 3,
    data_directory: str = "",
    only: str = "",
    workers: WorkerFlags = Workers(),
) -> str:
    """Trains with few labels and counts what is misclassified: OUT/salimans2016.md, .csv, .json, .png.

    Args:
        out: directory of the table and its runs
        budget: smoke, small (15 of the paper's 300 epochs), paper, or a share of its length such as 0.4
        seeds: runs of each row, each with other labels
        data_directory: where tensorflow-datasets keeps MNIST (empty: its own default)
        only: rows, comma-separated, such as labels_100; empty for all
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.0001, 128), small=Budget(0.05))
    selection = select_rows(rows(), only)
    # Not together: seeds of one program read one set, and with it one choice of labels.
    return reproduce(out, "salimans2016", ABOUT, selection, training, seeds, data_directory, False, workers)
