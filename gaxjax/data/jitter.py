"""Jitter: crops at random of images that were read larger than networks take them. Isola et al. 2017, 6.2."""

from typing import Any, final

import jax
import numpy as np

from gaxjax.data.config import Data
from gaxjax.data.factors import NAME as FACTORS
from gaxjax.data.source import Batch, Source, SourceOf, Tables, random_words
from gaxjax.errors import InputError

CORNER = "corner "
"""With a name: row and column where its crops begin, among what was chosen."""


def check_jitter(data: Data) -> None:
    """InputError for a size that leaves nothing to choose."""
    if data.jitter and data.jitter <= data.shape[0]:
        larger = round(data.shape[0] * 286 / 256)
        raise InputError(
            f"jitter={data.jitter} is the height of images before a crop of {data.shape[0]} is taken: use "
            f"more, such as {larger}, or 0 for none"
        )


def enlarged_shape(data: Data) -> tuple[int, ...]:
    """(height, width, channels) of images before the crop.

    >>> enlarged_shape(Data(shape=(256, 512, 3), jitter=286))
    (286, 572, 3)
    """
    height, width, channels = data.shape
    return data.jitter, round(data.jitter * width / height), channels


@final
class Jittered(SourceOf):
    """The source's examples with crops of their images, at random; without a seed, in the middle.

    Where a crop lies is a function of the seed, the position and the name's stream: a pair has one for both.
    """

    def __init__(self, source: Source, shape: tuple[int, ...]):
        super().__init__(source)
        if FACTORS in source.spec:
            raise InputError("jitter moves what is in an image, whose factors would be others: use jitter=0")
        self.shape = shape
        images = {name: leaf for name, leaf in source.spec.items() if len(leaf.shape) == 3}
        self.spec |= {name: type(leaf)(shape, leaf.dtype) for name, leaf in images.items()}
        # How many rows and columns a crop can be moved by, at least 0 of each.
        self.room = {name: np.subtract(leaf.shape, shape)[:2] for name, leaf in images.items()}

    @property
    def tables(self) -> Batch | None:  # type: ignore[override]
        """The source's, of whole images."""
        return self.source.tables

    @property
    def table_size(self) -> int:
        return self.source.table_size

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        return self.crop(self.source.take(positions, seed), self.corners(positions, seed))

    def choose(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        return self.source.choose(positions, seed) | self.corners(positions, seed)

    def gather(self, tables: Tables, choice: Tables) -> Tables:
        return self.crop(self.source.gather(tables, choice), choice)

    def corners(self, positions: np.ndarray, seed: int | None) -> Batch:
        """Where crops begin, [n, 2] int32 by name."""
        corners: Batch = {}
        for name, room in self.room.items():
            corner: Any = np.broadcast_to(room // 2, (len(positions), 2))
            if seed is not None:
                # The first word is the coin of mirroring (`Steps.coins`). Names of one stream have the same
                # words, so that a pair is cropped as a whole.
                corner = random_words(positions, seed, self.streams[name])[:, 1:3] % np.uint64(room + 1)
            corners[CORNER + name] = corner.astype(np.int32)
        return corners

    def crop(self, batch: Tables, corners: Tables) -> Tables:
        """Images [..., H, W, C] from their corners [..., 2] on, with the shape of the spec."""
        return batch | {
            name: crop_images(batch[name], corners[CORNER + name], self.shape) for name in self.room
        }


def crop_images(images: Any, corners: Any, shape: tuple[int, ...]) -> Any:
    """Crops [..., h, w, C] of images [..., H, W, C] from corners [..., 2] on; arrays of NumPy or JAX."""
    whole, places = images.reshape(-1, *images.shape[-3:]), corners.reshape(-1, 2)
    if isinstance(images, np.ndarray):
        height, width = shape[:2]
        crops: Any = np.stack(
            [image[i : i + height, j : j + width] for image, (i, j) in zip(whole, places, strict=True)]
        )
    else:
        # One gather of whole slices: indices of pixels would be as many as pixels.
        crops = jax.vmap(lambda image, place: jax.lax.dynamic_slice(image, (*place, 0), shape))(whole, places)
    return crops.reshape(*images.shape[:-3], *shape)
