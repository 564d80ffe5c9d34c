"""Photographs and what is left of them at a fraction of their size: pairs for super-resolution."""

from typing import final

import jax
import numpy as np
from PIL import Image

from gaxjax.data.config import Data
from gaxjax.data.images import DamagedError
from gaxjax.data.pictures import Streaming
from gaxjax.data.source import Batch, SourceOf, Spec, random_words, shuffle_positions

PLACES = 6
"""Stream of the random numbers that say where crops are; those below it are of orders, points and labels."""


@final
class SuperResolution(SourceOf):
    """{"a": b reduced, "b": a crop of a photograph}, uint8, of photographs of any size.

    A crop's place is a function of (seed, position) alone, uniform over all where it is whole; without a
    seed, or centered, it is the center, which of a photograph of the crop's size is all of it.
    """

    def __init__(self, source: Streaming, data: Data):
        """source: of whole photographs, none smaller than the crops."""
        super().__init__(source)
        self.pictures, self.indices = source.pictures, source.indices
        self.replace_damaged = source.replace_damaged
        self.data, self.spec = data, spec_of_pairs(data)
        self.streams = dict.fromkeys(self.spec, 0)  # one order, and one coin: a pair is mirrored as a whole
        self.classes, self.class_names = None, ()
        self.factor_names, self.factor_sizes = (), ()
        self.decoded: dict[int, np.ndarray] = {}
        self.room = data.memory * 2**30

    @property
    def labels(self) -> None:
        """None: subfolders are more photographs."""
        return None

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        positions = np.asarray(positions, np.int64)
        # Filled in row by row: crops are of one size, and photographs are not.
        batch = {
            name: np.empty((len(positions), *leaf.shape), leaf.dtype) for name, leaf in self.spec.items()
        }
        words = None if seed is None or self.data.centered else random_words(positions, seed, PLACES)
        for row, number in enumerate(shuffle_positions(positions, len(self), seed).tolist()):
            photograph = self.photograph(number)
            batch["b"][row] = crop = cut_out(
                photograph, self.data.shape, None if words is None else words[row]
            )
            batch["a"][row] = reduce_pixels(crop, self.data.scale)
        return batch

    def photograph(self, number: int) -> np.ndarray:
        """One of them, whole: [H, W, C] of its own size."""
        if number in self.decoded:
            return self.decoded[number]
        try:
            example = self.pictures.decode(self.pictures.fetch([int(self.indices[number])])[0])
        except DamagedError as error:
            example = self.replace_damaged(number, error)
        pixels = example["image"]
        # As many as fit are decoded once. The loader's threads share them: what two decode at a time is the
        # same.
        if pixels.nbytes <= self.room:
            self.decoded[number] = pixels
            self.room -= pixels.nbytes
        return pixels


def spec_of_pairs(data: Data) -> Spec:
    """Shapes and types of the pairs that a description asks for."""
    height, width, channels = data.shape
    small = (height // data.scale, width // data.scale, channels)
    return {"a": jax.ShapeDtypeStruct(small, np.uint8), "b": jax.ShapeDtypeStruct(data.shape, np.uint8)}


def cut_out(pixels: np.ndarray, shape: tuple[int, ...], words: np.ndarray | None) -> np.ndarray:
    """A part of an image, at the place that random words say, or at its center."""
    height, width = shape[:2]
    rows, columns = pixels.shape[0] - height, pixels.shape[1] - width
    # A word of 64 bits is as good as uniform over so few places.
    top, left = (
        (rows // 2, columns // 2)
        if words is None
        else (int(words[0]) % (rows + 1), int(words[1]) % (columns + 1))
    )
    return pixels[top : top + height, left : left + width]


def reduce_pixels(pixels: np.ndarray, scale: int) -> np.ndarray:
    """An image at 1 / scale of its size, [H, W, C] -> [H / scale, W / scale, C]: bicubic, antialiased."""
    height, width, channels = pixels.shape
    picture = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    small = picture.resize((width // scale, height // scale), Image.Resampling.BICUBIC)
    return np.asarray(small).reshape(height // scale, width // scale, channels)
