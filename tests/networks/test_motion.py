"""MoCoGAN's discriminators: sizes as in the authors' code, and clips that are too short."""

import itertools

import jax
import jax.numpy as jnp
import pytest

from gaxjax.errors import InputError
from gaxjax.networks.mocogan import Discriminator

IMAGES, CLIPS = (2, 64, 64, 3), (2, 16, 64, 64, 3)


@pytest.mark.parametrize(
    ("shape", "patch", "logits"),
    [(IMAGES, False, (2,)), (IMAGES, True, (2, 4, 4)), (CLIPS, False, (2,)), (CLIPS, True, (2, 4, 4, 4))],
)
def test_sizes(shape: tuple[int, ...], patch: bool, logits: tuple[int, ...]) -> None:
    """What is left of 16 frames of 64 x 64 before the last layer is a kernel of the authors', 4 x 4 x 4."""
    x = jax.ShapeDtypeStruct(shape, jnp.float32)
    outputs, variables = jax.eval_shape(Discriminator(patch=patch).init_with_output, jax.random.key(0), x)
    assert (outputs if patch else outputs["logits"]).shape == logits
    kernels = [leaf.shape for leaf in jax.tree.leaves(variables["params"]) if leaf.ndim > 1]
    window = (4,) * (len(shape) - 2)
    widths = [3, 64, 128, 256, *([1] if patch else [512])]
    last = [] if patch else [(512 * 4 ** len(window), 1)]
    assert kernels == [(*window, i, o) for i, o in itertools.pairwise(widths)] + last


def test_short_clips() -> None:
    x = jax.ShapeDtypeStruct((2, 12, 64, 64, 3), jnp.float32)
    with pytest.raises(InputError, match="clips of 13 frames or more; got 12: set a depth of 3 or less"):
        jax.eval_shape(Discriminator().init, jax.random.key(0), x)
