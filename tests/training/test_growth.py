"""Runs that grow: their stages, the images they see, and an exact resume inside of a fade."""

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import shrinking

from gaxjax.data import Data, open_source, reduce_images
from gaxjax.errors import InputError, Interrupted
from gaxjax.gans.adversarial import Adversarial
from gaxjax.gans.stylegan import StyleGAN
from gaxjax.latents import Latents
from gaxjax.networks.mlp import Discriminator as MLP
from gaxjax.networks.progressive import Discriminator
from gaxjax.networks.style import Generator
from gaxjax.recipe import Growth, Optimizer, Recipe
from gaxjax.runs.checkpoint import Checkpoints
from gaxjax.runs.record import read_metrics
from gaxjax.training import train as training
from gaxjax.training.interruption import Interruption
from gaxjax.training.train import train

pytestmark = pytest.mark.usefixtures("shared_programs")
CONFIGS = shrinking.recipes()
SHAPE = (16, 16, 1)
adam = Optimizer("adam", 1e-3, b1=0.0, b2=0.99)
RECIPE = Recipe(
    StyleGAN(
        Generator(SHAPE, features=16, style_size=4, mapping_layers=1, taps=()),
        Discriminator(SHAPE, features=16),
        Latents(4),
    ),
    {"discriminator": adam, "generator": adam},
    Data("digits", SHAPE),
    batch_size=4,
    kimg=0.044,
    growth=Growth(first=4, fade_kimg=0.008, stable_kimg=0.016, batch_sizes=((4, 8), (8, 4))),
    log_kimg=0.008,
    sample_kimg=1,
    samples=4,
)
SMALL = replace(RECIPE, data=Data("digits", (8, 8, 1)))
"""2 steps of 8 images at 4 px, 7 of 4 at 8 px, of which 2 fade."""


def test_the_stages_of_the_paper() -> None:
    stages = CONFIGS["stylegan.py:config_f"].all_stages
    sides = [stage.shape[0] for stage in stages]
    assert sides == [8, 16, 32, 64, 128, 256, 512, 1024]
    assert [stage.batch_size for stage in stages] == [256, 128, 64, 32, 32, 32, 32, 32]
    assert [stage.optimizers["generator"].learning_rate for stage in stages] == [
        *[0.001] * 4,
        0.0015,
        0.002,
        0.003,
        0.003,
    ]
    assert [stage.kimg for stage in stages] == [600, *[1200] * 6, 25_000 - 600 - 6 * 1200]
    assert stages[0].gan.fade == (0, 0) and not stages[0].gan.generator.fading
    # 600 kimg at 256 images are 2,344 steps, rounded up; a fade of 600 kimg at 128 images 4,688.
    assert stages[1].gan.fade == (2344, 2344 + 4688) and stages[1].gan.discriminator.fading
    assert all(stage.gan.generator.shape == stage.shape for stage in stages)
    ladder = CONFIGS["stylegan2.py:config_f"].all_stages
    assert [(stage.shape, stage.kimg, stage.gan.fade) for stage in ladder] == [
        ((1024, 1024, 3), 25_000, (0, 0))
    ]


def test_any_size_by_one_flag() -> None:
    recipe = CONFIGS["stylegan2.py:config_f"]
    (stage,) = replace(recipe, data=replace(recipe.data, shape=(256, 256, 3))).all_stages
    assert stage.gan.generator.shape == stage.gan.discriminator.shape == (256, 256, 3)
    recipe = CONFIGS["stylegan.py:config_f"]
    stages = replace(recipe, data=replace(recipe.data, shape=(64, 64, 3))).all_stages
    assert [stage.shape[0] for stage in stages] == [8, 16, 32, 64]
    assert stages[-1].kimg == 25_000 - 600 - 2 * 1200
    short = replace(recipe, kimg=1000).all_stages  # ends inside the second size
    assert [stage.kimg for stage in short] == [600, 400]


def test_what_cannot_grow_is_refused() -> None:
    with pytest.raises(InputError, match="images of 28 x 28 pixels cannot be halved down to 4"):
        replace(RECIPE, data=Data("digits", (28, 28, 1)))
    gan = Adversarial(Generator(SHAPE, modulation="none", start="latents"), MLP((4,)))
    with pytest.raises(InputError, match=r"Adversarial cannot grow: use a game of levels"):
        replace(RECIPE, gan=gan)
    with pytest.raises(InputError, match="growth needs lengths above 0"):
        Growth(first=4, fade_kimg=0)


def test_smaller_images_are_means() -> None:
    source = open_source(RECIPE.data)
    small = reduce_images(source, (4, 4, 1))
    assert small.spec["image"].shape == (4, 4, 1) and small.classes == source.classes
    positions = np.arange(5)
    whole, found = source.take(positions, seed=1), small.take(positions, seed=1)
    by_hand = np.rint(whole["image"][2, 4:8, 8:12, 0].astype(float).mean())
    assert found["image"].dtype == np.uint8 and found["image"][2, 1, 2, 0] == by_hand
    np.testing.assert_array_equal(found["label"], whole["label"])
    assert reduce_images(source, SHAPE) is source and reduce_images(source, ()) is source
    with pytest.raises(InputError, match=r"images of \(16, 16, 1\) cannot be reduced to \(5, 4, 1\)"):
        reduce_images(source, (5, 4, 1))


def test_reals_are_blended_as_the_generators_are() -> None:
    gan = replace(RECIPE.gan, fade=(10, 20))
    images = jax.random.normal(jax.random.key(0), (2, *SHAPE))
    mean = images.reshape(2, 8, 2, 8, 2, 1).mean((2, 4)).repeat(2, 1).repeat(2, 2)
    for step, alpha in ((5, 0.0), (10, 0.0), (13, 0.3), (20, 1.0), (99, 1.0)):
        blended = gan.real_images({"image": images}, jnp.int32(step))
        np.testing.assert_allclose(blended, alpha * images + (1 - alpha) * mean, atol=1e-6)


def last_state(workdir: Path) -> Any:
    with Checkpoints(workdir / "checkpoints") as checkpoints:
        step = checkpoints.latest()
        assert step is not None and checkpoints.meta(step) == {"stage": 1, "step": step}
        return checkpoints.restore(
            step, training.stage_programs(SMALL, open_source(SMALL.data).spec)[1].saved_carry
        )


def test_a_run_over_two_sizes_resumes_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped inside of the fade, at step 3: the same bits as without a stop."""
    train(SMALL, tmp_path / "whole")
    asked = iter(range(10**6))

    def stop_now(self: Interruption, together: bool) -> int:
        return signal.SIGTERM if next(asked) == 4 else 0

    with monkeypatch.context() as patch:
        patch.setattr(Interruption, "poll", stop_now)
        with pytest.raises(Interrupted, match="stopped at step 3, "):
            train(SMALL, tmp_path / "stopped")
    picture = train(SMALL, tmp_path / "stopped")
    whole = last_state(tmp_path / "whole")
    state, _ = whole
    assert (int(state.step), int(state.images)) == (9, 44)
    chex.assert_trees_all_equal(whole, last_state(tmp_path / "stopped"))
    clock = ("seconds", "images_per_second")
    rows = [
        [{k: v for k, v in row.items() if k not in clock} for row in read_metrics(tmp_path / name)]
        for name in ("whole", "stopped")
    ]
    assert rows[0] == rows[1] and len(rows[0]) > 3
    assert picture is not None and picture.name == "0000000044.png"
    assert float(jnp.max(jnp.abs(state.stats["styles"]["generator"]["mean"]))) > 0
