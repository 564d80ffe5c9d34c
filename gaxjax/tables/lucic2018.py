"""FID of seven objectives on one pair of networks, MNIST or Fashion-MNIST. Lucic et al. 2018."""

import functools
from dataclasses import replace
from pathlib import Path

from gaxjax.errors import InputError
from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.serialization import load_recipe
from gaxjax.tables.reproduction import reproduce, select_rows
from gaxjax.tables.verdict import Budget, Printed, Row, parse_budget
from gaxjax.tables.workers import WorkerFlags, Workers

SEEDS = 50
"""Runs of the study behind each number."""
MODELS = {
    "mm_gan": "MM GAN",
    "ns_gan": "NS GAN",
    "lsgan": "LSGAN",
    "wgan": "WGAN",
    "wgan_gp": "WGAN-GP",
    "dragan": "DRAGAN",
    "began": "BEGAN",
}
"""Recipe in configs/lucic2018.py -> as the paper names it."""
PRINTED = {
    "mnist": {
        "mm_gan": (9.8, 0.9),
        "ns_gan": (6.8, 0.5),
        "lsgan": (7.8, 0.6),
        "wgan": (6.7, 0.4),
        "wgan_gp": (20.3, 5.0),
        "dragan": (7.6, 0.4),
        "began": (13.1, 1.0),
        "vae": (23.8, 0.6),
    },
    "fashion_mnist": {
        "mm_gan": (29.6, 1.6),
        "ns_gan": (26.5, 1.6),
        "lsgan": (30.7, 2.2),
        "wgan": (21.5, 1.6),
        "wgan_gp": (24.5, 2.1),
        "dragan": (27.7, 1.2),
        "began": (22.9, 0.9),
        "vae": (58.7, 1.2),
    },
}
"""FID: mean and standard deviation."""
ABOUT = """\
Lucic et al. 2018, arXiv 1711.10337, FID on {dataset}: 10,000 samples against the 10,000 test images, after 20
epochs. The paper's ± is the standard deviation of {seeds} runs with the best of 100 settings that a search
found for the model; ours have the settings that are the defaults of the authors' code, one for each model,
and differ from it as configs/lucic2018.py says. The paper's number of LSGAN on MNIST leaves out collapsed
runs [memory]; no run of ours is left out."""


def recipe(name: str, dataset: str) -> Recipe:
    """configs/lucic2018.py:name, on that set."""
    # One file for both sets: only the set's name differs, as in the study.
    whole = load_recipe(f"lucic2018:{name}")[0]
    return replace(whole, data=replace(whole.data, name=dataset))


def rows(dataset: str, features: str, weights: str) -> list[Row]:
    """Every model of the paper; its VAE is quoted."""
    if dataset not in PRINTED:
        raise InputError(f"dataset is one of {', '.join(PRINTED)}, not {dataset!r}")
    # Against the test images, which no model has seen.
    evaluation = Evaluation("fid", features=features, weights=weights, split="test", n=10_000)
    table = [
        Row(
            name=f"{dataset}/{name}",
            title=title,
            metric="fid",
            printed=Printed(*PRINTED[dataset][name], SEEDS, "read"),
            recipe=functools.partial(recipe, name, dataset),
            evaluation=evaluation,
            # Of the 2,048 features of the published Inception alone: with others ours has another name, and
            # the verdict is that the two cannot be compared.
            measured_as="FID",
        )
        for name, title in MODELS.items()
    ]
    return [*table, Row(f"{dataset}/vae", "VAE", "fid", Printed(*PRINTED[dataset]["vae"], SEEDS, "memory"))]


def make(
    out: Path,
    budget: str = "small",
    seeds: int = 3,
    data_directory: str = "",
    together: bool = False,
    dataset: str = "mnist",
    features: str = "inception",
    weights: str = "",
    only: str = "",
    workers: WorkerFlags = Workers(),
) -> str:
    """Trains the seven models and measures their FID: OUT/lucic2018_DATASET.md, .csv, .json, .png.

    Args:
        out: directory of the table and its runs
        budget: smoke, small (one epoch, a twentieth of the paper's length), paper, or a share such as 0.4
        seeds: runs of each model
        data_directory: where tensorflow-datasets keeps its sets (empty: its own default)
        together: all seeds in one program, where the device has room for them
        dataset: mnist or fashion_mnist
        features: what the distance sees: inception, classifier(mnist), pixels
        weights: file of the features' weights (empty: GAXJAX_INCEPTION, or the file that is downloaded once)
        only: models, comma-separated, such as ns_gan,wgan; empty for all
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.0002, 256), small=Budget(0.05))
    # Rows carry their set's name, as their runs are kept by it; a user who named the set need not again.
    names = ",".join(f"{dataset}/{name.strip()}" for name in only.split(",") if name.strip())
    selection = select_rows(rows(dataset, features, weights), names)
    about = ABOUT.format(dataset=dataset, seeds=SEEDS)
    return reproduce(
        out, f"lucic2018_{dataset}", about, selection, training, seeds, data_directory, together, workers
    )
