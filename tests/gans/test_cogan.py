"""CoGAN: what its networks share, and its losses by hand."""

from typing import Any

import flax.linen as nn
import games
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from games import Constant, Times, play
from jax import Array

from gaxjax.errors import InputError
from gaxjax.game import call_averaged
from gaxjax.gans import CoGAN
from gaxjax.latents import Latents
from gaxjax.layers import Concatenated
from gaxjax.networks.coupled import Conditional, Discriminator, Generator
from gaxjax.transforms import leaves_by_path

pytestmark = pytest.mark.usefixtures("float64")


def owners_with_slopes(network: nn.Module, x: Any, output: Any) -> dict[str, dict[str, bool]]:
    """Of each domain, which layers its output has a slope in: domain -> layer -> whether."""

    def slopes(key: Array) -> Any:
        params = network.init(key, x)["params"]

        def total(params: Any, weights: Array) -> Array:
            outputs, _ = network.apply({"params": params}, x, mutable=["batch_stats"])
            # Squares, as what a norm makes adds up to nothing.
            return sum(w * jnp.sum(output(outputs)[name] ** 2) for name, w in zip("ab", weights, strict=True))

        # One pass for either domain.
        return jax.vmap(jax.grad(total), (None, 0))(params, jnp.eye(2))

    found = quick.run(slopes, jax.random.key(0))
    return {
        domain: {
            layer: any(np.any(leaf[row]) for leaf in jax.tree.leaves(leaves))
            for layer, leaves in found.items()
        }
        for row, domain in enumerate("ab")
    }


def test_either_domain_moves_what_is_shared_and_its_own_layers_alone() -> None:
    images = {name: jax.random.normal(jax.random.key(ord(name)), (3, 4, 4, 1)) for name in "ab"}
    generator = Generator((2, 2, 1), features=2, depth=1, own=2)
    found = owners_with_slopes(generator, jnp.arange(6.0).reshape(3, 2) ** 2, lambda made: made)
    own = {"a": {"shared_0": True, "a_1": True, "a_2": True, "b_1": False, "b_2": False}}
    own["b"] = {"shared_0": True, "a_1": False, "a_2": False, "b_1": True, "b_2": True}
    assert found == own
    discriminator = Discriminator(features=(2,), hidden=3, own=1)
    found = owners_with_slopes(discriminator, images, lambda outputs: outputs["logits"])
    shared = {"shared_1": True, "logits": True}
    assert found == {"a": {"a_0": True, "b_0": False, **shared}, "b": {"a_0": False, "b_0": True, **shared}}


def test_images_of_one_domain_are_judged_as_beside_the_other() -> None:
    images = {name: jax.random.normal(jax.random.key(ord(name)), (2, 7, 6, 1)) for name in "ab"}
    network = Discriminator(features=(2,), hidden=3, classes=4)

    def judge(key: Array) -> Any:
        variables = network.init(key, images)
        return network.apply(variables, images), network.apply(variables, {"b": images["b"]})

    both, alone = quick.run(judge, jax.random.key(0))
    assert {name: set(by_domain) for name, by_domain in alone.items()} == {
        "logits": {"b"},
        "features": {"b"},
        "classes": {"b"},
    }
    assert both["classes"]["a"].shape == (2, 4) and both["logits"]["a"].shape == (2,)
    for name in alone:
        np.testing.assert_array_equal(alone[name]["b"], both[name]["b"])


def test_a_network_that_is_told_the_domain_shares_all_of_itself() -> None:
    generator = Conditional(Concatenated(Generator((4, 4, 1), features=2, depth=0, own=0), classes=2))
    discriminator = Conditional(Concatenated(Discriminator(features=(2,), hidden=3, own=0), classes=2))

    def make(key: Array) -> Any:
        pairs, variables = generator.init_with_output(key, jnp.ones((3, 2)))
        return pairs, variables["params"], *discriminator.init_with_output(key, pairs)

    pairs, params, outputs, variables = quick.run(make, jax.random.key(0))
    assert {name: x.shape for name, x in pairs.items()} == {"a": (3, 4, 4, 1), "b": (3, 4, 4, 1)}
    # Of one latent the images differ, by the domain alone.
    assert np.ptp(pairs["a"], axis=0).max() < 1e-12 and np.any(pairs["a"] != pairs["b"])
    names = {part for path in leaves_by_path((params, variables)) for part in path}
    assert "shared_0" in names and not {"a_0", "b_0", "a_1", "b_1"} & names
    assert outputs["logits"]["a"].shape == (3,) and outputs["features"]["b"].shape == (3, 3)


class Pair(nn.Module):
    """A pair of plain images."""

    @nn.compact
    def __call__(self, latents: Array) -> dict[str, Array]:
        return {"a": Constant(0.5)(latents), "b": Constant(-0.25)(latents)}


class Reader(nn.Module):
    """The pixels of either domain, times one number, as features and as logits of four classes."""

    head: bool = True

    @nn.compact
    def __call__(self, images: dict[str, Array]) -> dict[str, Any]:
        times = Times(2.0)
        features = {name: times(x).reshape(-1, 4) for name, x in images.items()}
        outputs = {"logits": {name: jnp.sum(x, axis=1) for name, x in features.items()}, "features": features}
        return {**outputs, "classes": features} if self.head else outputs


A = np.array([[0.3, -0.1, 0.2, 0.0], [0.5, 0.1, -0.2, 0.4]])
B = np.array([[-0.3, 0.2, 0.6, 0.1], [0.0, -0.4, 0.3, 0.2]])
BATCH = {"a": A.reshape(2, 2, 2, 1), "b": B.reshape(2, 2, 2, 1), "label": np.array([2, 0])}


def softplus(x: Any) -> Any:
    return np.logaddexp(0, x)


def test_losses_by_hand() -> None:
    """Two games, added; the class of images a; and how far the features of a pair are apart."""
    gan = CoGAN(Pair(), Reader(), Latents(3), classes=0.5, agreement=0.1)
    state = games.begin(gan, batch=BATCH)
    loss, logs, _, gradient = play(gan, "discriminator", state, BATCH)
    real = [np.mean(softplus(-2 * np.sum(x, axis=1))) for x in (A, B)]
    fake = [softplus(2 * 4 * value) for value in (0.5, -0.25)]
    classes = np.mean(np.log(np.sum(np.exp(2 * A), axis=1)) - 2 * np.array([A[0, 2], A[1, 0]]))
    apart = 4 * (2 * 0.75) ** 2
    np.testing.assert_allclose(loss, sum(real) + sum(fake) + 0.5 * classes + 0.1 * apart, rtol=1e-12)
    np.testing.assert_allclose([logs["class"], logs["agreement"]], [classes, apart], rtol=1e-12)
    assert set(gradient) == {"discriminator"}

    loss, _, _, gradient = play(gan, "generator", state, BATCH)
    np.testing.assert_allclose(loss, sum(softplus(-2 * 4 * value) for value in (0.5, -0.25)), rtol=1e-12)
    slopes = [gradient["generator"][f"Constant_{i}"]["value"] for i in range(2)]
    np.testing.assert_allclose(slopes, [-8 / (1 + np.exp(8 * x)) for x in (0.5, -0.25)], rtol=1e-12)

    logits = call_averaged(gan, state, jax.random.key(0), "classify", BATCH["b"])
    np.testing.assert_allclose(logits, 2 * B, rtol=1e-12)


def test_what_is_missing_is_said() -> None:
    gan = CoGAN(Pair(), Reader(head=False), Latents(3), classes=1.0)
    state = games.begin(gan, batch=BATCH)
    with pytest.raises(InputError, match=r"by a head: use Discriminator\(classes=K\)"):
        call_averaged(gan, state, jax.random.key(0), "classify", BATCH["b"])
    with pytest.raises(InputError, match=r"images 'a' and 'b'; the data has \['image'\]: use domain_b"):
        play(gan, "generator", state, {"image": BATCH["a"]})
    with pytest.raises(InputError, match="own=4: of 3 layers, 0 to 3 are each domain's own"):
        jax.eval_shape(Generator((4, 4, 1), depth=1, own=4).init, jax.random.key(0), jnp.ones((2, 3)))
