"""Stacked MNIST: an image of three random digits, one in each channel. Metz et al. 2017, section 3.3.1."""

from typing import final

import jax
import numpy as np

from gaxjax.data.points import STORED, TRAINING
from gaxjax.data.source import Batch, Source, Tables, random_words

NAME = "stacked_mnist"


@final
class Stacked(Source):
    """{"image": uint8 [n, H, W, 3], "label": d0 + 10 d1 + 100 d2 of the digits in the channels}.

    Every position is a fresh, uniform choice of three images of the source, so there is no order to shuffle;
    an epoch counts as many examples as the source has. The source has images [n, H, W, 1] and labels.
    """

    def __init__(self, digits: Source):
        assert digits.classes is not None
        height, width, _ = digits.spec["image"].shape
        self.digits = digits
        self.spec = {
            "image": jax.ShapeDtypeStruct((height, width, 3), np.uint8),
            "label": jax.ShapeDtypeStruct((), np.int32),
        }
        self.streams = {"image": 0, "label": 0}
        self.classes = digits.classes**3
        self.weights = digits.classes ** np.arange(3)

    def __len__(self) -> int:
        return len(self.digits)

    @property
    def tables(self) -> Batch | None:  # type: ignore[override]
        """Those of the digits."""
        return self.digits.tables

    def digest(self) -> str:
        return self.digits.digest()

    def decode_all(self) -> int:
        return self.digits.decode_all()

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        """The examples at global positions; no seed: examples of their own, that no training run draws."""
        triples = self.triples(positions, seed)
        taken = self.digits.take(triples.reshape(-1))
        return self.stacked({name: x.reshape(*triples.shape, *x.shape[1:]) for name, x in taken.items()})

    def choose(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        triples = self.triples(positions, seed)
        chosen = self.digits.choose(triples.reshape(-1))
        return {name: x.reshape(*triples.shape, *x.shape[1:]) for name, x in chosen.items()}

    def gather(self, tables: Tables, chosen: Tables) -> Tables:
        return self.stacked(self.digits.gather(tables, chosen))

    def triples(self, positions: np.ndarray, seed: int | None) -> np.ndarray:
        """Which digits are stacked, [n, 3]."""
        words = random_words(positions, seed or 0, STORED if seed is None else TRAINING)
        return (words[:, :3] % np.uint64(len(self.digits))).astype(np.int64)

    def stacked(self, digits: Tables) -> Tables:
        """Images [..., 3, H, W, 1] and labels [..., 3] of digits as examples."""
        images = digits["image"][..., 0].swapaxes(-3, -2).swapaxes(-2, -1)
        return {"image": images, "label": (digits["label"] @ self.weights).astype(np.int32)}
