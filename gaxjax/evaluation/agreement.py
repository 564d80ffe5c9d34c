"""Whether the images of a generated pair belong together, where what makes the one of the other is known."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.data import normalize
from gaxjax.data.coupled import CHANGES
from gaxjax.data.loader import pixels_of
from gaxjax.errors import InputError
from gaxjax.game import GAN, Batch, State, sample

HALF = 128
"""From here on, of 256, a pixel is white."""


@dataclass(frozen=True, eq=False)
class PixelAgreement:
    """The share of a pair's pixels that agree. Liu and Tuzel 2016, section 4.

    Image a of a pair is changed as domain b was made of domain a, and compared with image b, both black and
    white.
    """

    domain_b: str
    """of the data: how it was made"""
    seed: int
    """of the pairs"""

    of: ClassVar = "pairs"
    of_real: ClassVar = False
    params: ClassVar[dict[str, Any]] = {}

    def __call__(self, gan: GAN, held: tuple[State, Any], batch: Batch, number: Any) -> dict[str, Array]:
        """The share of each pair, [B]."""
        if self.domain_b not in CHANGES:
            raise InputError(
                f"pixel_agreement needs data whose domain b is made of domain a, by {' or '.join(CHANGES)}; "
                f"the run's has domain_b={self.domain_b!r}"
            )
        # The key is the block's number's, as that of samples is: devices and their number change nothing.
        state, _ = held
        key = jax.random.fold_in(jax.random.key(self.seed), number)
        pairs = sample(gan, state, normalize(batch), key)
        if not isinstance(pairs, dict) or not {"a", "b"} <= set(pairs):
            raise InputError(f"pixel_agreement is of generated pairs, and {type(gan).__name__} makes none")
        # As bytes, as the data's were when they were changed.
        a, b = (pixels_of(pairs[name]).astype(jnp.uint8) for name in ("a", "b"))
        # Image a as it was drawn, and not its partner in the data: no image of the data is like it.
        agree = (CHANGES[self.domain_b](a) >= HALF) == (b >= HALF)
        return {"agreement": jnp.mean(agree, axis=(1, 2, 3), dtype=jnp.float32)}
