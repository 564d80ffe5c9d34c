"""Stacked MNIST: an image of three random digits, one in each channel. Metz et al. 2017, section 3.3.1."""

from typing import final

import jax
import numpy as np

from gaxjax.data.points import STORED, TRAINING
from gaxjax.data.source import Batch, Source, random_words

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

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        """The examples at global positions; no seed: examples of their own, that no training run draws."""
        words = random_words(positions, seed or 0, STORED if seed is None else TRAINING)
        chosen = (words[:, :3] % np.uint64(len(self.digits))).astype(np.int64)
        taken = self.digits.take(chosen.reshape(-1))
        images = taken["image"].reshape(*chosen.shape, *self.spec["image"].shape[:2])
        labels = taken["label"].reshape(chosen.shape) @ self.weights
        return {"image": np.moveaxis(images, 1, -1), "label": labels.astype(np.int32)}
