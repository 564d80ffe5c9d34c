"""Networks with hidden layers of a label's own, by hand."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaxjax.errors import InputError
from gaxjax.game import evaluation_mode
from gaxjax.networks.conditional import Generator, MaxoutDiscriminator

LABELS = jnp.array([2, 0])


def parameters(network: Any, *inputs: Any) -> dict[str, dict[str, np.ndarray]]:
    """Parameters of the network's shapes, drawn by NumPy."""
    shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), *inputs))["params"]
    random = np.random.default_rng(0)
    return jax.tree.map(lambda x: random.normal(size=x.shape).astype(np.float32), shapes)


def dense(x: np.ndarray, params: dict[str, np.ndarray]) -> np.ndarray:
    return x @ params["kernel"] + params["bias"]


def test_a_generator_by_hand() -> None:
    """relu(z W), relu(row of the label), relu of both, and a sigmoid onto [-1, 1]; the paper's widths."""
    network = Generator((2, 2, 1), classes=3, latent_features=4, label_features=5, features=(6,))
    z = np.array([[0.5, -1.0], [2.0, 0.25]], np.float32)
    params = parameters(network, z, LABELS)
    latents = np.maximum(dense(z, params["latents"]), 0)
    label = np.maximum(params["label"]["kernel"][[2, 0]] + params["label"]["bias"], 0)
    both = np.maximum(dense(np.concatenate([latents, label], axis=1), params["Dense_0"]), 0)
    expected = 2 / (1 + np.exp(-dense(both, params["Dense_1"]))) - 1
    with evaluation_mode():
        images = network.apply({"params": params}, z, LABELS)
    np.testing.assert_allclose(images.reshape(2, 4), expected, rtol=1e-4, atol=1e-6)
    whole = parameters(Generator((28, 28, 1)), jnp.zeros((2, 100)), LABELS)
    assert {name: layer["kernel"].shape for name, layer in whole.items()} == {
        "latents": (100, 200),
        "label": (10, 1000),
        "Dense_0": (1200, 1200),
        "Dense_1": (1200, 784),
    }


def test_a_discriminator_by_hand() -> None:
    """The largest of each unit's pieces: of the image's layer, the label's, and that of both."""
    network = MaxoutDiscriminator(3, 4, 2, 3, pieces=(2, 5, 3))
    images = np.random.default_rng(1).uniform(-1, 1, (2, 2, 2, 1)).astype(np.float32)
    params: Any = parameters(network, images, LABELS)

    def maxout(x: np.ndarray, layer: Any, pieces: int) -> np.ndarray:
        return dense(x, layer["Dense_0"]).reshape(len(x), -1, pieces).max(axis=2)

    image = maxout((images.reshape(2, 4) + 1) / 2, params["image"], 2)
    label = maxout(np.eye(3, dtype=np.float32)[[2, 0]], params["label"], 5)
    both = maxout(np.concatenate([image, label], axis=1), params["Maxout_0"], 3)
    with evaluation_mode():
        outputs: Any = network.apply({"params": params}, images, LABELS)
    np.testing.assert_allclose(outputs["features"], both, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(outputs["logits"], dense(both, params["Dense_0"])[:, 0], rtol=1e-4, atol=1e-5)
    whole: Any = parameters(MaxoutDiscriminator(), jnp.zeros((2, 28, 28, 1)), LABELS)
    kernels = {name: whole[name]["Dense_0"]["kernel"].shape for name in ("image", "label", "Maxout_0")}
    assert kernels == {"image": (784, 240 * 5), "label": (10, 50 * 5), "Maxout_0": (290, 240 * 4)}


def test_labels_beyond_the_classes_are_refused() -> None:
    with pytest.raises(InputError, match="label 3 is none of 3 classes"):
        Generator((2, 2, 1), classes=3).init(jax.random.key(0), jnp.zeros((2, 2)), jnp.array([3, 0]))
