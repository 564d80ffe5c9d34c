"""What a metric sees of an image: a vector, from a fixed function that every model is measured with."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.errors import InputError
from gaxjax.transforms import Tree

Apply = Callable[[Tree, Array, tuple[str, ...]], dict[str, Array]]


@dataclass(frozen=True, eq=False)
class Features:
    """A function from images to vectors, and all that a number measured with it depends on."""

    name: str
    """"inception-2015-12-05", "classifier-mnist", "pixels", or the name of the user's function."""
    levels: Mapping[str, int]
    """Level to the size of its vector, shallow to deep; 0: it depends on the size of the images."""
    level: str
    """The one that distances use unless told another: the deepest there is, logits apart."""
    resize: str
    """How images become the network's input, in words: a part of the protocol."""
    weights: str
    """The first 12 hex digits of the SHA-256 of the file of the weights or of the function; "": none."""
    params: Tree
    """What `apply` takes first."""
    apply: Apply
    """Pure: (params, images [N, H, W, C] float in [-1, 1], levels) -> {level: [N, D]}, up to the deepest."""

    def check(self, levels: Sequence[str]) -> tuple[str, ...]:
        """The levels, or an InputError for one that there is not."""
        for level in levels:
            if level not in self.levels:
                raise InputError(
                    f"{self.name} has no level {level!r} with these weights; it has {', '.join(self.levels)}"
                )
        return tuple(levels)

    def size(self, shape: Sequence[int], level: str = "") -> int:
        """The size of a level's vector (default: of `level`) for images of this shape (H, W, C)."""
        (level,) = self.check((level or self.level,))
        # By shapes, without computing: some levels depend on the images' size, and functions of users' own on
        # anything.
        images = jax.ShapeDtypeStruct((1, *shape), jnp.float32)
        vectors = jax.eval_shape(lambda x: self.apply(self.params, x, (level,)), images)
        return vectors[level].shape[1]


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hex digits; InputError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}); give the path of a file"
        ) from error
