"""StyleGAN2's regularization of path lengths. Karras et al. 2020, arXiv 1912.04958, section 3.2."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from gaxjax.networks.synthesis import Styles
from gaxjax.penalties import where_due


@dataclass(frozen=True)
class PathLength:
    """weight * E (|J^T y| - a)^2, a the running mean of |J^T y|: J of styles to images, y normal.

    The length is the root mean square over layers.
    """

    weight: float = 0.0
    """gamma_pl (the authors' code: 2); 0: not evaluated"""
    every: int = 4
    """steps between evaluations, each so many times as strong"""
    decay: float = 0.01
    """share of the new mean in the running one"""
    shrink: int = 2
    """how many times smaller its minibatch is"""

    def __call__(
        self,
        synthesize: Callable[[Styles], Array],
        styles: Styles,
        mean: Array,
        key: Array,
        step: Array | int,
    ) -> tuple[Array, Array]:
        """The penalty, a scalar, and the running mean after it; 0 and the mean before at other steps.

        synthesize: a pure function of styles to images [B, H, W, C], through which gradients reach the
        generator's parameters.
        """

        def evaluate() -> tuple[Array, Array]:
            images, pullback = jax.vjp(synthesize, styles)
            # |J^T y| would grow with the number of pixels; the factor keeps it comparable between sizes.
            noise = jax.random.normal(key, images.shape) / (images.shape[1] * images.shape[2]) ** 0.5
            (slopes,) = pullback(noise)
            # J is of the styles as each layer is given them, though all may be one w: as the authors' is.
            squares = jnp.stack([jnp.sum(slope**2, axis=-1) for slope in slopes.values()])  # [layers, B]
            # The square root has no gradient at zero.
            lengths = jnp.sqrt(jnp.mean(squares, axis=0) + 1e-12)
            # As in the authors' code, the target has this minibatch in it, and a gradient through it.
            updated = mean + self.decay * (jnp.mean(lengths) - mean)
            return self.weight * self.every * jnp.mean((lengths - updated) ** 2), updated

        return where_due(jnp.asarray(step) % self.every == 0, evaluate, mean)
