"""MoCoGAN: what is fixed over a clip and what moves, whose noise a frame is of, and its losses by hand."""

import functools
from dataclasses import replace
from typing import Any

import flax.linen as nn
import games
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from games import Times, play
from jax import Array

from gaxjax.errors import InputError
from gaxjax.game import State, call_averaged, sample
from gaxjax.gans import MoCoGAN
from gaxjax.latents import Latents
from gaxjax.networks import dcgan, mocogan
from gaxjax.solvers import Balanced

pytestmark = pytest.mark.usefixtures("float64")
FRAMES, CONTENT, CLASSES, NOISE = 16, 3, 4, 2
SIZE = CONTENT + CLASSES + NOISE


class Echo(nn.Module):
    """Latents [B, L], each a pixel of its own: [B, 1, L, 1]."""

    @nn.compact
    def __call__(self, latents: Array) -> Array:
        return Times(1.0)(latents)[:, None, :, None]


class Mean(nn.Module):
    """The mean pixel times a number, [B]."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return Times(0.5)(jnp.mean(x, axis=tuple(range(1, x.ndim))))


class Reader(nn.Module):
    """The same of clips, and their codes as the last frame has them, times a number."""

    factor: float = 2.0

    @nn.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        code = x[:, -1, 0, CONTENT : CONTENT + CLASSES, 0]
        return {"logits": Mean()(x), "code": Times(self.factor)(code)}


GAME = MoCoGAN(
    mocogan.Motion(),
    Echo(),
    Mean(),
    Reader(),
    FRAMES,
    content=Latents(CONTENT),
    code=Latents(CLASSES, "categorical"),
    motion=Latents(NOISE),
    weight=0.5,
)
# Each frame says which it is.
TIMES = np.arange(FRAMES, dtype=float)
BATCH = {"video": np.broadcast_to(TIMES[:, None, None, None], (4, FRAMES, 1, SIZE, 1))}


@functools.cache
def begun() -> State:
    return games.begin(GAME, batch=BATCH)


@functools.cache
def draws() -> dict[str, np.ndarray]:
    """The latents of 9 clips, frame by frame, [9, T, L], as each option has them."""
    options: dict[str, Any] = {
        "": {},
        "32": {"frames": 32},
        "64": {"frames": 64},
        "crossed": {"crossed": True},
    }

    def draw(state: State) -> Any:
        key = jax.random.key(1)
        return {
            name: sample(GAME, state, {"n": 9}, key, **each)[:, :, 0, :, 0] for name, each in options.items()
        }

    return {name: np.asarray(clips) for name, clips in quick.run(draw, begun()).items()}


def test_content_is_fixed_and_motion_goes_on() -> None:
    """At any length, of which a longer one begins as a shorter one."""
    clips = draws()[""]
    assert clips.shape == (9, FRAMES, SIZE)
    still, motion = clips[..., :-NOISE], clips[..., -NOISE:]
    assert np.array_equal(still, np.broadcast_to(still[:, :1], still.shape))
    assert np.all(np.sum(still[..., CONTENT:], axis=-1) == 1)
    assert np.all(np.std(motion, axis=1) > 1e-3)
    assert len(np.unique(still[:, 0, 0])) == len(np.unique(motion[:, 0, 0])) == 9
    for length in (32, 64):
        longer = draws()[str(length)]
        assert longer.shape == (9, length, SIZE)
        np.testing.assert_allclose(longer[:, :FRAMES], clips, rtol=1e-12)
    np.testing.assert_allclose(longer[:, :32], draws()["32"], rtol=1e-12)
    with pytest.raises(InputError, match="frames=0: clips have 1 frame or more"):
        sample(GAME, begun(), {"n": 9}, jax.random.key(1), frames=0)


def test_crossed() -> None:
    """A row has one content, a column one motion with its category: those of the first clips."""
    page, clips = draws()["crossed"].reshape(3, 3, FRAMES, SIZE), draws()[""]
    for i in range(3):
        for j in range(3):
            assert np.array_equal(page[i, j, :, :CONTENT], clips[i, :, :CONTENT])
            np.testing.assert_allclose(page[i, j, :, CONTENT:], clips[j, :, CONTENT:], rtol=1e-12)
    with pytest.raises(InputError, match="crossed samples fill a square, such as 16 or 64; got 8"):
        jax.eval_shape(lambda key: sample(GAME, begun(), {"n": 8}, key, crossed=True), jax.random.key(1))


def test_losses_by_hand() -> None:
    """The code's term is log softmax at the right class, 2 against 0 of the others, for both players."""
    likelihood = 2 - np.log(np.exp(2) + CLASSES - 1)
    slope = 1 - np.exp(2) / (np.exp(2) + CLASSES - 1)
    moved = {
        "discriminator": {"image_discriminator", "video_discriminator"},
        "generator": {"recurrent", "generator"},
    }
    gradients = {}
    for player, networks in moved.items():
        loss, logs, _, gradients[player] = play(GAME, player, begun(), BATCH)
        np.testing.assert_allclose(logs["information"], likelihood, rtol=1e-10)
        expected = logs["image_loss"] + logs["video_loss"] - 0.5 * likelihood
        np.testing.assert_allclose(loss, expected, rtol=1e-10)
        assert set(gradients[player]) == networks
        assert all(np.any(leaf != 0) for leaf in jax.tree.leaves(gradients[player]))
        if player == "discriminator":
            np.testing.assert_allclose(logs["video_real_logits"], 0.5 * np.mean(TIMES), rtol=1e-10)
    of_code = gradients["discriminator"]["video_discriminator"]["Times_0"]["factor"]
    np.testing.assert_allclose(of_code, -0.5 * slope, rtol=1e-10)


def test_images_are_a_random_frame_of_each_clip() -> None:
    def sides(state: State) -> Any:
        return call_averaged(GAME, state, jax.random.key(3), "sides", BATCH)

    videos, images, _ = quick.run(sides, begun())
    assert images["real"].shape == (4, 1, SIZE, 1)
    times = np.asarray(images["real"][:, 0, 0, 0]).astype(int)
    assert set(times.tolist()) <= set(range(FRAMES)) and len(set(times.tolist())) > 1
    for clip, image, time in zip(videos["fake"], images["fake"], times, strict=True):
        assert np.array_equal(image, clip[time])


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"image": BATCH["video"]}, r"needs batches of clips, 'video'; the data has \['image'\]"),
        ({"video": BATCH["video"][:, :8]}, r"MoCoGAN\(frames=16\) is given clips of 8 frames"),
    ],
)
def test_other_batches(batch: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        games.begin(GAME, batch=batch)


def test_frames_depend_on_noise_up_to_them_alone() -> None:
    """Exactly, with the networks that are trained; the first row of noise is what motion begins with."""
    # Discriminators stay as they are, whose codes are pixels of the last frame.
    gan = replace(GAME, frames=5, generator=dcgan.Generator((8, 8, 1), features=2, depth=1))
    state = games.begin(gan, batch={"video": np.zeros((2, 5, 8, 8, 1))})
    noise, content = jax.random.normal(jax.random.key(4), (6, NOISE)), jnp.ones((1, CONTENT))

    def last_pixels(noise: Array) -> Array:
        code = jax.nn.one_hot(jnp.array([1]), CLASSES)
        clips = call_averaged(gan, state, jax.random.key(0), "render", content, code, noise[None])
        return clips[0, :, 3, 3, 0]

    slopes = np.any(quick.run(jax.jacrev(last_pixels), noise) != 0, axis=-1)
    # Frame t is of the beginning and of noise 0 to t.
    assert np.array_equal(slopes, np.tri(5, 6, k=1, dtype=bool))


def test_who_moves_is_said_by_frames_and_clips_together() -> None:
    """By margins between the mean of both discriminators' errors and what the one or the other alone says."""
    optimizers, once = games.sgd(GAME), dict.fromkeys(GAME.players, 1)
    batches = {"video": np.stack([BATCH["video"]] * 2)}

    def step(margin: float) -> Any:
        solver = Balanced(margin)(GAME, optimizers, once)
        return quick.run(solver, games.begin(GAME, optimizers, BATCH), batches, jax.random.key(3))

    begun, (_, logs) = games.begin(GAME, optimizers, BATCH), step(0.0)
    errors = {
        side: [logs[f"discriminator/{of}_{side}_error"] for of in ("image", "video")]
        for side in ("real", "fake")
    }
    excess = np.subtract(errors["fake"], errors["real"])
    assert 0 < excess.min() < excess.max() and np.mean(errors["real"]) < Balanced().threshold
    for bound, mover in ((excess.min(), "discriminator"), (excess.max(), "generator")):
        state, logs = step(float((bound + excess.mean()) / 2))
        assert {player: logs[f"{player}/moves"] for player in once} == {
            player: player == mover for player in once
        }
        for player, fields in GAME.players.items():
            for field in fields:
                pairs = zip(*map(jax.tree.leaves, (state.params[field], begun.params[field])), strict=True)
                assert any((new != old).any() for new, old in pairs) == (player == mover), field
