"""What a game itself takes real images for: the class, or the code, that it reads off them."""

from collections.abc import Set
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.data import normalize
from gaxjax.errors import InputError
from gaxjax.game import GAN, Batch, State, call_averaged


@dataclass(frozen=True, eq=False)
class Readings:
    """The largest of the game's logits; it needs the method classify(images) -> logits [B, K]."""

    of: ClassVar = "images"
    of_real: ClassVar = True
    params: ClassVar[dict[str, Any]] = {}

    def __call__(self, gan: GAN, held: tuple[State, Any], batch: Batch, number: Any) -> dict[str, Array]:
        """What each image is taken for, and its label, [B, 2]."""
        state, _ = held
        # Any key: nothing is drawn, as networks that read images are in evaluation mode.
        logits = call_averaged(gan, state, jax.random.key(0), "classify", normalize(batch)["image"])
        # Side by side in one array: whoever compares them needs both of the same image.
        return {"readings": jnp.stack([jnp.argmax(logits, axis=-1), batch["label"]], axis=1)}

    def output_names(self, gan: GAN, state: Any, batch: Any) -> Set[str]:
        """The names of what is found; InputError for a game that reads nothing off images."""
        # By the method, not by the class: a game of one's own may read images too.
        if not hasattr(gan, "classify"):
            raise InputError(
                f"{type(gan).__name__} does not say what it takes an image for: it needs a method "
                f"classify(images), which returns logits [B, classes]"
            )
        return {"readings"}
