"""The code of Chen et al. 2016 as a classifier of MNIST: its error, and how many seeds find ten classes."""

from dataclasses import replace
from pathlib import Path

from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.serialization import load_recipe
from gaxjax.tables.reproduction import Group, measure_rows, write_table
from gaxjax.tables.verdict import Budget, Printed, Row, parse_budget
from gaxjax.tables.workers import WorkerFlags, Workers

CLASSES = 10
# Matched on the images that are measured, as the paper does: ten codes leave little to fit.
READ = Evaluation("code_error", split="test", n=10_000)
ABOUT = """\
Chen et al. 2016, arXiv 1606.03657, section 7.2, MNIST: the share of the 10,000 test images whose categorical
code, as Q reads it, is not the one matched to their class; codes and classes are matched one to one, in the
best way for these images. A class is found where it is the most frequent of its code. The paper tells of one
network, about 5%, and of no seeds."""
ROWS = tuple(
    Row(
        name="infogan",
        title="InfoGAN",
        metric=metric,
        printed=printed,
        # Defined below; a row asks for it when it is trained.
        recipe=lambda: infogan(),
        evaluation=READ,
        measured_as="code_error",
        better=better,
    )
    for metric, printed, better in (
        ("code_error", Printed(0.05, None, 1, "memory"), "lower"),
        ("classes found", None, "higher"),
    )
)


def infogan() -> Recipe:
    """configs/infogan_mnist.py, whose length is the authors'."""
    return replace(load_recipe("infogan_mnist")[0], seed=0)


def describe_seeds(groups: list[Group]) -> str:
    """How many of the runs have found all classes, in a sentence."""
    found = [
        r.value
        for group in groups
        for line in group.lines
        for r in line.results
        if line.row.metric == "classes found"
    ]
    # A run counts as a whole: nine classes of ten are not nine tenths of having found them.
    whole = sum(value == CLASSES for value in found)
    return f"All {CLASSES} classes were found by {whole} of {len(found)} seeds."


def make(
    out: Path,
    budget: str = "small",
    seeds: int = 5,
    data_directory: str = "",
    together: bool = False,
    workers: WorkerFlags = Workers(),
) -> str:
    """Trains InfoGAN with several seeds and reads digits by its code: OUT/chen2016.md, .csv, .json, .png.

    Args:
        out: directory of the table and its runs
        budget: smoke, small (a tenth of the authors' length), paper, or a share such as 0.4
        seeds: runs
        data_directory: where tensorflow-datasets keeps MNIST (empty: its own default)
        together: all seeds in one program, where the device has room for them
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.0004, 500), small=Budget(0.1))
    # In two halves, for the sentence about seeds stands above the table that it sums up.
    groups = measure_rows(out, ROWS, training, seeds, data_directory, together, workers)
    return write_table(out, "chen2016", f"{ABOUT}\n{describe_seeds(groups)}", groups)
