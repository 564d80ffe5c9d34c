"""Projection: its schedule and regularization by hand, and that it finds what the generator made."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaxjax import cli
from gaxjax.data import Data, open_source
from gaxjax.game import call_averaged
from gaxjax.generators.edits import projection
from gaxjax.generators.edits.edit import perform_edit
from gaxjax.generators.edits.project import Project, read_target
from gaxjax.generators.model import TrainedModel
from gaxjax.pictures.images import save_image, to_uint8


@pytest.fixture
def run(style_run: Path) -> Path:
    """A StyleGAN."""
    return style_run


def test_learning_rate() -> None:
    """Up in the first twentieth, down along a cosine in the last quarter."""
    times = [0.0, 0.01, 0.05, 0.75, 0.75 + 0.25 / 3, 1.0]
    np.testing.assert_allclose(
        [projection.learning_rate(t) for t in times], [0, 0.02, 0.1, 0.1, 0.075, 0], atol=1e-7
    )


def test_roughness_by_hand() -> None:
    """Stripes: neighbors below agree, those across do in half of the places, and in none at half the size."""
    stripes = jnp.tile(jnp.array([1.0, 1.0, -1.0, -1.0]), (4, 1)).reshape(1, 4, 4, 1)
    # Below: 1. Across: the products are 1, -1, 1, -1 around the edge, mean 0. No scale below 8.
    np.testing.assert_allclose(projection.roughness({"layer_0": stripes}), 1, atol=1e-6)
    wide = jnp.tile(jnp.array([1.0, 1.0, -1.0, -1.0]), (16, 4)).reshape(1, 16, 16, 1)
    # At 16: 1 as before. At 8, the means times 2 are 2, -2, ...: below (4)^2, across (-4)^2.
    np.testing.assert_allclose(projection.roughness({"a": wide, "b": stripes}), 1 + 32 + 1, rtol=1e-6)


def test_white_noise_is_hardly_rough() -> None:
    """Its variance is kept at every scale, and its squared correlations are about 1 / pixels."""
    white = jax.random.normal(jax.random.key(0), (1, 64, 64, 1))
    # Scales of 64, 32, 16, 8: the expectation is 2 (1/64^2 + 1/32^2 + 1/16^2 + 1/8^2) = 0.0415.
    many = [
        projection.roughness({"a": white.reshape(64, 64)[rows].reshape(1, 64, 64, 1)})
        for rows in (np.random.default_rng(i).permutation(64) for i in range(40))
    ]
    assert 0.02 < float(np.mean(many)) < 0.08


def test_first_step_by_hand() -> None:
    """Of |w|^2 from w = (3, -4): Adam moves every entry by the rate, against the slope's sign."""
    start = projection.start_search(jnp.array([[3.0, -4.0]]), {})

    def distance(w: jax.Array, noise: Any) -> jax.Array:
        return jnp.sum(w**2)

    found, apart, slope = projection.step_search(start, jnp.float32(0.75), jax.random.key(0), 1.0, distance)
    np.testing.assert_allclose(found.w, [[2.9, -3.9]], rtol=1e-5)
    np.testing.assert_allclose([apart, slope], [25, 10], rtol=1e-6)
    # Before three quarters, the distance is that of a jittered w: 0.05 (1 - t / 0.75)^2 deviations of it.
    key = jax.random.key(0)
    _, apart, _ = projection.step_search(start, jnp.float32(0.375), key, 2.0, distance)
    shift = 2 * 0.05 * 0.25 * jax.random.normal(key, (1, 2))
    np.testing.assert_allclose(apart, jnp.sum((start.w + shift) ** 2), rtol=1e-6)


def test_noise_cannot_carry_the_picture() -> None:
    """Pulled towards a smooth picture, noise stays standard, and all but as rough as it began."""
    smooth = jnp.broadcast_to(jnp.sin(jnp.arange(16) / 2)[None, :, None, None], (1, 16, 16, 1))
    noise = {"layer_0": jax.random.normal(jax.random.key(1), (1, 16, 16, 1))}
    search = projection.start_search(jnp.zeros((1, 2)), noise)

    def distance(w: jax.Array, noise: Any) -> jax.Array:
        return jnp.mean((noise["layer_0"] - smooth) ** 2) + jnp.sum(w)

    step = jax.jit(lambda s, t: projection.step_search(s, t, jax.random.key(0), 1.0, distance)[0])
    for i in range(60):
        search = step(search, jnp.float32(i / 60))
    x = search.noise["layer_0"]
    np.testing.assert_allclose([jnp.mean(x), jnp.std(x)], [0, 1], atol=1e-5)
    assert projection.roughness(search.noise) < 1e-3


@pytest.mark.parametrize("space", ["w", pytest.param("w+", marks=pytest.mark.slow)])
def test_it_finds_what_the_generator_made(run: Path, tmp_path: Path, space: Any) -> None:
    style = TrainedModel(run)
    target = to_uint8(style.generate(style.latents_of_seeds([11]))[0])
    image = save_image(target, tmp_path / "target.png")
    said = perform_edit(run, Project(image=image, steps=150, space=space, out=tmp_path / "found.png"))
    assert said[0].startswith("mean squared difference (pixels): ")
    with np.load(tmp_path / "found.npz") as stored:
        found = {name: stored[name] for name in stored}
    np.testing.assert_array_equal(to_uint8(found["target"]), target)
    # Pixels are compared on [0, 1].
    apart = float(np.mean((found["result"] - found["target"]) ** 2)) / 4
    np.testing.assert_allclose(found["distance"], apart, rtol=1e-3)
    mean = call_averaged(style.gan, style.state, jax.random.key(0), "average_style")
    average = style.synthesize(style.broadcast_styles(np.asarray(mean)[None]))[0]
    assert apart < 0.25 * float(np.mean((average - found["target"]) ** 2)) / 4
    # The result is what the file's own w and noise make.
    assert found["w"].shape == ((4, 8) if space == "w+" else (1, 8))
    noise = {f"layer_{i}": found[f"noise/layer_{i}"] for i in range(4)}
    assert [x.shape[1] for x in noise.values()] == [4, 4, 8, 8]
    for x in noise.values():
        np.testing.assert_allclose([x.mean(), x.std()], [0, 1], atol=1e-4)
    styles = {f"layer_{i}": found["w"][i % len(found["w"])][None] for i in range(4)}
    made = call_averaged(style.gan, style.state, jax.random.key(5), "synthesize", styles, None, None, noise)
    np.testing.assert_allclose(made[0], found["result"], atol=1e-4)


def test_features_that_are_compared(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One's own, of which some have no slope."""
    image = save_image(np.zeros((8, 8, 1), np.uint8), tmp_path / "target.png")
    (tmp_path / "mine.py").write_text(
        '"""Two functions."""\nimport jax.numpy as jnp\n\n\n'
        "def rows(images):\n    return images.mean((2, 3))\n\n\n"
        "def whole(images):\n    return jnp.rint(images).reshape(len(images), -1)\n"
    )
    command = ["edit", str(run), "project", str(image), "--steps", "20", "--out", str(tmp_path / "a.png")]
    assert cli.main([*command, "--features", f"{tmp_path}/mine.py:rows"]) == 0
    assert "mean squared difference (" in capsys.readouterr().out
    command[-1] = str(tmp_path / "b.png")
    assert cli.main([*command, "--features", f"{tmp_path}/mine.py:whole"]) == 2
    assert "has no slope here" in capsys.readouterr().err
    assert not (tmp_path / "b.png").exists()


def test_a_target_becomes_what_the_generator_makes(tmp_path: Path) -> None:
    """As the data do: cropped at the middle, resized, and gray."""
    digit = open_source(Data("digits", (8, 8, 1))).take(np.array([0]))["image"][0]
    large = np.pad(digit.repeat(4, 0).repeat(4, 1).repeat(3, 2), ((0, 0), (16, 16), (0, 0)))
    target = read_target(save_image(large, tmp_path / "large.png"), (8, 8, 1))
    assert target.shape == (8, 8, 1)
    assert np.abs(to_uint8(target).astype(int) - digit).mean() < 12
