"""Table 1 of Mirza and Osindero 2014: Parzen-window log-likelihood of a conditional GAN on MNIST."""

from dataclasses import replace
from pathlib import Path

from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.serialization import load_recipe
from gaxjax.tables.reproduction import reproduce
from gaxjax.tables.verdict import Budget, Printed, Row, parse_budget
from gaxjax.tables.workers import WorkerFlags, Workers

LENGTH = 1_500.0
"""kimg: 30 epochs of 50,000 images; the paper stops at the best likelihood of validation images."""
# Sigma is chosen on images that the GAN has not seen, and the test images choose nothing.
MEASURED = Evaluation(
    "parzen,class_accuracy",
    features="classifier(mnist)",
    split="test",
    validation="train[50000:51000]",
    n=10_000,
    balanced=True,
)
ABOUT = f"""\
Mirza and Osindero 2014, arXiv 1411.1784, table 1, MNIST: Parzen-window log-likelihood in nats of 1,000
samples of each class, sigma chosen on the first 1,000 validation images; the paper's ± is the standard error
over test images. The paper stops where the likelihood of validation images is the best and does not say
when: {LENGTH:,.0f} kimg count as its length. Beside it the share of the samples that a classifier trained on
real digits reads as the class that was asked for."""


def conditional() -> Recipe:
    """configs/cgan_mnist.py, at that length."""
    # By name and not by the recipe's own length, which may be changed without making this another table.
    return replace(load_recipe("cgan_mnist")[0], kimg=LENGTH)


# Models of others are quoted: nothing of theirs is run here. The paper's numbers were read in notes on it.
QUOTED = {
    "dbn": ("DBN", 138.0, 2.0),
    "cae": ("Stacked CAE", 121.0, 1.6),
    "gsn": ("Deep GSN", 214.0, 1.1),
    "adversarial": ("Adversarial nets", 225.0, 2.0),
}
ROWS = (
    *(
        Row(name, title, "parzen", Printed(value, error, 1, "secondary"))
        for name, (title, value, error) in QUOTED.items()
    ),
    Row(
        name="conditional",
        title="Conditional adversarial nets",
        metric="parzen",
        printed=Printed(132, 1.8, 1, "secondary"),
        recipe=conditional,
        evaluation=MEASURED,
        measured_as="parzen",
        better="higher",
    ),
    # Of the same name, so of the same run, which is measured once for both.
    Row(
        name="conditional",
        title="Conditional adversarial nets",
        metric="class_accuracy",
        printed=None,
        recipe=conditional,
        evaluation=MEASURED,
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
    """Trains the conditional GAN of the paper and measures it: OUT/mirza2014.md, .csv, .json, .png.

    Args:
        out: directory of the table and its runs
        budget: smoke, small (a fifth of the length), paper, or a share of the length such as 0.4
        seeds: runs
        data_directory: where tensorflow-datasets keeps MNIST (empty: its own default)
        together: all seeds in one program, where the device has room for them
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.001, 500), small=Budget(0.2))
    return reproduce(out, "mirza2014", ABOUT, ROWS, training, seeds, data_directory, together, workers)
