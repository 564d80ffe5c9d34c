"""One DCGAN with each objective, the same budget: samples side by side, losses, speed, a rough distance."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from gaxjax import pictures
from gaxjax.data import Data, normalize, open_source
from gaxjax.errors import Diverged, InputError
from gaxjax.files import write_bytes
from gaxjax.game import GAN, State, sample
from gaxjax.gans.adversarial import Adversarial
from gaxjax.generate import last
from gaxjax.networks.autoencoder import Energy
from gaxjax.networks.dcgan import Discriminator, Generator
from gaxjax.networks.mlp import Autoencoder
from gaxjax.penalties import DRAGAN, R1, R2, GradientPenalty
from gaxjax.recipe import Optimizer, Recipe
from gaxjax.record import last_picture, read_metrics
from gaxjax.tables import sheets
from gaxjax.train import train

SHAPE = (32, 32, 1)
SPLITS = {"digits": ("train[:1400]", "train[1400:]")}
"""Where a set has no split "test": what is trained on, and what is held out."""
COMPARED = 2_000
"""Samples, and real images, that a distance is between, where there are so many."""


@dataclass(frozen=True)
class Entry:
    """One row: what is the recipe's own; all else is the same for all."""

    title: str
    """as in the table"""
    game: dict[str, Any] = field(default_factory=dict)
    """fields of `Adversarial`"""
    discriminator: Callable[[int], nn.Module] | None = None
    """features -> a discriminator, where the objective needs one of its own"""


ENTRIES = {
    "minimax": Entry("minimax", {"objective": "minimax"}),
    "nonsaturating": Entry("non-saturating"),
    "smoothing": Entry("non-saturating, real target 0.9", {"objective": "nonsaturating(real_target=0.9)"}),
    "least_squares": Entry("least squares", {"objective": "least_squares"}),
    "wasserstein_clip": Entry(
        "Wasserstein, clipped", {"objective": "wasserstein", "discriminator_bounds": "clip(0.01)"}
    ),
    "wasserstein_penalty": Entry(
        "Wasserstein, gradient penalty", {"objective": "wasserstein", "penalties": (GradientPenalty(10.0),)}
    ),
    "hinge_spectral": Entry(
        "hinge, spectral norm", {"objective": "hinge", "discriminator_weights": "spectral"}
    ),
    "dragan": Entry("DRAGAN", {"penalties": (DRAGAN(10.0),)}),
    "relativistic_average": Entry("relativistic average", {"objective": "relativistic_average"}),
    "r3gan": Entry(
        "relativistic paired, R1 and R2",
        {"objective": "relativistic_paired", "penalties": (R1(0.4), R2(0.4))},
    ),
    "feature_matching": Entry("feature matching", {"objective": "feature_matching"}),
    "energy": Entry(
        "energy of an autoencoder",
        {"objective": "energy(margin=10)"},
        lambda features: Energy(Autoencoder(SHAPE, features=(16 * features,))),
    ),
}

PROTOCOL = """\
{dataset} at 32 px, {kimg:g} kimg each, seed {seed}: DCGAN's generator, and its discriminator without a
norm and with He initialization, both with {features} features; minibatches of 64, one update of each
player in turn, Adam at 2e-4 with b1 = 0.5, whatever the objective's paper used; samples from a moving
average of the generator. The energy's discriminator is an autoencoder, fully connected. So a row is the
objective in this game, not the best that it can do.

Distance: sliced Wasserstein-1 of pixels in [-1, 1], over {directions} random unit directions, of {n:,}
samples to {n:,} real images that were held out. It sees brightness and coarse shape, not sharpness, and is
no FID. For as many real images of the training set it is {floor:.4f}, about the least that can be
expected."""
DIRECTIONS = 512


def make(
    out: Path,
    data_directory: str = "",
    dataset: str = "fashion_mnist",
    kimg: float = 64.0,
    features: int = 16,
    seed: int = 0,
    only: str = "",
) -> str:
    """Trains DCGAN with each objective and compares them: OUT/objectives.md, .csv and .png.

    Each run is kept in OUT/<objective>; an interrupted one goes on, a finished one is not trained again.

    Args:
        out: directory of the table and its runs
        data_directory: where tensorflow-datasets keeps its sets (empty: its own default)
        dataset: name of a set of images
        kimg: length of each run, in thousands of real images
        features: channels of the networks next to the image
        seed: of every run
        only: objectives, comma-separated; empty for all
    """
    chosen = selected(only)
    recipes = {name: recipe(name, dataset, data_directory, kimg, features, seed) for name in chosen}
    data = next(iter(recipes.values())).data
    held_out = images(data, SPLITS.get(dataset, ("", "test"))[1])
    real = images(data, data.split)
    n = min(len(held_out), len(real))
    floor = sliced_wasserstein(real[:n], held_out[:n])
    rows = []
    for name in chosen:
        print(f"== {ENTRIES[name].title}", flush=True)
        rows.append({"objective": ENTRIES[name].title, **measure(out / name, recipes[name], held_out[:n])})
    shown = [(ENTRIES[name].title, sheets.read(last_picture(out / name))) for name in chosen]
    shown.append(("real", pictures.sheet(pictures.to_uint8(real[:36]))))
    sheets.draw(shown, out / "objectives.png")
    write_bytes(out / "objectives.csv", as_csv(rows))
    protocol = PROTOCOL.format(
        dataset=dataset, kimg=kimg, seed=seed, features=features, n=n, floor=floor, directions=DIRECTIONS
    )
    text = f"{as_markdown(rows)}\n\n{protocol}\n"
    write_bytes(out / "objectives.md", text.encode())
    return text


def selected(only: str) -> list[str]:
    """The objectives of a comma-separated list."""
    names = [name.strip() for name in only.split(",") if name.strip()] or list(ENTRIES)
    unknown = [name for name in names if name not in ENTRIES]
    if unknown:
        raise InputError(f"unknown objective {', '.join(map(repr, unknown))}; known: {', '.join(ENTRIES)}")
    return list(dict.fromkeys(names))


def recipe(name: str, dataset: str, directory: str, kimg: float, features: int, seed: int) -> Recipe:
    """The run of one objective."""
    own = ENTRIES[name]
    discriminator = Discriminator(features, depth=3, norm="none", deviation=0)
    return Recipe(
        gan=Adversarial(
            generator=Generator(SHAPE, features, depth=3),
            discriminator=own.discriminator(features) if own.discriminator else discriminator,
            **own.game,
        ),
        optimizers={"discriminator": Optimizer("adam", 2e-4), "generator": Optimizer("adam", 2e-4)},
        data=Data(
            dataset,
            shape=SHAPE,
            directory=directory,
            fit="resize",
            split=SPLITS.get(dataset, ("train", ""))[0],
            memory=0.0,  # most of a set is seen once or not at all
        ),
        batch_size=64,
        kimg=kimg,
        half_life=min(10_000, 100 * kimg),
        seed=seed,
        log_kimg=max(kimg / 50, 0.064),
        sample_kimg=kimg / 4,
        checkpoint_kimg=kimg / 2,
        samples=36,
    )


def images(data: Data, split: str) -> np.ndarray:
    """The first images of a split in random order, in [-1, 1]: [n, H, W, C]."""
    source = open_source(replace(data, split=split))
    taken = source.take(np.arange(min(COMPARED, len(source))), seed=0)["image"]
    return np.asarray(normalize({"image": taken})["image"])


def measure(workdir: Path, recipe: Recipe, real: np.ndarray) -> dict[str, Any]:
    """Trains, if it is not done, and says what came of it."""
    try:
        train(recipe, workdir)
        outcome = "finished"
    except Diverged as error:
        outcome = str(error)
    rows = read_metrics(workdir)
    found: dict[str, Any] = {"steps": 0, "seconds": 0.0, "images_per_second": 0.0, "outcome": outcome}
    if rows:
        end = rows[-1]
        found["steps"], found["seconds"] = end["step"], round(end["seconds"], 1)
        found["images_per_second"] = round(float(np.median([row["images_per_second"] for row in rows])), 1)
        found |= {name: end[name] for name in ("discriminator/loss", "generator/loss")}
    if outcome == "finished":
        gan, state = last(workdir, recipe, open_source(recipe.data).spec)
        found["distance"] = sliced_wasserstein(samples(gan, state, len(real), recipe.seed), real)
    return found


def samples(gan: GAN, state: State, n: int, seed: int) -> np.ndarray:
    """So many samples, 100 at a time."""
    draw = jax.jit(lambda state, key: sample(gan, state, {"n": 100}, key))
    keys = jax.random.split(jax.random.key(seed), -(-n // 100))
    return np.concatenate([np.asarray(draw(state, key)) for key in keys])[:n]


def sliced_wasserstein(a: np.ndarray, b: np.ndarray, directions: int = DIRECTIONS, seed: int = 0) -> float:
    """The mean Wasserstein-1 distance of projections on random unit vectors; a and b have one shape [n, ...].

    Of two sets of numbers of one size it is the mean distance of the sorted ones. Rabin et al. 2011.
    """
    if a.shape != b.shape:
        raise InputError(f"sets of one size and shape are compared; got {a.shape} and {b.shape}")
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    vectors = np.random.default_rng(seed).normal(size=(a.shape[1], directions))
    vectors /= np.linalg.norm(vectors, axis=0)
    return float(np.abs(np.sort(a @ vectors, axis=0) - np.sort(b @ vectors, axis=0)).mean())


COLUMNS = {
    "objective": "{}",
    "distance": "{:.4f}",
    "discriminator/loss": "{:.3f}",
    "generator/loss": "{:.3f}",
    "steps": "{:,}",
    "seconds": "{:.0f}",
    "images_per_second": "{:.0f}",
    "outcome": "{}",
}


def as_markdown(rows: list[dict[str, Any]]) -> str:
    """The rows as a table."""
    lines = [list(COLUMNS), ["---"] * len(COLUMNS)]
    for row in rows:
        lines.append([form.format(row[name]) if name in row else "" for name, form in COLUMNS.items()])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    """The rows as they are."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
