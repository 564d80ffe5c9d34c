"""MSG-GAN's networks: a generator of images of every size, and a discriminator that sees them."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from jax import Array

from gaxjax.errors import InputError
from gaxjax.game import transformed_weights
from gaxjax.layers.equalized import Equalized
from gaxjax.networks import progressive
from gaxjax.networks.msg import Discriminator
from gaxjax.networks.style import Generator

SHAPE = (16, 16, 2)
SIZES = {"features": 16, "max_features": 4}
PYRAMID = {
    level: jax.random.normal(jax.random.key(level), (4, 4 << level, 4 << level, 2)) for level in range(3)
}
MSG = Discriminator(SHAPE, **SIZES, taps=(1, 2, 1))
KEY = jax.random.key(7)
RNGS = {"params": KEY, "play": KEY}


def test_every_scale_is_seen_in_each_way_of_combining() -> None:
    """The gradient of each example's logit by its images is zero at no size."""
    small, pyramid = (8, 8, 2), {level: PYRAMID[level] for level in (0, 1)}
    ways = {way: replace(MSG, shape=small, taps=(), combine=way) for way in ("simple", "lin_cat", "cat_lin")}

    def gradients(key: Array) -> Any:
        def total(pyramid: Any, network: Discriminator) -> Array:
            params = Equalized(network).init(key, pyramid)
            return jnp.sum(Equalized(network).apply(params, pyramid)["logits"])

        return {way: jax.grad(total)(pyramid, network) for way, network in ways.items()}

    for way, by_level in quick.run(gradients, KEY).items():
        for level, gradient in by_level.items():
            assert np.all(np.max(np.abs(gradient), axis=(1, 2, 3)) > 0), (way, level)
    first = {
        way: jax.eval_shape(network.init, KEY, pyramid)["params"]["convolution"]["kernel"].shape[2]
        for way, network in ways.items()
    }
    # Level 0 has 4 channels, 2 or half as many of the image, and one of the minibatch's deviation.
    assert first == {"simple": 7, "lin_cat": 7, "cat_lin": 5}


def test_of_the_newest_alone_it_is_progans() -> None:
    """Of the same parameters; told the deviation at every level, of those with zeros for that channel."""
    base = progressive.Discriminator(SHAPE, **SIZES, taps=(1, 2, 1))
    last, every = replace(MSG, deviation="last"), MSG
    newest = {2: PYRAMID[2]}

    def all_three(key: Array) -> Any:
        params = base.effective_params(base.init(key, PYRAMID[2])["params"])
        padded = {
            name: {**leaf, "kernel": jnp.pad(leaf["kernel"], ((0, 0), (0, 0), (0, 1), (0, 0)))}
            if name in ("level_1_0", "level_2_0")
            else leaf
            for name, leaf in params.items()
        }
        with transformed_weights():
            outputs = [
                network.apply({"params": p}, x)
                for network, p, x in (
                    (base, params, PYRAMID[2]),
                    (last, params, newest),
                    (every, padded, newest),
                )
            ]
        scaled = [network.effective_params(last.init(key, newest)["params"]) for network in (base, last)]
        return outputs, scaled

    (expected, same, told), scaled = quick.run(all_three, KEY)
    jax.tree.map(np.testing.assert_array_equal, same, expected)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6), told, expected)
    jax.tree.map(np.testing.assert_array_equal, *scaled)


def test_each_level_of_a_generator_is_one_of_that_size() -> None:
    """Its images are those that a generator ending there makes of the same parameters."""
    whole = Generator(
        SHAPE, **SIZES, modulation="none", start="latents", noise=False, taps=(), output="every"
    )
    smaller = replace(whole, shape=(8, 8, 2), output="last")
    latents = jax.random.normal(KEY, (3, 4))

    def both(key: Array) -> Any:
        params = Equalized(whole).init(RNGS, latents)
        images = Equalized(whole).apply(params, latents, None, True)
        return images, Equalized(whole).apply(params, latents), Equalized(smaller).apply(params, latents)

    images, newest, small = quick.run(both, KEY)
    assert {level: x.shape for level, x in images.items()} == {
        level: (3, *x.shape[1:]) for level, x in PYRAMID.items()
    }
    np.testing.assert_array_equal(images[2], newest)
    np.testing.assert_allclose(images[1], small, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (PYRAMID[2], r"for images by level, .*; got one image of shape \(16, 16, 2\)"),
        ({0: PYRAMID[0]}, r"the newest among them, .* 2: \(16, 16, 2\)}; got {0: \(4, 4, 2\)}"),
        ({**PYRAMID, 1: PYRAMID[0]}, r"got {0: \(4, 4, 2\), 1: \(4, 4, 2\), 2"),
    ],
)
def test_other_images_are_refused(images: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        jax.eval_shape(MSG.init, KEY, images)
