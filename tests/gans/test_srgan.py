"""SRGAN and SRResNet: losses by hand, what is refused, and a run that reads its content network."""

import os
from pathlib import Path
from typing import Any

import flax.linen as nn
import frozen
import games
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import runs
from games import Times, play
from jax import Array
from PIL import Image

import gaxjax
from gaxjax import cli
from gaxjax.data import spec_of
from gaxjax.errors import InputError
from gaxjax.features.content import Pixels, read_inception
from gaxjax.game import PRETRAINED, sample
from gaxjax.gans import SRGAN, SuperResolution
from gaxjax.layers.resampling import repeat_pixels
from gaxjax.programs.program import stage_programs, to_saved
from gaxjax.recipe.serialization import load_recipe


class Enlarging(nn.Module):
    """Each pixel four times, times a parameter."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return Times(0.5)(repeat_pixels(x))


class Tripled(nn.Module):
    """Content that weighs nine times as much."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return self.variable(PRETRAINED, "factor", lambda: jnp.array(3.0, x.dtype)).value * x


class Mean(nn.Module):
    """A logit that is the mean of an image, times a parameter."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return Times(2.0)(jnp.mean(x, axis=(1, 2, 3)))


def pairs() -> dict[str, Array]:
    random = np.random.default_rng(0)
    return {
        name: jnp.asarray(random.uniform(-1, 1, (3, side, side, 1))) for name, side in (("a", 2), ("b", 4))
    }


@pytest.mark.usefixtures("float64")
def test_losses_by_hand() -> None:
    batch, gan = pairs(), SRGAN(Enlarging(), Tripled(), Mean(), weight=0.1)
    state = games.begin(gan, batch=batch)
    assert set(state.params) == {"generator", "discriminator"} and set(state.stats) == {PRETRAINED}
    a, b = (np.asarray(batch[name]) for name in ("a", "b"))
    wide = a.repeat(2, 1).repeat(2, 2)
    content = 9 * np.mean((0.5 * wide - b) ** 2)
    real, fake = 2 * b.mean(axis=(1, 2, 3)), wide.mean(axis=(1, 2, 3))  # logits
    softplus = lambda x: np.log1p(np.exp(x))  # noqa: E731
    loss, logs, stats, gradient = play(gan, "generator", state, batch)
    fooling = np.mean(softplus(-fake))
    np.testing.assert_allclose([loss, logs["content"]], [content + 0.1 * fooling, content], rtol=1e-12)
    # Of 9 (p w - b)^2 + 0.1 softplus(-2 p mean w) at p = 1/2; nothing of what is pretrained.
    slope = 18 * np.mean((0.5 * wide - b) * wide) - 0.1 * np.mean(2 * fake / (1 + np.exp(fake)))
    (factor,) = jax.tree.leaves(gradient)
    np.testing.assert_allclose(factor, slope, rtol=1e-12)
    assert set(gradient) == {"generator"} and PRETRAINED not in stats
    loss, *_, gradient = play(gan, "discriminator", state, batch)
    np.testing.assert_allclose(loss, np.mean(softplus(-real)) + np.mean(softplus(fake)), rtol=1e-12)
    assert set(gradient) == {"discriminator"}
    alone = SuperResolution(Enlarging(), Pixels())
    loss = play(alone, "generator", games.begin(alone, batch=batch), batch)[0]
    np.testing.assert_allclose(loss, content / 9, rtol=1e-12)
    images = sample(gan, state, batch, jax.random.key(0))
    assert list(images) == sorted(images) == ["a", "a to b", "b"] and images["b"] is batch["b"]
    np.testing.assert_allclose(images["a to b"], 0.5 * wide)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"image": jnp.ones((3, 4, 4, 1))}, r"the data has \['image'\]: use a folder of .* with scale=4"),
        (
            {"a": jnp.ones((3, 2, 2, 1)), "b": jnp.ones((3, 8, 8, 1))},
            r"makes images of shape \(4, 4, 1\) of \(2, 2, 1\), .* \(8, 8, 1\): set the generator's scale",
        ),
    ],
)
def test_data_that_do_not_fit_are_refused(batch: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        games.begin(SuperResolution(Enlarging(), Pixels()), batch=batch)


RECIPE = '''"""Both stages, as small as can be."""

from gaxjax import Data, Optimizer, Recipe
from gaxjax.features.content import InceptionMaps, Pixels
from gaxjax.gans import SRGAN, SuperResolution
from gaxjax.networks.super_resolution import Discriminator, Generator
from gaxjax.recipe import Evaluation, Stage

generator = Generator(scale=2, features=4, blocks=1)
game = SRGAN(generator, InceptionMaps("64", file=FILE), Discriminator(4, depth=1, hidden=4))
optimizers = dict.fromkeys(game.players, Optimizer())
recipe = Recipe(
    gan=game,
    optimizers=optimizers,
    data=Data("folder", shape=(16, 16, 3), scale=2),
    batch_size=4,
    kimg=0.016,
    stages=(
        Stage(SuperResolution(generator, Pixels()), 4, 0.008, {"generator": Optimizer()}),
        Stage(game, 4, 0.008, optimizers),
    ),
    sample_kimg=0.016,
    checkpoint_kimg=0.012,
    samples=2,
    evaluation=Evaluation(split="test", n=3, output="a to b", reference="b", shape=(20, 24, 3), border=2),
)
'''


def test_what_a_content_network_reads_is_asked_for_before_the_first_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "inception.npz"
    recipe, _ = load_recipe(runs.write_recipe(tmp_path, RECIPE.replace("FILE", repr(str(weights)))))
    first, second = stage_programs(recipe, spec_of(recipe.data))
    shapes = second.first_state.stats[PRETRAINED]["content"]["layers"]  # which needs no file
    assert {name: x["kernel"].shape[2:] for name, x in shapes.items()} == {
        "conv": (3, 32),
        "conv_1": (32, 32),
        "conv_2": (32, 64),
    }
    first.check_pretrained()
    saved = to_saved((second.first_state, {}))
    assert PRETRAINED not in saved[0].stats
    for ask in (second.check_pretrained, lambda: second.from_saved(saved)):
        with pytest.raises(InputError, match=r"inception.npz cannot be read \(No such file"):
            ask()
    # To sample it is not needed.
    assert second.from_saved(saved, needed=False) is saved
    assert "warning: going on without a network of the game's" in capsys.readouterr().err
    frozen.write_inception(weights)
    second.check_pretrained()


@pytest.mark.slow  # two programs of the loop, and one of an evaluation
def test_a_run_reads_its_content_network_and_never_writes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random, photographs = np.random.default_rng(0), tmp_path / "photographs"
    for number in range(8):
        folder = photographs / ("test" if number < 3 else "train")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (20, 24, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    weights, run = tmp_path / "inception.npz", tmp_path / "run"
    recipe = runs.write_recipe(tmp_path, RECIPE.replace("FILE", repr(str(weights))))
    command = ["train", str(recipe), "--workdir", str(run), "--data.directory", str(photographs)]
    assert cli.main(command) == 2 and not run.exists()
    assert f"{weights} cannot be read" in capsys.readouterr().err
    frozen.write_inception(weights)
    assert cli.main(command) == 0
    stored = runs.stored(run, 4)
    assert any("discriminator" in name for name in stored) and not [n for n in stored if PRETRAINED in n]
    assert sum(map(len, stored.values())) < 28_000 * 4  # the network has 28,000 numbers
    # From the checkpoint in the second stage, as a killed run would.
    os.rename(run / "checkpoints" / f"{4:09d}", tmp_path / "gone")
    assert cli.main(command) == 0 and runs.steps(run)[-1] == 4
    assert {k: v for k, v in runs.stored(run, 4).items() if "params" in k} == {
        k: v for k, v in stored.items() if "params" in k
    }
    _, gan, state = gaxjax.load(run)
    kernel = np.load(weights)["conv_2/kernel"]
    np.testing.assert_array_equal(state.stats[PRETRAINED]["content"]["layers"]["conv_2"]["kernel"], kernel)
    assert isinstance(gan, SRGAN) and set(state.average) == {"generator"}
    capsys.readouterr()
    read_inception.cache_clear()  # as in another process
    weights.unlink()  # neither samples nor their numbers need it
    assert cli.main(["evaluate", str(run), "--metrics", "psnr_y,ssim_y"]) == 0
    said = capsys.readouterr()
    assert f"going on without a network of the game's: {weights} cannot be read" in said.err
    assert "3 images against 3 of folder at 20x24x3 (centers" in said.out
    assert "without 2 pixels at each border" in said.out
    assert cli.main(["sample", str(run), "--n", "2", "--out", str(tmp_path / "grid.png")]) == 0
    out, photograph = tmp_path / "large", photographs / "test" / "1.png"
    assert cli.main(["translate", str(run), str(photograph), "--out", str(out)]) == 0
    with Image.open(out / "outputs" / "1.png") as large:
        assert large.size == (48, 40)  # of 24 x 20
