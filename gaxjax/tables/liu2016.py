"""CoGAN: how far generated pairs agree, beside a conditional GAN's, and adaptation. Liu and Tuzel 2016."""

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

from gaxjax.layers.modules import set_fields
from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.serialization import load_recipe
from gaxjax.tables.reproduction import reproduce, select_rows
from gaxjax.tables.verdict import Budget, Printed, Row, parse_budget
from gaxjax.tables.workers import WorkerFlags, Workers

PAIRS = {
    "edges": ("cogan_mnist:recipe", "CoGAN, edges", 0.952),
    "conditional_edges": ("cogan_mnist:conditional_edges", "conditional GAN, edges", 0.909),
    "negatives": ("cogan_mnist:negatives", "CoGAN, negatives", 0.967),
    "conditional_negatives": ("cogan_mnist:conditional_negatives", "conditional GAN, negatives", 0.778),
}
"""Row -> recipe, its name in the paper and the paper's pixel agreement."""
ADAPTATION = {
    "to_negatives": ("cogan_domains:recipe", "MNIST to its negatives"),
    "to_digits": ("cogan_domains:digits", "MNIST to digits of 8 px"),
}
"""Row -> recipe and title; the paper's second domain is USPS."""
ABOUT = """\
Liu and Tuzel 2016, arXiv 1606.07536: the share of pixels of 10,000 generated pairs that agree, once image a
is changed as domain b was made, both black or white from 128 of 256 on; and the share of images of the second
domain whose class a head tells that was trained on labels of the first. The paper's numbers are memory; its
binarization is not known to us. Ours: {features} channels before the generator's last layer, of the paper's
128, 600 kimg, no weight decay."""
MEASURED = Evaluation("pixel_agreement", reference="b", n=10_000)


def rows(features: int = 32) -> list[Row]:
    """Four of pairs, two of adaptation."""
    pairs = [
        Row(
            name=name,
            title=title,
            metric="pixel_agreement",
            # Of one run as far as is known: no difference can be put in standard errors.
            printed=Printed(printed, None, 1, "memory"),
            recipe=functools.partial(recipe, target, features),
            evaluation=MEASURED,
            measured_as="pixel agreement",
            better="higher",
            # Told apart by the verdict, however near the numbers come.
            differs="narrower networks, and a binarization of our choice",
        )
        for name, (target, title, printed) in PAIRS.items()
    ]
    adaptation = [
        Row(
            name=name,
            title=title,
            metric="test_accuracy",
            printed=None,
            recipe=functools.partial(recipe, target, features),
            # Which images of domain b are tested is the recipe's to say.
            evaluation=recipe(target, features).evaluation,
            better="higher",
            # Accuracies on two sets are no one column's.
            column=f"test accuracy, {title}",
        )
        for name, (target, title) in ADAPTATION.items()
    ]
    return pairs + adaptation


def recipe(target: str, features: int) -> Recipe:
    """Of configs/cogan_mnist.py and configs/cogan_domains.py, by its name, with a generator of this width."""
    original = load_recipe(target)[0]
    gan: Any = original.gan
    return replace(original, gan=replace(gan, generator=set_fields(gan.generator, features=features)))


def make(
    out: Path,
    budget: str = "small",
    seeds: int = 1,
    data_directory: str = "",
    features: int = 32,
    only: str = "",
    workers: WorkerFlags = Workers(),
) -> str:
    """Trains CoGAN, the conditional GAN and the adaptation: OUT/liu2016.md, .csv, .json, .png.

    Args:
        out: directory of the table and its runs
        budget: smoke, small (a tenth of 600 kimg), paper, or a share such as 0.4
        seeds: runs of each row
        data_directory: where tensorflow-datasets keeps MNIST (empty: its own default)
        features: channels before the generator's last layer; the discriminator is the paper's
        only: rows, comma-separated, such as edges,conditional_edges; empty for all
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.001, 128), small=Budget(0.1))
    about, selection = ABOUT.format(features=features), select_rows(rows(features), only)
    return reproduce(out, "liu2016", about, selection, training, seeds, data_directory, False, workers)
