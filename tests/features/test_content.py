"""Frozen networks that images are compared by in training, and files of theirs that are refused."""

import itertools
from pathlib import Path
from typing import Any

import frozen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
import torch_files
from test_lpips import convolved

from gaxjax.errors import InputError
from gaxjax.features import inception, inception_weights
from gaxjax.features.content import VGG19, InceptionMaps
from gaxjax.game import PRETRAINED
from gaxjax.layers.mode import shapes_alone

KEY = jax.random.key(0)
WIDTHS = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128)}
"""Of VGG19's first convolutions."""


def vgg_state() -> dict[str, np.ndarray]:
    random, state = np.random.default_rng(0), {}
    for number, (inputs, outputs) in WIDTHS.items():
        kernel = random.standard_normal((outputs, inputs, 3, 3), np.float32)
        state[f"features.{number}.weight"] = kernel * np.float32((2 / (9 * inputs)) ** 0.5)
        state[f"features.{number}.bias"] = 0.1 * random.standard_normal(outputs, np.float32)
    return state


def test_vgg_maps_are_those_of_the_published_layers(tmp_path: Path) -> None:
    state = vgg_state()
    network = VGG19("22", file=str(torch_files.write(tmp_path / "vgg.pth", state)))
    images = np.random.default_rng(1).uniform(-1, 1, (2, 9, 8, 3)).astype(np.float32)
    variables = network.init(KEY, jnp.asarray(images))
    assert set(variables) == {PRETRAINED}
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    x = (((images.astype(np.float64) + 1) / 2 - mean) / deviation).transpose(0, 3, 1, 2)
    for number in WIDTHS:
        if number == 5:
            x = x[:, :, :8].reshape(2, 64, 4, 2, 4, 2).max(axis=(3, 5))
        bias = state[f"features.{number}.bias"][:, None, None]
        x = np.maximum(convolved(x, state[f"features.{number}.weight"], 1, 1) + bias, 0)
    found = network.apply(variables, jnp.asarray(images))
    np.testing.assert_allclose(found, x.transpose(0, 2, 3, 1) / 12.75, rtol=1e-4, atol=1e-5)


def test_inception_maps_have_a_slope_and_are_of_any_size(tmp_path: Path) -> None:
    path = frozen.write_inception(tmp_path / "inception.npz", "192")
    network, images = InceptionMaps("192", file=str(path)), jnp.linspace(-1, 1, 2 * 31 * 28 * 3)
    images = images.reshape(2, 31, 28, 3)
    params, _, _ = inception_weights.load_weights(path)

    def compute(params: Any, images: Any) -> Any:
        variables = network.init(KEY, images)
        maps, pull = jax.vjp(lambda x: network.apply(variables, x), images)
        # As the metrics' network computes them, of pixels that are not rounded.
        expected = itertools.islice(inception.compute_maps(params, 127.5 * (images + 1)), 2)
        return maps, pull(maps)[0], [x for _, x in expected]

    maps, slope, (shallow, deep) = quick.run(compute, params, images)
    assert maps.shape == (2, 1, 1, 192) and shallow.shape == (2, 6, 5, 64)
    assert jnp.abs(slope).max() > 1e-3
    np.testing.assert_allclose(maps, deep / 6, rtol=1e-5)
    with pytest.raises(InputError, match="images of 20 x 20 pixels are too small for these features"):
        jax.eval_shape(network.init, KEY, jnp.zeros((1, 20, 20, 3)))


def test_files_that_cannot_be_used_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = jnp.zeros((1, 16, 16, 3))
    monkeypatch.setenv("GAXJAX_VGG19", str(tmp_path / "away.pth"))
    with shapes_alone():  # to count parameters needs no file
        shapes = jax.eval_shape(VGG19("54").init, KEY, images)
    assert shapes[PRETRAINED]["layers"]["layer_34"]["kernel"].shape == (3, 3, 512, 512)
    with pytest.raises(
        InputError, match=r"away.pth is not there: fetch vgg19-dcbb9e9d.pth, whose address is"
    ):
        VGG19("22").init(KEY, images)
    state = vgg_state()
    del state["features.7.bias"]
    path = torch_files.write(tmp_path / "half.pth", state)
    with pytest.raises(InputError, match=r"half.pth has other weights in it: no features.7.bias"):
        VGG19("22", file=str(path)).init(KEY, images)
    with pytest.raises(InputError, match=r"vgg19-dcbb9e9d.pth is damaged: its SHA-256 is"):
        VGG19("22", file=str(path.rename(tmp_path / "vgg19-dcbb9e9d.pth"))).init(KEY, images)
