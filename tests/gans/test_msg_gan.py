"""MSG-GAN: what of a pyramid the discriminator sees, and where the generator's gradients come from."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from games import begin, play
from jax import Array

from gaxjax.augmentations import DIFFERENTIABLE, Augment
from gaxjax.errors import InputError
from gaxjax.game import sample
from gaxjax.gans.msg_gan import MSGGAN
from gaxjax.generators import sampling
from gaxjax.latents import Latents
from gaxjax.layers.resampling import average_pool
from gaxjax.networks.msg import Discriminator
from gaxjax.networks.style import Generator
from gaxjax.penalties import interpolate

SHAPE = (32, 32, 1)
SIZES = {"features": 32, "max_features": 4}
GAN = MSGGAN(
    Generator(SHAPE, **SIZES, style_size=4, mapping_layers=1, taps=(), output="every"),
    Discriminator(SHAPE, **SIZES),
    Latents(4),
)
BATCH = {"image": jax.random.normal(jax.random.key(0), (4, *SHAPE))}
KEY = jax.random.key(1)


@pytest.fixture(scope="module")
def state() -> Any:
    return begin(GAN, batch=BATCH)


def pooled(image: Array) -> dict[int, Array]:
    """The image by level, each the mean of 2 x 2 pixels of the next."""
    images = {3: image}
    for level in (3, 2, 1):
        images[level - 1] = average_pool(images[level])
    return images


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


def test_real_images_are_means_of_those_above() -> None:
    real = GAN.real(BATCH)
    expected = BATCH["image"].reshape(4, 4, 8, 4, 8, 1).mean((2, 4))
    np.testing.assert_allclose(real[0], expected, atol=1e-6)
    np.testing.assert_array_equal(real[3], BATCH["image"])


def test_levels_that_are_connected_have_gradients_of_their_own(state: Any) -> None:
    """Colors of a level move by what the discriminator says of that size; those that it does not see stay."""
    _, _, _, gradient = play(GAN, "generator", state, BATCH)
    colors = gradient["generator"]["synthesis"]
    assert all(np.any(colors[f"to_rgb_{level}"]["kernel"]) for level in range(4))
    middle = replace(GAN, connections="middle")
    begun = begin(middle, batch=BATCH)
    _, _, _, gradient = play(middle, "generator", begun, BATCH)
    colors = gradient["generator"]["synthesis"]
    assert [bool(np.any(colors[f"to_rgb_{level}"]["kernel"])) for level in range(4)] == [
        False,
        True,
        False,
        True,
    ]
    # The latents' way to the first level is through all of them.
    assert np.any(gradient["generator"]["mapping"]["dense_0"]["kernel"])


def test_samples_are_the_largest_or_of_every_size(state: Any) -> None:
    assert sampling.sampling_options(GAN, "psi=0.5, scales=1") == {"psi": 0.5, "scales": 1}

    def drawn(state: Any) -> Any:
        return (
            sample(GAN, state, {"n": 2}, KEY),
            sample(GAN, state, {"n": 2}, KEY, scales=True),
            sample(GAN, state, {"n": 2}, KEY, psi=0.0, scales=True),
        )

    largest, sizes, pulled = quick.run(drawn, state)
    assert largest.shape == (2, *SHAPE) and list(sizes) == ["0004 px", "0008 px", "0016 px", "0032 px"]
    np.testing.assert_array_equal(sizes["0032 px"], largest)
    assert np.any(sizes["0004 px"][0] != sizes["0004 px"][1])
    # At psi 0 all images are of the average of w, at every size (their noise has a scale of zero at first).
    for images in pulled.values():
        np.testing.assert_allclose(images[0], images[1], atol=1e-6)


def test_all_sizes_of_an_example_are_changed_alike() -> None:
    """Between pyramids lie pyramids, and color changes all sizes by the same draws."""
    real, fake = GAN.real(BATCH), GAN.real({"image": jnp.flip(BATCH["image"], 0)})
    color = Augment(DIFFERENTIABLE[:1])
    for changed in (interpolate(real, fake, KEY), color.apply({}, real, KEY, 0)):
        assert np.any(changed[3] != real[3])
        for level, images in pooled(changed[3]).items():
            np.testing.assert_allclose(changed[level], images, atol=1e-5)


def test_what_does_not_fit_is_refused() -> None:
    single = replace(GAN, generator=replace(GAN.generator, output="last"))
    with pytest.raises(
        InputError, match=r"'all' are of levels \[0, 1, 2, 3\], .* \[3\] alone: use a generator"
    ):
        begin(single, batch=BATCH)
    begin_none = jax.eval_shape(replace(single, connections="none").init, {"params": KEY, "play": KEY}, BATCH)
    assert "to_rgb_0" not in begin_none["params"]["generator"]["synthesis"]
    with pytest.raises(InputError, match=r"shape \(32, 32, 1\), but the data's are \(28, 28, 1\)"):
        GAN.real({"image": jnp.zeros((2, 28, 28, 1))})
