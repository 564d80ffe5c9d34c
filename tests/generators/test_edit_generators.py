"""Edits of other generators of levels: ProGAN, which has no styles, and StyleGAN2."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import styled

from gaxjax.features import Features, classifier
from gaxjax.game import call_averaged
from gaxjax.generators.edits.directions import Directions
from gaxjax.generators.edits.edit import perform_edit
from gaxjax.generators.edits.interpolate import Interpolate
from gaxjax.generators.edits.project import Project
from gaxjax.generators.model import TrainedModel
from gaxjax.pictures.images import save_image, to_uint8


@pytest.fixture(scope="module")
def progan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    flags = "--gan.generator.modulation none --gan.generator.start latents --gan.generator.no-noise"
    return styled.trained(tmp_path_factory.mktemp("progan"), styled.STYLE, *flags.split())


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A StyleGAN2."""
    flags = "--gan.generator.modulation weights --gan.generator.output skip --gan.generator.scaled"
    return styled.trained(tmp_path_factory.mktemp("second"), styled.STYLE, *flags.split())


def test_progan_interpolates_in_z(progan: Path, tmp_path: Path) -> None:
    game = TrainedModel(progan)
    assert not game.has_styles
    perform_edit(progan, Interpolate(seeds="1-2", frames=4, out=tmp_path / "walk.png"))
    with np.load(tmp_path / "walk.npz") as stored:
        assert sorted(stored) == ["command", "latents", "seeds"]
        np.testing.assert_array_equal(stored["latents"][[0, -1]], game.latents_of_seeds([1, 2]))
    made = call_averaged(game.gan, game.state, jax.random.key(9), "generate", game.latents_of_seeds([1]))
    np.testing.assert_allclose(game.generate(game.latents_of_seeds([1])), made, atol=1e-5)


def test_direction_of_a_class_in_z(progan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Class 1 is, in place of what a classifier says, what is brighter above than below."""
    game = TrainedModel(progan)

    def above(images: Any) -> Any:
        return images[:, :4].mean((1, 2, 3)) - images[:, 4:].mean((1, 2, 3))

    middle = np.median(np.concatenate([above(x) for _, _, x in game.iterate_latents(300, images=True)]))

    def apply(params: Any, images: Any, levels: Any) -> Any:
        score = jnp.where(jnp.arange(10)[None] == 1, (above(images) - middle)[:, None], 0.0)
        return {"logits": score}

    fake = Features("above", {"logits": 10}, "logits", "none", "", {}, apply)
    monkeypatch.setattr(classifier, "classifier", lambda *_: fake)
    perform_edit(progan, Directions(label=1, n=300, out=tmp_path / "walk.png"))
    with np.load(tmp_path / "walk.npz") as stored:
        direction, deviation = stored["vectors"][0], stored["deviations"][0]
    # Unit normal variables have a deviation of 1 in every direction.
    np.testing.assert_allclose([np.linalg.norm(direction), deviation], 1, rtol=0.15)
    start = game.latents_of_seeds(range(20))
    ends = [game.generate(np.float32(start + share * direction)) for share in (-1.5, 1.5)]
    assert above(ends[1]).mean() > above(ends[0]).mean()


def test_layers_with_modulated_kernels(second: Path) -> None:
    """Level 0 has one layer, and the last style is of the colors alone: it adds no noise."""
    game = TrainedModel(second)
    assert game.layer_sides == {"layer_0": 4, "layer_1": 8, "layer_2": 8, "layer_3": 8}
    assert game.noise_shapes() == {"layer_0": (4, 4), "layer_1": (8, 8), "layer_2": (8, 8)}
    z = game.latents_of_seeds([0, 1])
    first, other = (game.broadcast_styles(game.map_latents(z[[i]])) for i in (0, 1))
    for layer in game.layer_sides:
        changed = game.synthesize({**first, layer: other[layer]})
        assert np.abs(changed - game.synthesize(first)).max() > 1e-4


@pytest.mark.slow
def test_projection_by_modulated_kernels(second: Path, tmp_path: Path) -> None:
    game = TrainedModel(second)
    z = game.latents_of_seeds([0])
    image = save_image(to_uint8(game.generate(z))[0], tmp_path / "target.png")
    perform_edit(second, Project(image=image, steps=60, out=tmp_path / "found.png"))
    with np.load(tmp_path / "found.npz") as stored:
        assert sorted(x for x in stored if "/" in x) == ["noise/layer_0", "noise/layer_1", "noise/layer_2"]
        mean = call_averaged(game.gan, game.state, jax.random.key(0), "average_style")
        average = game.synthesize(game.broadcast_styles(np.asarray(mean)[None]))[0]
        assert stored["distance"] < 0.5 * np.mean((average - stored["target"]) ** 2) / 4
