"""Moving digits: clips of digits that bounce in a box, as Moving MNIST.

Srivastava et al. 2015, Unsupervised Learning of Video Representations using LSTMs, section 4.1.
"""

from dataclasses import replace
from typing import final

import jax
import numpy as np

from gaxjax.data.config import Data
from gaxjax.data.points import STORED, TRAINING
from gaxjax.data.source import Batch, Source, SourceOf, Spec, random_words
from gaxjax.errors import InputError

SETS = {"moving_digits": "digits", "moving_mnist": "mnist"}
"""Of which digits they are; the built-in ones need no preparation."""
DIGIT, BOX = 28, 64
"""Sides of a digit and of its box, in the paper."""
STEP = 0.1
"""Length of a step from frame to frame, where all the way that a digit has along one side is 1: the authors'
code."""


@final
class MovingDigits(SourceOf):
    """{"video": uint8 [n, T, H, W, C]}, with "label" where there is one digit: clips without end.

    Digits begin anywhere and go in any direction at one speed, bouncing off the borders and passing over one
    another, of which the brighter shows. Which they are and how they go is drawn anew at every position, so
    there is no order to shuffle; an epoch counts as many clips as the source, of images [n, h, w, 1], has.
    """

    def __init__(self, digits: Source, data: Data):
        super().__init__(digits)
        self.data, self.spec = data, spec_of_digits(data)
        self.streams = dict.fromkeys(self.spec, 0)
        if "label" not in self.spec:
            self.classes, self.class_names = None, ()

    @property
    def has_tables(self) -> bool:
        """None: clips are rendered, and not gathered."""
        return False

    @property
    def labels(self) -> None:
        """None: they are drawn with the digits."""
        return None

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        """The clips at global positions; no seed: clips of their own, that no training run draws."""
        count, shape = self.data.digits, self.data.shape
        # Four words for each digit: which it is, where it begins, and where it goes.
        places = np.asarray(positions, np.int64)[:, None] * count + np.arange(count)
        words = random_words(places.reshape(-1), seed or 0, STORED if seed is None else TRAINING)
        words = words.reshape(len(places), count, 4)
        numbers = (words[..., 0] % np.uint64(len(self))).astype(np.int64)
        # The upper 53 bits are a float64's mantissa: [0, 1).
        uniform = (words[..., 1:] >> np.uint64(11)).astype(np.float64) * 2.0**-53
        # No seed for the digits: they are chosen already.
        batch = self.source.take(numbers.reshape(-1))
        images = batch["image"][..., 0].reshape(*numbers.shape, *batch["image"].shape[1:3])
        paths = follow(uniform[..., :2], 2 * np.pi * uniform[..., 2], self.data.stride * np.arange(shape[0]))
        video = draw_clips(images, paths, shape[1:3])
        made: Batch = {"video": np.repeat(video[..., None], shape[3], axis=-1)}
        return made | {"label": batch["label"]} if "label" in self.spec else made


def digits_of(data: Data) -> Data:
    """The images of the digits that clips are made of, at the size that these have them."""
    if data.shape[3] == 4:
        raise InputError(f"{data.name} has 1 or 3 channels, not 4: nothing is seen through digits")
    side = max(1, round(min(data.shape[1:3]) * DIGIT / BOX))
    return replace(data, name=SETS[data.name], shape=(side, side, 1), stride=1, first_frames=False)


def spec_of_digits(data: Data) -> Spec:
    """Shapes and types of clips."""
    label = {"label": jax.ShapeDtypeStruct((), np.int32)} if data.digits == 1 else {}
    return {"video": jax.ShapeDtypeStruct(data.shape, np.uint8), **label}


def follow(starts: np.ndarray, angles: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Places [..., T, 2] in [0, 1] at times [T], of starts [..., 2] in [0, 1] and angles [...]."""
    velocity = STEP * np.stack([np.sin(angles), np.cos(angles)], axis=-1)
    straight = starts[..., None, :] + times[:, None] * velocity[..., None, :]
    # What goes straight through a row of mirrored boxes bounces in one.
    return 1 - np.abs(straight % 2 - 1)


def draw_clips(images: np.ndarray, paths: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Clips uint8 [n, T, H, W] of images [n, k, h, w] at places [n, k, T, 2] in [0, 1], on black."""
    count, digits, height, width = images.shape
    corners = np.rint(paths * (np.array(size) - (height, width))).astype(int)
    clips = np.zeros((count, paths.shape[2], *size), np.uint8)
    for clip, frame in np.ndindex(clips.shape[:2]):
        for digit in range(digits):
            top, left = corners[clip, digit, frame]
            place = clips[clip, frame, top : top + height, left : left + width]
            np.maximum(place, images[clip, digit], out=place)
    return clips
