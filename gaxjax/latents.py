"""What a generator starts from."""

from dataclasses import dataclass
from typing import Literal

import jax
from jax import Array


@dataclass(frozen=True)
class Latents:
    """A distribution of latent vectors."""

    size: int = 100
    """number of latent variables"""
    prior: Literal["normal", "uniform"] = "normal"
    """N(0, 1), or uniform on [-bound, bound]"""
    bound: float = 1.0
    """of the uniform prior; sqrt(3) gives unit variance"""

    def draw(self, key: Array, n: int) -> Array:
        """`n` latent vectors, [n, size]."""
        if self.prior == "normal":
            return jax.random.normal(key, (n, self.size))
        return jax.random.uniform(key, (n, self.size), minval=-self.bound, maxval=self.bound)
