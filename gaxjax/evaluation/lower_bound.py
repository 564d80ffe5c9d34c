"""The evidence lower bound of real images, asked of a game that has one. Kingma and Welling 2014."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.data import normalize
from gaxjax.errors import InputError
from gaxjax.game import GAN, Batch, State, call_averaged
from gaxjax.metrics.samples import BOUNDS, DRAWS


@dataclass(frozen=True, eq=False)
class LowerBound:
    """Both terms of it, of each image; the game needs the method bound_terms(batch)."""

    seed: int
    """of the draws"""

    of: ClassVar = "images"
    of_real: ClassVar = True
    params: ClassVar[dict[str, Any]] = {}

    def __call__(self, gan: GAN, held: tuple[State, Any], batch: Batch, number: Any) -> dict[str, Array]:
        """Means over the draws, [B] by name."""
        # By the method, not by the class: a game of one's own may have one too.
        if not hasattr(gan, "bound_terms"):
            raise InputError(
                f"elbo is of a game with a lower bound, as a VAE, and {type(gan).__name__} has none: it "
                "needs the method bound_terms(batch)"
            )
        state, _ = held
        keys = jax.random.split(jax.random.fold_in(jax.random.key(self.seed), number), DRAWS)

        def ask(key: Array) -> dict[str, Array]:
            terms: dict[str, Array] = call_averaged(gan, state, key, "bound_terms", normalize(batch))
            return terms

        # One draw after the other: all at once would hold the activations of ten times as many images.
        terms = jax.lax.map(ask, keys)
        # The divergence is in closed form, and the same in every draw.
        error, divergence = (jnp.mean(terms[name], axis=0) for name in ("error", "kl"))
        return dict(zip(BOUNDS, (error, divergence), strict=True))
