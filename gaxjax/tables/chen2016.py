"""The code of Chen et al. 2016 as a classifier of MNIST: its error, and how many seeds find ten classes."""

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.serialization import load_recipe
from gaxjax.tables.reproduction import Group, measure_rows, write_table
from gaxjax.tables.verdict import Budget, Printed, Row, parse_budget
from gaxjax.tables.workers import WorkerFlags, Workers

CLASSES = 10
FEATURES, HIDDEN = 64, 1024
"""Channels at 14 px and units of the fully connected layer that the authors' networks have."""
# Matched on the images that are measured, as the paper does: ten codes leave little to fit.
READ = Evaluation("code_error", split="test", n=10_000)
ABOUT = """\
Chen et al. 2016, arXiv 1606.03657, section 7.2, MNIST: the share of the 10,000 test images whose categorical
code, as Q reads it, is not the one matched to their class; codes and classes are matched one to one, in the
best way for these images. A class is found where it is the most frequent of its code. The paper tells of one
network, about 5%, and of no seeds."""
METRICS = {"code_error": (Printed(0.05, None, 1, "memory"), "lower"), "classes found": (None, "higher")}
"""Number -> the paper's, and which is better."""


def rows(features: int = 0, hidden: int = 0) -> list[Row]:
    """Two numbers of one run."""
    return [
        Row(
            name="infogan",
            title="InfoGAN",
            metric=metric,
            printed=printed,
            recipe=functools.partial(infogan, features, hidden),
            evaluation=READ,
            measured_as="code_error",
            better=better,
            differs="narrower networks" if features or hidden else "",
        )
        for metric, (printed, better) in METRICS.items()
    ]


def infogan(features: int = 0, hidden: int = 0) -> Recipe:
    """configs/infogan_mnist.py, whose length is the authors'; with these widths, where they are not 0."""
    found = replace(load_recipe("infogan_mnist")[0], seed=0)
    widths: dict[str, Any] = {}
    if features:
        widths["features"] = features
    if hidden:
        widths["hidden"] = (hidden,)
    gan: Any = found.gan
    # Q is a head on the discriminator, which is the network inside of it.
    trunk = replace(gan.discriminator.network, **widths)
    generator = replace(gan.generator, **widths)
    return replace(
        found, gan=replace(gan, generator=generator, discriminator=replace(gan.discriminator, network=trunk))
    )


def describe_widths(features: int, hidden: int) -> str:
    """How the networks differ from the authors', in a sentence; "" if they do not.

    >>> describe_widths(16, 0)
    'Networks have 16 channels where the authors have 64, and 1024 hidden units. '
    """
    if not (features or hidden):
        return ""
    units = f"{hidden} hidden units where they have {HIDDEN}" if hidden else f"{HIDDEN} hidden units"
    return f"Networks have {features or FEATURES} channels where the authors have {FEATURES}, and {units}. "


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
    features: int = 0,
    hidden: int = 0,
    workers: WorkerFlags = Workers(),
) -> str:
    """Trains InfoGAN with several seeds and reads digits by its code: OUT/chen2016.md, .csv, .json, .png.

    Args:
        out: directory of the table and its runs
        budget: smoke, small (a tenth of the authors' length), paper, or a share such as 0.4
        seeds: runs
        data_directory: where tensorflow-datasets keeps MNIST (empty: its own default)
        together: all seeds in one program, where the device has room for them
        features: channels of both networks' first level of 14 px; 0: the authors' 64
        hidden: units of both networks' fully connected layer; 0: the authors' 1024
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.0004, 500), small=Budget(0.1))
    # In two halves, for the sentence about seeds stands above the table that it sums up.
    groups = measure_rows(out, rows(features, hidden), training, seeds, data_directory, together, workers)
    about = f"{ABOUT}\n{describe_widths(features, hidden)}{describe_seeds(groups)}"
    return write_table(out, "chen2016", about, groups)
