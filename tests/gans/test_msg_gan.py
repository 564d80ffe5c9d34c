"""MSG-GAN: what of a pyramid the discriminator sees, and where the generator's gradients come from."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from games import begin, sgd
from jax import Array

from gaxjax.augmentations import Augment, Color
from gaxjax.errors import InputError
from gaxjax.game import init, sample, transformed_weights
from gaxjax.gans.msg_gan import MSGGAN
from gaxjax.generators import sampling
from gaxjax.latents import Latents
from gaxjax.networks.msg import Discriminator
from gaxjax.networks.style import Generator
from gaxjax.penalties import interpolate

SHAPE = (8, 8, 1)
SIZES = {"features": 16, "max_features": 4}
GAN = MSGGAN(
    Generator(SHAPE, **SIZES, style_size=4, mapping_layers=1, taps=(), output="every"),
    Discriminator(SHAPE, **SIZES),
    Latents(4),
)
BATCH = {"image": jax.random.normal(jax.random.key(0), (4, *SHAPE))}
KEY = jax.random.key(1)


@pytest.mark.parametrize(
    ("side", "levels"),
    [
        (1024, {"all": [*range(9)], "coarse": [0, 1, 8], "middle": [2, 3, 8], "fine": [4, 5, 6, 7, 8]}),
        (32, {"all": [0, 1, 2, 3], "coarse": [0, 3], "middle": [1, 3], "fine": [2, 3], "none": [3]}),
    ],
)
def test_connections(side: int, levels: dict[Any, list[int]]) -> None:
    """Coarse is 4 and 8 px, middle 16 and 32, fine 64 to 512; of three sizes below the largest one each."""
    generator = Generator((side, side, 3))
    images = dict.fromkeys(range(9), jnp.zeros(()))
    for connections, expected in levels.items():
        gan = replace(GAN, generator=generator, connections=connections)
        assert list(gan.connect(images)) == expected


@pytest.mark.slow  # through both networks and back; what each does by itself is in networks/test_msg.py
def test_levels_that_are_connected_have_gradients_of_their_own() -> None:
    """Colors of a level move by what the discriminator says of that size; those that it does not see stay."""
    shape = (16, 16, 1)
    generator = replace(GAN.generator, shape=shape, modulation="none", start="latents", noise=False)
    discriminator = replace(GAN.discriminator, shape=shape, deviation="last")
    game, latents = replace(GAN, generator=generator, connections="middle"), jnp.eye(2, 4)

    def slopes(key: Array) -> Any:
        params = generator.init(key, latents)

        def total(params: Any) -> Array:
            with transformed_weights():
                fake = game.connect(generator.apply(params, latents, None, True))
                return jnp.sum(discriminator.init_with_output(key, fake)[0]["logits"])

        return jax.grad(total)(params)["params"]

    colors = quick.run(slopes, KEY)["synthesis"]
    moved = [bool(np.any(colors[f"to_rgb_{level}"]["kernel"])) for level in range(3)]
    assert moved == [False, True, True]


def test_samples_are_the_largest_or_of_every_size() -> None:
    assert sampling.sampling_options(GAN, "psi=0.5, scales=1") == {"psi": 0.5, "scales": 1}

    def draw_sizes(key: Array) -> Any:
        state = init(GAN, sgd(GAN), key, BATCH)
        return [sample(GAN, state, {"n": 2}, KEY, psi=0.0, scales=scales) for scales in (False, True)]

    largest, sizes = quick.run(draw_sizes, KEY)
    assert largest.shape == (2, *SHAPE) and list(sizes) == ["0004 px", "0008 px"]
    np.testing.assert_array_equal(sizes["0008 px"], largest)
    # At psi 0 all are of the average of w, at every size (their noise has a scale of zero at first).
    for images in sizes.values():
        np.testing.assert_allclose(images[0], images[1], atol=1e-6)


def test_all_sizes_of_an_example_are_changed_alike() -> None:
    """Real pyramids are means of 2 x 2 pixels; between two of them lie pyramids, and color makes pyramids."""

    def changed(images: Array) -> Any:
        real, fake = GAN.real({"image": images}), GAN.real({"image": jnp.flip(images, 0)})
        return real, interpolate(real, fake, KEY), Augment((Color(),)).apply({}, real, KEY, 0)

    real, between, colored = quick.run(changed, BATCH["image"])
    np.testing.assert_array_equal(real[1], BATCH["image"])
    for pyramid in (real, between, colored):
        means = pyramid[1].reshape(4, 4, 2, 4, 2, 1).mean((2, 4))
        np.testing.assert_allclose(pyramid[0], means, atol=1e-5)
    assert all(np.any(pyramid[0] != real[0]) for pyramid in (between, colored))


def test_what_does_not_fit_is_refused() -> None:
    single = replace(GAN, generator=replace(GAN.generator, output="last"))
    with pytest.raises(InputError, match=r"'all' are of levels \[0, 1\], .* \[1\] alone: use a generator"):
        begin(single, batch=BATCH)
    alone = jax.eval_shape(replace(single, connections="none").init, {"params": KEY, "play": KEY}, BATCH)
    assert "to_rgb_0" not in alone["params"]["generator"]["synthesis"]
    with pytest.raises(InputError, match=r"shape \(8, 8, 1\), but the data's are \(28, 28, 1\)"):
        GAN.real({"image": jnp.zeros((2, 28, 28, 1))})
