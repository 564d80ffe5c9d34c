"""A source whose images are smaller: means of squares of pixels, for the stages of networks that grow."""

import functools
from typing import final

import numpy as np

from gaxjax.data.jitter import Jittered
from gaxjax.data.source import Batch, Source, SourceOf, Tables
from gaxjax.errors import InputError


def reduce_images(source: Source, shape: tuple[int, ...]) -> Source:
    """The source with images of that shape; itself where they have it, or where it is empty."""
    images = [leaf.shape for leaf in source.spec.values() if len(leaf.shape) == 3]
    # Stages without a shape of their own train on the images as they are.
    if not shape or all(image == tuple(shape) for image in images):
        return source
    return ReducedImages(source, tuple(shape))


@final
class ReducedImages(SourceOf):
    """Means of squares, rounded to whole numbers, as ProGAN's code stores sets of several resolutions."""

    def __init__(self, source: Source, shape: tuple[int, ...]):
        super().__init__(source)
        if isinstance(source, Jittered):
            raise InputError(
                f"jitter crops images for networks of one size, and a stage has another, {shape}"
            )
        for name, leaf in source.spec.items():
            if len(leaf.shape) != 3:
                continue
            # Whole numbers of pixels and the same along both sides: nothing is cropped, stretched or
            # interpolated.
            factor = leaf.shape[0] // shape[0]
            if leaf.shape != (shape[0] * factor, shape[1] * factor, shape[2]):
                raise InputError(
                    f"images of {leaf.shape} cannot be reduced to {shape}: use a shape that both sides fit"
                )
            self.spec[name] = type(leaf)(shape, leaf.dtype)

    @functools.cached_property
    def tables(self) -> Batch | None:  # type: ignore[override]
        """The source's, smaller: made once, when they are asked for."""
        if self.source.tables is None:
            return None
        # Cached, as the feed, the check of a stage and the record may each ask; a quarter of the source's
        # memory at most.
        return {name: self.block_means(name, table) for name, table in self.source.tables.items()}

    def choose(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        # Which examples they are does not depend on their size: the order is the source's.
        return self.source.choose(positions, seed)

    def gather(self, tables: Tables, choice: Tables) -> Tables:
        return self.source.gather(tables, choice)

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        if self.tables is not None:
            return self.gather(self.tables, self.choose(positions, seed))
        batch = self.source.take(positions, seed)
        return {name: self.block_means(name, values) for name, values in batch.items()}

    def block_means(self, name: str, values: np.ndarray) -> np.ndarray:
        """Images [n, H, W, C] at the size of the spec; anything else as it is."""
        shape = self.spec[name].shape
        if len(shape) != 3:
            return values
        factor = values.shape[1] // shape[0]
        # [n, h, factor, w, factor, C]: the two axes of each square are averaged away.
        blocks = values.reshape(len(values), shape[0], factor, shape[1], factor, values.shape[3])
        # float32 holds sums of 65,536 bytes exactly, and uint8 would overflow in the second.
        means = blocks.mean(axis=(2, 4), dtype=np.float32)
        return np.rint(means).astype(values.dtype)
