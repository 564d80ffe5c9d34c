"""Shows samples beside their nearest training examples: copies? Goodfellow et al. 2014, figure 2."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import jax
import numpy as np

from gaxjax.data import Source, normalize, open_source
from gaxjax.data.config import as_stored
from gaxjax.data.source import shuffle_positions
from gaxjax.errors import InputError
from gaxjax.features import Features, load_features
from gaxjax.game import sample
from gaxjax.generators.edits.edit import Drawing, Edit, image_grid
from gaxjax.generators.model import TrainedModel
from gaxjax.metrics.nearest import QUANTILES, find_nearest, share_nearer
from gaxjax.parallel.memory import total_memory

PAIRS = 4
"""In a row of the picture."""
CHUNK = 500
"""Images that are read, drawn or extracted at a time."""
LEAST = 100
"""Distances that a first percent can be told of."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Nearest(Edit):
    """Pairs of a sample and its nearest training example: the first samples, and below the nearest of all.

    Distances are compared with those of images that were not trained on. 1% of these are nearer than their
    own first percent; of a game that copies most samples are. Simple images are near to many, so that a few
    more are told from copies by the picture.
    """

    n: int = 16
    """samples that are shown: the first, whatever they are"""
    count: int = 1000
    """samples whose distances are compared, and at most so many held-out images"""
    features: str = "pixels"
    """what distances are of: pixels, inception, classifier(NAME), FILE.py:function"""
    weights: Path | None = None
    """file of the features' weights"""
    split: str = "test"
    """of the data, that was not trained on; empty: the training images, each without itself"""
    data_directory: str = ""
    """where the data are, if not where the run found them"""
    seed: int = 0
    """of the samples"""

    name: ClassVar = "nearest"

    def draw(self, model: TrainedModel) -> Drawing:
        if self.count < LEAST or not 1 <= self.n <= self.count:
            raise InputError(f"--count is {LEAST} or more, and --n 1 to as many as that; got {self}")
        # Never mirrored here: which image an index means is then certain.
        data = as_stored(model.recipe.data)
        data = dataclasses.replace(data, directory=self.data_directory or data.directory)
        training = open_source(data)
        held_out = open_source(dataclasses.replace(data, split=self.split)) if self.split else training
        extract = Extractor(load_features(self.features, self.weights, data.directory))
        extract.check_memory(2 * self.count, training.spec["image"].shape)
        fakes = self.draw_samples(model, training)
        images, indices = self.take_held_out(held_out)
        points = np.concatenate([extract(fakes), extract(images)])
        own = np.concatenate([np.full(len(fakes), -1), np.full(len(images), -1) if self.split else indices])
        # In one pass: reading and extracting the training images is what takes time.
        found = find_nearest(points, extract.blocks(training, model.recipe.data.flip), own)
        mine, theirs = np.split(found.distances, [len(fakes)])
        share, limit = share_nearer(mine, theirs)
        if limit == 0:  # no sample could be nearer, and copies would pass
            raise InputError(f"--split {self.split!r} has training images: take images that were held out")
        # The first samples may all be far from a copy that the thousandth is.
        closest = np.argsort(mine, kind="stable")[:PAIRS]
        rows = [np.arange(i, min(i + PAIRS, self.n)) for i in range(0, self.n, PAIRS)]
        page = [pair_up(fakes, training, found.indices, row) for row in rows]
        page += [[None], pair_up(fakes, training, found.indices, closest)]
        arrays = {
            "nearest": found.indices[: len(fakes)],
            "distances": mine,
            "held_out_distances": theirs,
            "quantiles": np.stack([np.percentile(x, QUANTILES) for x in (mine, theirs)]),
            "share": np.array(share),
            "closest": closest,
            "samples": fakes[: self.n],
        }
        what = "held-out images" if self.split else "training images among the others"
        lines = (
            f"distances ({extract.features.name}) to the nearest of {len(training):,} training images, at "
            f"their quantiles of {', '.join(f'{q}%' for q in QUANTILES)}:",
            describe_distances("samples", mine),
            describe_distances(what, theirs),
            f"{share:.1%} of the samples are nearer than {limit:.4g}, which 1% of the {what} are",
        )
        return Drawing(image_grid(page), arrays, lines=lines)

    def draw_samples(self, model: TrainedModel, source: Source) -> np.ndarray:
        """Samples, [count, H, W, C], with the labels of training examples, or the one that is asked for."""
        # Options are passed where they are given: games without styles know none.
        asked = {} if self.psi == "1" and self.cutoff is None else {"psi": model.psi, "cutoff": model.cutoff}

        def draw(state: Any, batch: Any, key: Any) -> Any:
            return sample(model.gan, state, normalize(batch), key, **asked)

        compiled, images = jax.jit(draw), []
        for start in range(0, self.count, CHUNK):
            # Whole chunks, the last one too, so that one program draws all; what is over is cut off below.
            batch = source.take(np.arange(start, start + CHUNK), seed=self.seed)
            if self.label is not None:
                batch = {**batch, "label": np.full_like(batch["label"], self.label)}
            key = jax.random.fold_in(jax.random.key(self.seed), start)
            images.append(np.asarray(compiled(model.state, batch, key)))
        return np.concatenate(images)[: self.count]

    def take_held_out(self, source: Source) -> tuple[np.ndarray, np.ndarray]:
        """Up to `count` images of the split, of the class that is asked for, and their indices in it."""
        # Shuffled: sets may be stored class by class.
        order = shuffle_positions(np.arange(len(source)), len(source), self.seed)
        images: list[np.ndarray] = []
        indices: list[int] = []
        for start in range(0, len(order), CHUNK):
            part = order[start : start + CHUNK]
            batch = source.take(part)
            kept = np.full(len(part), True) if self.label is None else batch["label"] == self.label
            rows = np.flatnonzero(kept)
            images += [*batch["image"][rows]]
            indices += part[rows].tolist()
            if len(indices) >= self.count:
                break
        if len(indices) < LEAST:
            raise InputError(f"--split {self.split}: of {LEAST} images at the least there are {len(indices)}")
        return np.asarray(normalize(np.stack(images[: self.count]))), np.array(indices[: self.count])


class Extractor:
    """The vectors of images that are compared."""

    def __init__(self, features: Features):
        self.features = features
        level = features.level
        self.compiled = jax.jit(lambda params, x: features.apply(params, x, (level,))[level])

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Of images in [-1, 1], [n, H, W, C] -> [n, D]."""
        parts = (images[start : start + CHUNK] for start in range(0, len(images), CHUNK))
        return np.concatenate([np.asarray(self.compiled(self.features.params, part)) for part in parts])

    def blocks(self, source: Source, mirrored: bool) -> Iterator[tuple[int, np.ndarray]]:
        """(index of the first, vectors) of a set, in its order; mirrored: and of its mirror images."""
        for start in range(0, len(source), CHUNK):
            batch = source.take(np.arange(start, min(start + CHUNK, len(source))))
            images = np.asarray(normalize(batch["image"]))
            yield start, self(images)
            if mirrored:  # the game has seen these too
                yield start, self(images[:, :, ::-1])

    def check_memory(self, n: int, shape: tuple[int, ...]) -> None:
        """InputError where vectors of so many images do not fit: those of the training set need not."""
        # As float32, and as much again for what is computed of them.
        needed = 8 * n * self.features.size(shape)
        if needed > (there := total_memory()):
            raise InputError(
                f"{self.features.name} of {n:,} images take {needed / 2**30:,.0f} GiB, where this machine "
                f"has {there / 2**30:,.0f}: take fewer (--count), or other --features"
            )


def pair_up(
    fakes: np.ndarray, source: Source, nearest: np.ndarray, rows: np.ndarray
) -> list[np.ndarray | None]:
    """Samples and their nearest images in turn, a white cell between two pairs."""
    # Only the pairs that are shown are read again: the search has kept no image.
    reals = np.asarray(normalize(source.take(nearest[rows])["image"]))
    cells: list[np.ndarray | None] = []
    for row, real in zip(rows, reals, strict=True):
        cells += [*([None] if cells else []), fakes[row], real]
    return cells


def describe_distances(what: str, distances: np.ndarray) -> str:
    """Their quantiles."""
    values = ", ".join(f"{value:.4g}" for value in np.percentile(distances, QUANTILES))
    return f"{what} ({len(distances):,}): {values}"
