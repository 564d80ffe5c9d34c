"""Table 1 of Goodfellow et al. 2014: Parzen-window log-likelihood on MNIST."""

from dataclasses import replace
from pathlib import Path

from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.serialization import load_recipe
from gaxjax.tables.reproduction import reproduce
from gaxjax.tables.verdict import Budget, Printed, Row, parse_budget
from gaxjax.tables.workers import WorkerFlags, Workers

LENGTH = 12_500.0
"""kimg: 250 epochs of 50,000 images, over which the momentum rises; the authors' code has no stop rule."""
# Sigma is chosen on images that the GAN has not seen, and the test images choose nothing.
PARZEN = Evaluation("parzen", split="test", validation="train[50000:51000]", n=10_000)
ABOUT = f"""\
Goodfellow et al. 2014, arXiv 1406.2661, table 1, MNIST: Parzen-window log-likelihood in nats, 10,000
samples, sigma chosen on the first 1,000 validation images; the paper's ± is the standard error over test
images. The authors' code has no stop rule: {LENGTH:,.0f} kimg, where its momentum stops rising, counts as the
paper's length."""


def adversarial() -> Recipe:
    """configs/gan_mnist.py, at that length."""
    return replace(load_recipe("gan_mnist")[0], kimg=LENGTH)


def quote_row(name: str, title: str, value: float, error: float) -> Row:
    """A model of others, which the paper compares with."""
    return Row(name, title, "parzen", Printed(value, error, 1, "read"))


# Models of others are quoted: nothing of theirs is run here.
ROWS = (
    quote_row("dbn", "DBN", 138, 2),
    quote_row("cae", "Stacked CAE", 121, 1.6),
    quote_row("gsn", "Deep GSN", 214, 1.1),
    Row(
        name="adversarial",
        title="Adversarial nets",
        metric="parzen",
        printed=Printed(225, 2, 1, "read"),
        recipe=adversarial,
        evaluation=PARZEN,
        measured_as="parzen",
        better="higher",
    ),
)


def make(
    out: Path,
    budget: str = "small",
    seeds: int = 1,
    data_directory: str = "",
    together: bool = False,
    workers: WorkerFlags = Workers(),
) -> str:
    """Trains the GAN of the paper and measures its log-likelihood: OUT/goodfellow2014.md, .csv, .json, .png.

    Args:
        out: directory of the table and its runs
        budget: smoke, small (a fifth of the paper's length), paper, or a share of its length such as 0.4
        seeds: runs
        data_directory: where tensorflow-datasets keeps MNIST (empty: its own default)
        together: all seeds in one program, where the device has room for them
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.0004, 500), small=Budget(0.2))
    return reproduce(out, "goodfellow2014", ABOUT, ROWS, training, seeds, data_directory, together, workers)
