"""Two domains of images from sets of one: a set and what is made of it, or two sets. Liu and Tuzel 2016."""

import functools
from collections.abc import Callable
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np

from gaxjax.data.domains import Domains
from gaxjax.data.source import Batch, Source, Tables, shuffle_positions
from gaxjax.errors import InputError


def find_edges(images: Any) -> Any:
    """What dilating images by a square of 3 x 3 adds to them, uint8 [n, H, W, C]; of NumPy's or JAX's arrays.

    The authors' edges of MNIST.
    """
    xp = jnp if isinstance(images, jax.Array) else np
    _, height, width, _ = images.shape
    padded = xp.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    # The image is one of the nine, so that bytes never go below 0.
    return functools.reduce(xp.maximum, shifted) - images


def invert(images: Any) -> Any:
    """Negatives of images, uint8; of NumPy's or JAX's arrays."""
    return 255 - images


CHANGES: dict[str, Callable[[Any], Any]] = {"edges": find_edges, "negatives": invert}
"""What domain b can be made of domain a by: uint8 [n, H, W, C] -> the same."""


@final
class Side(Source):
    """One domain: members of a source, their images changed, as "a" and "label", or as "b" and "label_b".

    members: numbers of examples as stored, [n]. stream: that of its order.
    """

    def __init__(
        self,
        source: Source,
        side: str,
        members: np.ndarray,
        stream: int,
        change: Callable[[Any], Any] | None = None,
    ):
        if "image" not in source.spec:
            raise InputError(f"domain_b makes two domains of images; the data have {sorted(source.spec)}")
        names = {side: "image", "label" if side == "a" else "label_b": "label"}
        self.names = {new: old for new, old in names.items() if old in source.spec}
        self.source, self.side, self.members, self.change = source, side, members, change
        self.spec = {new: source.spec[old] for new, old in self.names.items()}
        self.stream, self.streams = stream, dict.fromkeys(self.spec, stream)
        self.classes, self.class_names = source.classes, source.class_names

    def __len__(self) -> int:
        return len(self.members)

    @functools.cached_property
    def tables(self) -> Batch | None:  # type: ignore[override]
        """The members', changed: made once, when they are asked for."""
        tables = self.source.tables
        return None if tables is None else self.rename({name: x[self.members] for name, x in tables.items()})

    @property
    def has_tables(self) -> bool:
        return self.source.has_tables

    def digest(self) -> str:
        return self.source.digest()

    def decode_all(self) -> int:
        return self.source.decode_all()

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        if self.tables is not None:
            return self.gather(self.tables, self.choose(positions, seed))
        # No seed for the source: members are examples as they are stored, in an order drawn here.
        return self.rename(self.source.take(self.members[self.order(positions, seed)]))

    def choose(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        # By the side, not by the stream, which paired domains have in common: choices lie in one dict.
        return {self.side: self.order(positions, seed).astype(np.int32)}

    def gather(self, tables: Tables, choice: Tables) -> Tables:
        return {name: table[choice[self.side]] for name, table in tables.items()}

    def order(self, positions: np.ndarray, seed: int | None) -> np.ndarray:
        """Which members are at global positions [n]."""
        return shuffle_positions(positions, len(self), seed, self.stream)

    def rename(self, batch: Tables) -> Tables:
        """Examples of the source under this domain's names, and changed."""
        renamed = {new: batch[old] for new, old in self.names.items()}
        return renamed if self.change is None else renamed | {self.side: self.change(renamed[self.side])}


def couple(source: Source, other: Source | None, change: str, paired: bool) -> Domains:
    """{"a", "b", "label", "label_b"}: images of the source, and of `other`, or of the source with a change.

    Without another source: pairs, b[i] of a[i]; or, if not paired, a of one half of the source and b of the
    other, each in an order of its own.
    """
    everything = np.arange(len(source))
    if other is not None:
        return Domains(Side(source, "a", everything, 0), Side(other, "b", np.arange(len(other)), 1))
    make = CHANGES[change]
    if paired:
        return Domains(Side(source, "a", everything, 0), Side(source, "b", everything, 0, make))
    # One of each two that are stored beside each other: sets that are sorted by class have all in both.
    if len(source) < 2:
        raise InputError(f"two halves need 2 images or more; the data have {len(source)}")
    return Domains(Side(source, "a", everything[::2], 0), Side(source, "b", everything[1::2], 1, make))
