"""Disentanglement by few labels, with and without smoothness, on shapes. Nie et al. 2020."""

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gaxjax import parallel
from gaxjax.files import write_bytes
from gaxjax.metrics.disentanglement import parse_by_factor
from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.serialization import load_recipe
from gaxjax.tables.reproduction import Group, measure_rows, select_rows, write_table
from gaxjax.tables.verdict import Budget, Row, format_table, parse_budget
from gaxjax.tables.workers import WorkerFlags, Workers

RUNS = {
    "info": ("0%, Info-StyleGAN", "info_stylegan"),
    "half_percent_plain": ("0.5%", "semi_stylegan:half_percent_plain"),
    "half_percent": ("0.5%, smoothness", "semi_stylegan:half_percent"),
    "plain": ("2.5%", "semi_stylegan:plain"),
    "smooth": ("2.5%, smoothness", "semi_stylegan"),
    "all_labels_plain": ("100%", "semi_stylegan:all_labels_plain"),
    "all_labels": ("100%, smoothness", "semi_stylegan:all_labels"),
}
"""Run -> its labels, and its recipe in configs/."""
METRICS = {"mig": "higher", "l2": "lower", "mig_gen": "higher", "l2_gen": "lower"}
"""Number -> which is better."""
MEASURED = Evaluation(",".join(METRICS), n=10_000)
ABOUT = """\
Nie et al. 2020, arXiv 2003.03461: how much of what all labels give comes by few of them. On `shapes` at
{side} px, of which the paper has no numbers: theirs are of Isaac3D and other sets, and are not known to us.
MIG and L2 are of E on real images, MIG-gen and L2-gen of generated ones by an encoder that was trained on
all real images and factors. Which code takes which factor is left to chance where there are no labels: L2
and L2-gen of 0% compare codes with factors that they are not of. {features} / 2^(level + 1) channels, {width}
at most; the recipes' {length:g} kimg count as the whole length."""


def recipe(name: str, side: int, features: int, width: int) -> Recipe:
    """The recipe of a run, at that size."""
    whole = load_recipe(RUNS[name][1])[0]
    gan: Any = whole.gan
    shape = (side, side, 3)
    sizes = {"shape": shape, "features": features, "max_features": width}
    # E is a head on the discriminator, which is the network inside of it.
    network = replace(gan.discriminator.network, **sizes)
    gan = replace(
        gan,
        generator=replace(gan.generator, **sizes, style_size=width),
        discriminator=replace(gan.discriminator, network=network),
        noise=replace(gan.noise, size=width),
    )
    data = replace(whole.data, shape=shape)
    # Shares of the length may be short.
    return replace(whole, gan=gan, data=data, sample_kimg=10, checkpoint_kimg=20, keep=1)


def rows(side: int, features: int, width: int) -> list[Row]:
    """Four numbers of every run."""
    return [
        Row(
            name=name,
            title=title,
            metric=metric,
            # The paper's are of other sets, and not known to us.
            printed=None,
            recipe=functools.partial(recipe, name, side, features, width),
            evaluation=MEASURED,
            better=better,
        )
        for name, (title, _) in RUNS.items()
        for metric, better in METRICS.items()
    ]


def by_factor(groups: Sequence[Group]) -> str:
    """Each number of each run, factor by factor, of its first seed; as Markdown."""
    lines = [
        [line.row.title, line.results[0].name, *parse_by_factor(line.results[0].details).values()]
        for group in groups
        for line in group.lines
        if line.results
    ]
    # All are of one set, whose factors have one order.
    results = [line.results[0] for group in groups for line in group.lines if line.results]
    names = list(parse_by_factor(results[0].details)) if results else []
    return format_table([["labels", "number", *names], *lines])


def make(
    out: Path,
    budget: str = "small",
    seeds: int = 1,
    together: bool = False,
    side: int = 64,
    features: int = 4096,
    width: int = 256,
    only: str = "",
    workers: WorkerFlags = Workers(),
) -> str:
    """Trains Info- and Semi-StyleGAN and measures their codes: OUT/nie2020.md, .csv, .json, .png.

    OUT/nie2020_factors.md has the same numbers factor by factor.

    Args:
        out: directory of the table and its runs
        budget: smoke, small (a tenth of the recipes' length), paper (their length), or a share such as 0.4
        seeds: runs of each row
        together: all seeds in one program, where the device has room for them
        side: of the images, in pixels
        features: channels at a level are so many / 2^(level + 1)
        width: channels that a level has at most; also the size of w and of the noise
        only: runs, comma-separated, such as info,half_percent; empty for all
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.0001, 256), small=Budget(0.1))
    # Sizes are part of the rows' recipes: runs of another size in this directory are refused as others.
    selection = select_rows(rows(side, features, width), only)
    # One length for all: rows differ by labels and smoothness.
    length = recipe("info", side, features, width).kimg
    about = ABOUT.format(side=side, features=features, width=width, length=length)
    groups = measure_rows(out, selection, training, seeds, "", together, workers)
    factors = by_factor(groups)
    # What was found of each factor has a table of its own, and no line for each run among the protocols.
    for line in (line for group in groups for line in group.lines):
        line.results = [replace(result, details="") for result in line.results]
    text = write_table(out, "nie2020", about, groups)
    if parallel.is_primary():
        write_bytes(out / "nie2020_factors.md", factors.encode() + b"\n")
    return f"{text}\n{factors}\n"
