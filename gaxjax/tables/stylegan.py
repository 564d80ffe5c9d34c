"""The rows of StyleGAN's tables at a small size: what they are and what the paper prints."""

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from gaxjax.penalties import R1
from gaxjax.recipe import Data, Growth, Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.serialization import load_recipe
from gaxjax.tables.reproduction import reproduce, select_rows
from gaxjax.tables.verdict import Budget, Printed, Row, parse_budget
from gaxjax.tables.workers import WorkerFlags, Workers

LENGTH = 200.0
"""kimg that count as the whole length; the paper's, at 1024 px, is 12,000 for A and 25,000 for the others."""
SIDE, FEATURES, WIDTH = 32, 256, 64
SMALLER = "32 px, small networks and another set: not the paper's"
ABOUT = f"""\
Karras et al. 2019, arXiv 1812.04948, {{table}}: FID on FFHQ at 1024 px, 50,000 samples against 50,000
training images, the lowest of a run of 12 (A) or 25 million images, one run each. Ours: {{dataset}} at
{SIDE} px, the recipes of configs/stylegan.py with {FEATURES} / 2^(level + 1) channels, {WIDTH} at most, w and
latents of {WIDTH}, minibatches of 32, fades and stable phases of 5 kimg each, R1 of 1 where theirs is 10
(slopes are of fewer pixels); {LENGTH:g} kimg count as the whole length, and what is measured is the end of
the run. So the order of the configs may be compared, and no number."""


def recipe(name: str, dataset: str, mixing: float | None = None) -> Recipe:
    """configs/stylegan.py:name at the small size; `mixing` in place of its own."""
    whole = load_recipe(f"stylegan:{name}")[0]
    # The sets that there are: gray ones, and CIFAR-10 and its like.
    channels = 1 if dataset in ("mnist", "fashion_mnist", "digits") else 3
    shape, sizes = (SIDE, SIDE, channels), {"features": FEATURES, "max_features": WIDTH}
    gan: Any = whole.gan
    gan = replace(
        gan,
        generator=replace(gan.generator, shape=shape, style_size=WIDTH, **sizes),
        discriminator=replace(gan.discriminator, shape=shape, **sizes),
        latents=replace(gan.latents, size=WIDTH),
        # Table 2 varies this alone, of config F.
        mixing=gan.mixing if mixing is None else mixing,
        adversary=replace(
            gan.adversary,
            # Slopes of R1 are summed over pixels: at 32 px there are a thousandth of those at 1024 px.
            penalties=tuple(
                replace(p, weight=1.0) if isinstance(p, R1) else p for p in gan.adversary.penalties
            ),
        ),
    )
    return replace(
        whole,
        gan=gan,
        data=Data(dataset, shape=shape),
        batch_size=32,
        kimg=LENGTH,
        growth=Growth(first=whole.growth.first, fade_kimg=5, stable_kimg=5),
        log_kimg=1,
        sample_kimg=10,
        checkpoint_kimg=20,
        # What is measured is the end of the run: no older checkpoint is asked for again.
        keep=1,
    )


def fid_evaluation(features: str, weights: str, level: str) -> Evaluation:
    """Against the test images, as many samples as there are of these."""
    return Evaluation("fid", features=features, weights=weights, level=level, split="test", n=10_000)


def fid_row(name: str, title: str, fid: float, make: Callable[[], Recipe], evaluation: Evaluation) -> Row:
    """One run, with the paper's FID."""
    printed = Printed(fid, None, 1, "read")
    return Row(name, title, "fid", printed, make, evaluation, measured_as="FID", differs=SMALLER)


LADDER = {
    "config_a": ("A baseline progressive GAN", 8.04),
    "config_b": ("B + tuning, bilinear up and down", 5.25),
    "config_c": ("C + mapping and styles", 4.85),
    "config_d": ("D + no traditional input", 4.88),
    "config_e": ("E + noise inputs", 4.42),
    "config_f": ("F + mixing regularization", 4.40),
}
"""Recipe -> as the paper names it, FID on FFHQ."""
MIXING = {
    "config_e": (0.0, (4.42, 8.22, 12.88, 17.41)),
    "mixing_50": (0.5, (4.41, 6.10, 8.71, 11.61)),
    "config_f": (0.9, (4.40, 5.11, 6.88, 9.03)),
    "mixing_100": (1.0, (4.83, 5.17, 6.63, 8.40)),
}
"""Run -> share of mixed images in training, FID of samples with the styles of 1 to 4 latents."""


def ladder(evaluation: Evaluation, dataset: str) -> list[Row]:
    """Table 1."""
    return [
        fid_row(name, title, fid, functools.partial(recipe, name, dataset), evaluation)
        for name, (title, fid) in LADDER.items()
    ]


def mixing(evaluation: Evaluation, dataset: str) -> list[Row]:
    """Table 2: runs without mixing and with 90% are those of the ladder."""
    table = []
    for name, (share, printed) in MIXING.items():
        # Config E is F without mixing, so its row is F's recipe with 0.
        make = functools.partial(recipe, "config_f", dataset, share)
        for latents, fid in enumerate(printed, 1):
            # The same run, sampled in four ways: each is a column.
            of_mixed = replace(evaluation, sampling=f"mix={latents}" if latents > 1 else "")
            row = fid_row(name, f"mixing {share:.0%}", fid, make, of_mixed)
            table.append(replace(row, column="1 latent" if latents == 1 else f"{latents} latents"))
    return table


def make_table(name: str, number: int, rows: Callable[[Evaluation, str], list[Row]]) -> Callable[..., str]:
    """The `make` of a table of the paper."""

    def make(
        out: Path,
        budget: str = "small",
        seeds: int = 1,
        data_directory: str = "",
        together: bool = False,
        dataset: str = "fashion_mnist",
        features: str = "inception",
        level: str = "",
        weights: str = "",
        only: str = "",
        workers: WorkerFlags = Workers(),
    ) -> str:
        """Trains StyleGANs of a small size and measures their FID: OUT/stylegan_*.md, .csv, .json, .png.

        Args:
            out: directory of the table and its runs; the ladder and the mixing share two runs
            budget: smoke, small (40 kimg, a fifth of what counts as the whole), paper, or a share such as 0.4
            seeds: runs of each config
            data_directory: where tensorflow-datasets keeps its sets (empty: its own default)
            together: all seeds in one program, where the device has room for them
            dataset: a set with a split "test", such as fashion_mnist or cifar10
            features: what the distance sees: inception, classifier(fashion_mnist), pixels
            level: of the features (inception: 64, 192, 768, 2048); empty: the deepest that there is
            weights: file of the features' weights (empty: GAXJAX_INCEPTION, or the file downloaded once)
            only: runs, comma-separated, such as config_e,config_f; empty for all
            workers: where the runs are made
        """
        training = parse_budget(budget, smoke=Budget(0.0005, 256), small=Budget(0.2))
        selection = select_rows(rows(fid_evaluation(features, weights, level), dataset), only)
        about = ABOUT.format(table=f"table {number}", dataset=dataset)
        return reproduce(out, name, about, selection, training, seeds, data_directory, together, workers)

    return make
