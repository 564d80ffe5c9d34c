"""VGAN: its losses by hand, what it samples, and what it refuses."""

from typing import Any

import flax.linen as nn
import games
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from games import Times, play
from jax import Array

from gaxjax.errors import InputError
from gaxjax.game import call_averaged
from gaxjax.gans import VGAN, ConditionalVGAN
from gaxjax.latents import Latents
from gaxjax.networks.video import compose

pytestmark = pytest.mark.usefixtures("float64")

MASK, FOREGROUND, BACKGROUND = 0.25, 0.5, -0.3
FRAMES, PIXELS = 3, 3 * 2 * 2
VIDEO = np.linspace(-0.9, 0.7, 2 * PIXELS).reshape(2, FRAMES, 2, 2, 1)
BATCH = {"video": VIDEO}


class Streams(nn.Module):
    """Clips of 2 x 2 pixels whose parts are a number each, whatever the codes."""

    frames: int = FRAMES

    @nn.compact
    def __call__(self, codes: Array) -> dict[str, Array]:
        def part(name: str, value: float, *size: int) -> Array:
            return jnp.broadcast_to(self.param(name, lambda key: jnp.array(value)), (len(codes), *size))

        clip = (self.frames, 2, 2, 1)
        mask, background = part("mask", MASK, *clip), part("background", BACKGROUND, 2, 2, 1)
        foreground = part("foreground", FOREGROUND, *clip)
        video = compose(mask, foreground, background)
        return {"background": background, "foreground": foreground, "mask": mask, "video": video}


class Still(nn.Module):
    """Its codes, which are images, as clips of one stream."""

    @nn.compact
    def __call__(self, codes: Array) -> Array:
        return jnp.repeat(Times(1.0)(codes)[:, None], FRAMES, axis=1)


class Sum(nn.Module):
    """The sum of a clip's pixels, times one number."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return jnp.sum(Times(0.2)(x), axis=(1, 2, 3, 4))


def softplus(x: Any) -> Any:
    return np.logaddexp(0, x)


def test_losses_and_the_slopes_of_the_streams_by_hand() -> None:
    gan = VGAN(Streams(), Sum(), Latents(4))
    state = games.begin(gan, batch=BATCH)
    logit = 0.2 * PIXELS * (MASK * FOREGROUND + (1 - MASK) * BACKGROUND)
    loss, _, _, gradient = play(gan, "discriminator", state, BATCH)
    of_real = np.mean(softplus(-0.2 * VIDEO.reshape(2, -1).sum(axis=1)))
    np.testing.assert_allclose(loss, of_real + softplus(logit), rtol=1e-12)
    assert set(gradient) == {"discriminator"}

    loss, logs, _, gradient = play(gan, "generator", state, BATCH)
    np.testing.assert_allclose(loss, softplus(-logit) + 0.1 * MASK, rtol=1e-12)
    np.testing.assert_allclose([logs["fooling"], logs["mask"]], [softplus(-logit), MASK], rtol=1e-12)
    # What a pixel of the clip is worth: each part has its share of that.
    worth = -0.2 * PIXELS / (1 + np.exp(logit))
    slopes = {
        "mask": worth * (FOREGROUND - BACKGROUND) + 0.1,
        "foreground": worth * MASK,
        "background": worth * (1 - MASK),
    }
    assert set(gradient["generator"]) == set(slopes)
    for name, slope in slopes.items():
        np.testing.assert_allclose(gradient["generator"][name], slope, rtol=1e-12)


def test_a_conditional_game_is_near_the_frame_that_it_starts_from() -> None:
    gan = ConditionalVGAN(Still(), Sum(), encoder=Times(0.75), fidelity=4.0)
    state = games.begin(gan, batch=BATCH)
    loss, logs, _, gradient = play(gan, "generator", state, BATCH)
    first = VIDEO[:, 0]
    apart = 0.25 * np.mean(np.abs(first))
    logits = 0.2 * 0.75 * FRAMES * first.reshape(2, -1).sum(axis=1)
    np.testing.assert_allclose(logs["first_frame"], apart, rtol=1e-12)
    np.testing.assert_allclose(loss, np.mean(softplus(-logits)) + 4 * apart, rtol=1e-12)
    # Both of the player's networks scale the clip, by 0.75 together.
    slope = np.mean(-logits / (1 + np.exp(logits))) - 4 * 0.75 * np.mean(np.abs(first))
    np.testing.assert_allclose(gradient["encoder"]["factor"], slope / 0.75, rtol=1e-12)
    np.testing.assert_allclose(gradient["generator"]["Times_0"]["factor"], slope, rtol=1e-12)

    made = call_averaged(gan, state, jax.random.key(0), "sample", BATCH)
    assert list(made) == ["start", "video"]
    np.testing.assert_array_equal(made["start"], first)
    np.testing.assert_allclose(made["video"], 0.75 * np.repeat(first[:, None], FRAMES, axis=1), rtol=1e-12)


def test_samples_are_the_parts_by_name_and_no_longer_than_clips_of_training() -> None:
    gan = VGAN(Streams(), Sum(), Latents(4))
    state = games.begin(gan, batch=BATCH)
    made = call_averaged(gan, state, jax.random.key(0), "sample", {"n": 5}, frames=FRAMES)
    assert list(made) == sorted(made) == ["background", "foreground", "mask", "video"]
    assert [x.shape for x in made.values()] == [
        (5, 2, 2, 1),
        (5, FRAMES, 2, 2, 1),
        (5, FRAMES, 2, 2, 1),
        (5, FRAMES, 2, 2, 1),
    ]
    # As pictures are, in [-1, 1].
    np.testing.assert_allclose(made["mask"], 2 * MASK - 1, rtol=1e-12)
    with pytest.raises(InputError, match="of the length that it was trained on, 3 frames, and none of 64"):
        call_averaged(gan, state, jax.random.key(0), "sample", {"n": 5}, frames=64)


def test_data_that_do_not_fit_are_refused_before_a_step() -> None:
    with pytest.raises(InputError, match=r"of clips, 'video'; the data has \['image'\]: use a folder of"):
        games.begin(VGAN(Streams(), Sum()), batch={"image": VIDEO[:, 0]})
    gan = VGAN(Streams(frames=4), Sum())
    state = games.begin(gan, batch=BATCH)
    with pytest.raises(InputError, match=r"shape \(4, 2, 2, 1\), but the data's are \(3, 2, 2, 1\)"):
        play(gan, "discriminator", state, BATCH)
