"""Stacked MNIST: an image of three random digits, one in each channel. Metz et al. 2017, section 3.3.1."""

from typing import final

import jax
import numpy as np

from gaxjax.data.points import STORED, TRAINING
from gaxjax.data.source import Batch, Source, Tables, random_words

NAME = "stacked_mnist"


@final
class StackedDigits(Source):
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
        # 1, 10, 100: the label's digits are the channels', as `metrics.modes.stacked_labels` counts them.
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
        # No seed for the digits: the triples say which of them as they are stored, and are drawn already.
        taken = self.digits.take(triples.reshape(-1))
        return self.stack_channels(
            {name: x.reshape(*triples.shape, *x.shape[1:]) for name, x in taken.items()}
        )

    def choose(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        triples = self.triples(positions, seed)
        choice = self.digits.choose(triples.reshape(-1))
        return {name: x.reshape(*triples.shape, *x.shape[1:]) for name, x in choice.items()}

    def gather(self, tables: Tables, choice: Tables) -> Tables:
        return self.stack_channels(self.digits.gather(tables, choice))

    def triples(self, positions: np.ndarray, seed: int | None) -> np.ndarray:
        """Which digits are stacked, [n, 3]."""
        # A stream other than training's where there is no seed: examples to compare with, which no run trains
        # on.
        words = random_words(positions, seed or 0, STORED if seed is None else TRAINING)
        return (words[:, :3] % np.uint64(len(self.digits))).astype(np.int64)

    def stack_channels(self, digits: Tables) -> Tables:
        """Images [..., 3, H, W, 1] and labels [..., 3] of digits as examples."""
        # [..., 3, H, W] -> [..., H, 3, W] -> [..., H, W, 3]; swaps work for NumPy's arrays and for JAX's.
        images = digits["image"][..., 0].swapaxes(-3, -2).swapaxes(-2, -1)
        return {"image": images, "label": (digits["label"] @ self.weights).astype(np.int32)}
