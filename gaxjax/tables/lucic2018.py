"""FID of seven objectives and a VAE on one pair of networks, MNIST or Fashion-MNIST. Lucic et al. 2018."""

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gaxjax import parallel
from gaxjax.errors import InputError
from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.serialization import load_recipe
from gaxjax.tables.budgets import draw_searches, summarize_searches, write_settings
from gaxjax.tables.lucic2018_search import Ranges, Search, apply_setting, search_settings, setting_name
from gaxjax.tables.reproduction import Group, measure_rows, reproduce, select_rows, write_table
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
    "vae": "VAE",
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
SEARCHED = """\
Lucic et al. 2018, arXiv 1711.10337, FID on {dataset}: 10,000 samples against the 10,000 test images, after 20
epochs. As in the study, {count} settings of each model are drawn from its {ranges} ranges and run once, and
the best is run again, here with {seeds} other seeds; the study drew 100 and ran the best with {runs} seeds.
The draws are not the study's, WGAN-GP and DRAGAN have no batch norm whatever is drawn, and the models differ
from the authors' code as configs/lucic2018.py says. The paper's number of LSGAN on MNIST leaves out collapsed
runs [memory]; no run of ours is left out."""


def recipe(name: str, dataset: str) -> Recipe:
    """configs/lucic2018.py:name, on that set."""
    # One file for both sets: only the set's name differs, as in the study.
    whole = load_recipe(f"lucic2018:{name}")[0]
    return replace(whole, data=replace(whole.data, name=dataset))


def fid_evaluation(features: str, weights: str) -> Evaluation:
    """Against the test images, which no model has seen."""
    return Evaluation("fid", features=features, weights=weights, split="test", n=10_000)


def rows(dataset: str, features: str, weights: str) -> list[Row]:
    """Every model of the paper."""
    if dataset not in PRINTED:
        raise InputError(f"dataset is one of {', '.join(PRINTED)}, not {dataset!r}")
    evaluation = fid_evaluation(features, weights)
    return [
        Row(
            name=f"{dataset}/{name}",
            title=title,
            metric="fid",
            printed=Printed(*PRINTED[dataset][name], SEEDS, "memory" if name == "vae" else "read"),
            recipe=functools.partial(recipe, name, dataset),
            evaluation=evaluation,
            # Of the 2,048 features of the published Inception alone: with others ours has another name, and
            # the verdict is that the two cannot be compared.
            measured_as="FID",
        )
        for name, title in MODELS.items()
    ]


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
    search: int = 0,
    ranges: Ranges = "wide",
    workers: WorkerFlags = Workers(),
) -> str:
    """Trains the eight models and measures their FID: OUT/lucic2018_DATASET.md, .csv, .json, .png.

    With `search` each has the best of so many settings that are drawn: OUT/lucic2018_DATASET_RANGES.md and so
    on, with _settings.csv and _search.png.

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
        search: settings of each model that are drawn and run once, before the best is run with all seeds; the
            study has 100; 0: the one setting of each recipe
        ranges: of the study that settings are drawn from: wide, or narrow, which it tried next
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.0002, 256), small=Budget(0.05))
    # Rows carry their set's name, as their runs are kept by it; a user who named the set need not again.
    names = ",".join(f"{dataset}/{name.strip()}" for name in only.split(",") if name.strip())
    selection = select_rows(rows(dataset, features, weights), names)
    name, about = f"lucic2018_{dataset}", ABOUT.format(dataset=dataset, seeds=SEEDS)
    if not search:
        return reproduce(out, name, about, selection, training, seeds, data_directory, together, workers)
    searches = search_settings(
        out,
        dataset,
        {row.name.removeprefix(f"{dataset}/"): row.title for row in selection},
        functools.partial(recipe, dataset=dataset),
        search,
        ranges,
        fid_evaluation(features, weights),
        training,
        data_directory,
        workers,
    )
    best = [with_best_setting(row, searches, dataset, ranges) for row in selection]
    groups = measure_rows(out, best, training, seeds, data_directory, together, workers)
    about = SEARCHED.format(dataset=dataset, count=search, ranges=ranges, seeds=seeds, runs=SEEDS)
    return write_search(out, f"{name}_{ranges}", about, searches, groups)


def write_search(
    out: Path, name: str, about: str, searches: dict[str, Search], groups: Sequence[Group]
) -> str:
    """Writes what all settings came to, and the table of the best ones; returns the table."""
    if parallel.is_primary():
        write_settings(out / f"{name}_settings.csv", searches)
        values = {group.lines[0].row.title: [r.value for r in group.lines[0].results] for group in groups}
        draw_searches(out / f"{name}_search.png", searches, values)
    return write_table(out, name, f"{about}\n\n{summarize_searches(searches)}", groups)


def with_best_setting(row: Row, searches: dict[str, Search], dataset: str, ranges: str) -> Row:
    """The row of a model, of the setting that its search has found."""
    model = row.name.removeprefix(f"{dataset}/")
    search = searches[model]
    if search.best is None:
        # Quoted, for there is nothing to run; the search's own table says that all came to nothing.
        return replace(row, recipe=None, evaluation=None)
    setting = search.settings[search.best]

    def load() -> Recipe:
        return apply_setting(recipe(model, dataset), setting)

    return replace(row, name=setting_name(dataset, model, ranges, search.best), recipe=load)
