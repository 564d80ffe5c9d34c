"""The search over settings of Lucic et al. 2018: what is drawn, and what a recipe becomes with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gaxjax.errors import InputError
from gaxjax.gans import VAE
from gaxjax.layers.transformed import Transformed
from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.tables.table_run import TableRun, read_all_measurements, run_length
from gaxjax.tables.verdict import Budget
from gaxjax.tables.workers import Workers, make_runs
from gaxjax.transforms import Clip

Ranges = Literal["wide", "narrow"]
Setting = dict[str, float | str]
"""Parameter -> value, in the study's own units."""
MODELS = ("mm_gan", "ns_gan", "lsgan", "wgan", "wgan_gp", "dragan", "began", "vae")
"""In this order, which the draws follow: a new one comes last."""
RANDOM = 123
"""Seed of the draws: that of the study's task generator, but our generator is another one."""
FIRST_SEED = 10_000
"""Seed of the run of setting 0: none of the repeats, in which the lucky run of the best has no part."""


@dataclass(frozen=True)
class Uniform:
    """Between two numbers."""

    low: float
    high: float

    def draw(self, random: np.random.Generator) -> float:
        """One number."""
        return float(random.uniform(self.low, self.high))


@dataclass(frozen=True)
class PowerOfTen:
    """10 to a power between two."""

    low: float
    high: float

    def draw(self, random: np.random.Generator) -> float:
        """One number."""
        return float(10 ** random.uniform(self.low, self.high))


@dataclass(frozen=True)
class OneOf:
    """One of these, each as likely."""

    values: tuple[float | str, ...]

    def draw(self, random: np.random.Generator) -> float | str:
        """One of them."""
        return self.values[random.integers(len(self.values))]


RANGES: dict[str, dict[str, Uniform | PowerOfTen | OneOf]] = {
    "wide": {
        "b1": Uniform(0, 1),
        "learning rate": PowerOfTen(-5, -2),
        "D steps": OneOf((1, 5)),
        "norm": OneOf(("batch", "none")),
        "penalty": PowerOfTen(-1, 2),
        "clip": PowerOfTen(-3, 0),
        "lambda": PowerOfTen(-4, -2),
        "gamma": Uniform(0, 1),
    },
    "narrow": {
        "b1": OneOf((0.5,)),
        "learning rate": PowerOfTen(-4, -3),
        "D steps": OneOf((1,)),
        "norm": OneOf(("batch", "none")),
        "penalty": PowerOfTen(-1, 1),
        "clip": PowerOfTen(-2, 0),
        "lambda": OneOf((1e-3,)),
        "gamma": Uniform(0.6, 0.9),
    },
}
"""google/compare_gan v1, params.py: 100 settings of the wide ranges, and 50 of the narrow ones, per model."""
OWN = {
    "wgan": ("clip",),
    "wgan_gp": ("penalty",),
    "dragan": ("penalty",),
    "began": ("lambda", "gamma"),
}
"""Model -> parameters that others have not."""
PENALIZED = ("wgan_gp", "dragan")
"""Without batch norm whatever is drawn: their penalties are of single examples' slopes, which it mixes."""


def draw_setting(model: str, ranges: str, number: int) -> Setting:
    """Setting 0, 1, ... of a model: the same however many are drawn.

    >>> draw_setting("wgan", "narrow", 3) == draw_setting("wgan", "narrow", 3)
    True
    """
    random = np.random.default_rng((RANDOM, MODELS.index(model), number))
    # All are drawn, whatever the model has, and in one order: a new parameter would change no other.
    drawn = {name: among.draw(random) for name, among in RANGES[ranges].items()}
    special = {name for names in OWN.values() for name in names}
    setting = {name: x for name, x in drawn.items() if name not in special or name in OWN.get(model, ())}
    return {**setting, "norm": "none"} if model in PENALIZED else setting


def apply_setting(recipe: Recipe, setting: Mapping[str, Any]) -> Recipe:
    """A recipe of configs/lucic2018.py with these parameters in place of its own."""
    gan: Any = recipe.gan
    adam = {"learning_rate": setting["learning rate"], "b1": setting["b1"]}
    if isinstance(gan, VAE):
        # One player: the study draws steps of a discriminator for it too, which it has not.
        encoder: Any = gan.encoder
        gan = replace(gan, encoder=replace(encoder, norm=setting["norm"]))
        optimizers = {player: replace(rule, **adam) for player, rule in recipe.optimizers.items()}
        return replace(recipe, gan=gan, optimizers=optimizers)
    discriminator = gan.discriminator
    if isinstance(discriminator, Transformed):  # WGAN's, which is clipped
        network: Any = discriminator.network
        network = replace(network, norm=setting["norm"])
        discriminator = replace(discriminator, network=network, bounds=Clip(setting["clip"]))
    else:
        discriminator = replace(discriminator, norm=setting["norm"])
    gan = replace(gan, discriminator=discriminator)
    if "penalty" in setting:
        # Images are in [-1, 1] here and in [0, 1] there: slopes are half of theirs, their squares a quarter.
        (penalty,) = gan.adversary.penalties
        penalties = (replace(penalty, weight=4 * setting["penalty"]),)
        gan = replace(gan, adversary=replace(gan.adversary, penalties=penalties))
    if "gamma" in setting:
        # And so are BEGAN's errors twice theirs.
        gan = replace(gan, gain=setting["lambda"] / 2, diversity=setting["gamma"])
    own = {"discriminator": int(setting["D steps"]), "generator": 1}
    optimizers = {
        player: replace(optimizer, **adam, updates=own[player])
        for player, optimizer in recipe.optimizers.items()
    }
    return replace(recipe, gan=gan, optimizers=optimizers)


@dataclass(frozen=True)
class Search:
    """What came of the settings of one model."""

    title: str
    settings: list[Setting]
    # As lists of one order: which setting a value is of is its place.
    values: list[float]
    """the metric, lower is better; inf where a run came to nothing"""

    @property
    def best(self) -> int | None:
        """The setting whose run has the least; None where none has any."""
        best = int(np.argmin(self.values))
        # inf everywhere has a least one too.
        return best if np.isfinite(self.values[best]) else None


def setting_name(dataset: str, model: str, ranges: str, number: int) -> str:
    """The folder, in the table's, of the runs of a setting."""
    return f"{dataset}/{model}_{ranges}_{number:03d}"


def search_settings(
    out: Path,
    dataset: str,
    titles: Mapping[str, str],
    load: Callable[[str], Recipe],
    count: int,
    ranges: str,
    evaluation: Evaluation,
    budget: Budget,
    data_directory: str,
    workers: Workers,
) -> dict[str, Search]:
    """Makes one run of each of so many settings of every model, in OUT/<setting>/search.

    titles: model -> as the paper names it; load: model -> its recipe at the study's length.
    """
    # Before any recipe is loaded.
    if count < 1:
        raise InputError(f"a search draws at least 1 setting; got {count}")
    settings = {model: [draw_setting(model, ranges, i) for i in range(count)] for model in titles}
    evaluation = replace(evaluation, n=budget.samples or evaluation.n)
    runs: dict[str, list[TableRun]] = {}
    for model, title in titles.items():
        whole = load(model)
        folders = [out / setting_name(dataset, model, ranges, i) / "search" for i in range(count)]
        # As everywhere: the longest that is there counts for all of a model, for lengths are not compared.
        kimg = max([whole.kimg * budget.share, *(run_length(folder) for folder in folders)])
        whole = replace(whole, kimg=kimg, data=replace(whole.data, directory=data_directory))
        runs[model] = [
            TableRun(
                folder,
                f"{title}, setting {i}",
                replace(apply_setting(whole, setting), seed=FIRST_SEED + i),
                (("fid", evaluation),),
            )
            for i, (folder, setting) in enumerate(zip(folders, settings[model], strict=True))
        ]
    diverged = make_runs(out, [run for of_model in runs.values() for run in of_model], workers)
    return {
        model: Search(title, settings[model], [read_value(run, diverged) for run in runs[model]])
        for model, title in titles.items()
    }


def read_value(run: TableRun, diverged: Mapping[Path, str]) -> float:
    """The metric of a run, inf where it came to nothing."""
    measurements = None if run.folder in diverged else read_all_measurements(run)
    return measurements[0][0].value if measurements else float("inf")
