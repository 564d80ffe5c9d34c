"""What a game itself takes real images for: the class, or the code, that it reads off them."""

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
    """The largest of the game's logits, [B, K]: of its method classify(images), or classify_code(images)."""

    of_classes: bool
    """whether they are compared with labels as they are; codes that nobody has named have to be matched"""
    reference: str = "image"
    """what of the data is read; of two domains, a or b"""

    of: ClassVar = "images"
    of_real: ClassVar = True
    params: ClassVar[dict[str, Any]] = {}

    def __call__(self, gan: GAN, held: tuple[State, Any], batch: Batch, number: Any) -> dict[str, Array]:
        """What each image is taken for, and its label, [B, 2]."""
        state, _ = held
        method, images = self.find_method(gan), normalize(batch)[self.reference]
        label = "label_b" if self.reference == "b" else "label"
        if label not in batch:
            raise InputError(f"there are no labels of images {self.reference}; the data has {sorted(batch)}")
        # Any key: nothing is drawn, as networks that read images are in evaluation mode.
        logits = call_averaged(gan, state, jax.random.key(0), method, images)
        # Side by side in one array: whoever compares them needs both of the same image.
        return {"readings": jnp.stack([jnp.argmax(logits, axis=-1), batch[label]], axis=1)}

    def find_method(self, gan: GAN) -> str:
        """The method that reads images; InputError for a game that reads nothing off them."""
        # By the method, not by the class: a game of one's own may read images too.
        for name in ("classify",) if self.of_classes else ("classify_code", "classify"):
            if hasattr(gan, name):
                return name
        hint = "; its codes are measured by code_error" if hasattr(gan, "classify_code") else ""
        raise InputError(
            f"{type(gan).__name__} does not say which class it takes an image for: it needs a method "
            f"classify(images), which returns logits [B, classes]{hint}"
        )
