"""Arrays in the text of a compiled program: what they hold, and what they take once padded to tiles."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

ARRAY = re.compile(r"\b(pred|[a-z]+(\d+)\w*)\[([\d,]*)\](?:\{([\d,]*)(?::([^}]*))?\})?")
"""Such as bf16[64,8,8,128]{3,0,2,1:T(8,128)(2,1)S(1)}: kind, bits, sizes, axes from the minor up, tiles."""


@dataclass(frozen=True)
class Array:
    """An array as a program lays it out."""

    kind: str
    """such as bf16"""
    bits: int
    """of an element"""
    shape: tuple[int, ...]
    layout: tuple[int, ...]
    """axes, the one whose elements are neighbors first"""
    tile: tuple[int, ...]
    """what its minor axes are padded to, the most minor one last; () for none"""
    space: int
    """the memory that it lies in: 0 is the large one, others are on the chip or the host's"""

    @property
    def nbytes(self) -> int:
        """Of its elements."""
        return -(-math.prod(self.shape) * self.bits // 8)

    @property
    def padded_nbytes(self) -> int:
        """Bytes that it takes."""
        sizes = [self.shape[axis] for axis in self.layout]
        # Tiles have more axes than small arrays: those are padded as if they had axes of one element.
        sizes += [1] * (len(self.tile) - len(sizes))
        for axis, side in enumerate(reversed(self.tile)):
            sizes[axis] = -(-sizes[axis] // side) * side
        return -(-math.prod(sizes) * self.bits // 8)


def parse_arrays(text: str) -> Iterator[Array]:
    """All arrays in a text, in order.

    >>> arrays = parse_arrays("(bf16[3,8]{1,0:T(8,128)(2,1)}, pred[4]) and f32[]")
    >>> [(array.nbytes, array.padded_nbytes) for array in arrays]
    [(48, 2048), (4, 4), (4, 4)]
    """
    for kind, bits, sizes, axes, tiles in ARRAY.findall(text):
        shape = tuple(int(n) for n in sizes.split(",") if n)
        layout = tuple(int(n) for n in axes.split(",") if n) or tuple(reversed(range(len(shape))))
        # The first tile alone pads: those behind it divide it.
        tile, space = re.match(r"T\(([\d,]+)\)", tiles), re.search(r"S\((\d+)\)", tiles)
        yield Array(
            kind,
            int(bits or 8),
            shape,
            layout,
            tuple(int(n) for n in tile[1].split(",")) if tile else (),
            int(space[1]) if space else 0,
        )


def count_bytes(text: str) -> int:
    """Bytes of all arrays in a text, without padding."""
    return sum(array.nbytes for array in parse_arrays(text))
