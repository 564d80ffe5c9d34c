"""The networks of pix2pix: as many parameters as the authors', patches of the sides that are named."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick

from gaxjax.errors import InputError
from gaxjax.game import PLAY
from gaxjax.networks.translation import PatchDiscriminator
from gaxjax.networks.unet import UNet

KEY = jax.random.key(3)
RNGS = {"params": KEY, PLAY: KEY}


def count(network: nn.Module, *shapes: tuple[int, ...]) -> int:
    """The parameters of a network of inputs of these shapes."""
    params = jax.eval_shape(lambda: network.init(RNGS, *map(jnp.zeros, shapes)))
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def test_parameters_are_as_many_as_the_authors_have() -> None:
    image = (1, 256, 256, 3)
    assert count(UNet(), image) == 54_413_955
    # Its decoder sees the encoder's outputs no more: half of the inputs of all layers but the innermost.
    inner = [3 * 512 * 512, 512 * 256, 256 * 128, 128 * 64, 64 * 3]
    assert count(UNet(skips=False), image) == 54_413_955 - 16 * sum(inner)
    # Eight more inputs of every layer of the encoder, or of the first.
    widths = [64, 128, 256, 512, 512, 512, 512, 512]
    assert count(UNet(latents="all"), image, (1, 8)) == 54_413_955 + 16 * 8 * sum(widths)
    assert count(UNet(), image, (1, 8)) == 54_413_955 + 16 * 8 * 64
    assert count(PatchDiscriminator(norm="scaled_instance"), (1, 256, 256, 6)) == 2_768_705


@pytest.mark.parametrize("patch", [1, 16, 70, 286])
def test_a_logit_sees_its_patch(patch: int) -> None:
    """The pixels that one logit in the middle has a gradient in."""
    network = PatchDiscriminator(features=1, patch=patch, norm="none", deviation=1.0)
    side = 32 if patch < 70 else 512

    def gradient(x: Any) -> Any:
        params = network.init(KEY, x)

        def middle(x: Any) -> Any:
            logits = network.apply(params, x)
            return logits[0, logits.shape[1] // 2, logits.shape[2] // 2]

        return jax.grad(middle)(x)

    slopes = quick.run(gradient, jax.random.normal(KEY, (1, side, side, 1)))[0, ..., 0]
    for axis in (0, 1):
        seen = np.flatnonzero(np.any(slopes != 0, axis=axis))
        assert seen[-1] - seen[0] + 1 == len(seen) == patch


def test_sizes_that_do_not_fit_are_refused() -> None:
    assert UNet(depth=5).size_multiple == 32
    with pytest.raises(InputError, match="sides are multiples of 16; these are 16 x 24: set its depth"):
        jax.eval_shape(lambda: UNet(features=2, depth=4).init(RNGS, jnp.zeros((1, 16, 24, 3))))
    with pytest.raises(InputError, match=r"PatchDiscriminator\(patch=64\): patches are of 1, 16, 34, 70"):
        jax.eval_shape(lambda: PatchDiscriminator(patch=64).init(KEY, jnp.zeros((1, 8, 8, 3))))
