"""The adversary in somebody's own loop: one critic, patches, scales and pairs."""

from typing import Any

import flax.linen as nn
import games
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import quick
from jax import Array
from labelled import BATCH, IMAGES, KEY, LABELS, SHAPE, SmoothCritic

from gaxjax.adversary import Adversary
from gaxjax.augmentations import DIFFERENTIABLE, Augment, Noise
from gaxjax.errors import InputError
from gaxjax.gans.adversarial import Adversarial
from gaxjax.layers.conditioning import Concatenated, Head, Projected, RealOrClass
from gaxjax.layers.standard import flatten
from gaxjax.layers.transformed import Transformed
from gaxjax.networks.mlp import Discriminator, Generator
from gaxjax.objectives import Hinge, LeastSquares, Wasserstein
from gaxjax.penalties import R1, Drift


def test_somebodys_own_loop() -> None:
    """No game, no recipe: a generator follows a constant gray through a hinge loss and R1, augmented."""
    adversary = Adversary(Hinge(), penalties=(R1(0.1),), augment=Augment(DIFFERENTIABLE))
    generator, discriminator, rule = Generator(SHAPE, (8,)), SmoothCritic(), optax.adam(1e-2, b1=0.5)
    real = jnp.full((6, *SHAPE), 0.5)

    def d_loss(d: Any, g: Any, z: Array, key: Array, step: Array) -> Array:
        fake = generator.apply(g, z)
        return adversary.discriminator_loss(lambda x: discriminator.apply(d, x), real, fake, step, key=key)[0]

    def g_loss(g: Any, d: Any, z: Array, key: Array, step: Array) -> Array:
        fake = generator.apply(g, z)
        return adversary.generator_loss(lambda x: discriminator.apply(d, x), real, fake, step, key=key)[0]

    def train(g: Any, d: Any) -> Any:
        def body(step: Array, carry: Any) -> Any:
            g, d, g_state, d_state = carry
            z_key, key = jax.random.split(jax.random.fold_in(KEY, step))
            z = jax.random.normal(z_key, (6, 3))
            change, d_state = rule.update(jax.grad(d_loss)(d, g, z, key, step), d_state)
            d = optax.apply_updates(d, change)
            change, g_state = rule.update(jax.grad(g_loss)(g, d, z, key, step), g_state)
            return optax.apply_updates(g, change), d, g_state, d_state

        return jax.lax.fori_loop(0, 150, body, (g, d, rule.init(g), rule.init(d)))[0]

    g, d = generator.init(KEY, jnp.ones((1, 3))), discriminator.init(KEY, real)
    z = jax.random.normal(KEY, (64, 3))
    before, after = (float(jnp.mean(generator.apply(p, z))) for p in (g, quick.run(train, g, d)))
    assert abs(before - 0.5) > 0.3 > 0.2 > abs(after - 0.5)


def test_outside_of_a_game_what_draws_needs_a_key() -> None:
    def critic(x: Array) -> Array:
        return jnp.mean(x, axis=(1, 2, 3))

    loss, logs, outputs = Adversary(Wasserstein()).discriminator_loss(critic, IMAGES, IMAGES + 1, 0)
    np.testing.assert_allclose(loss, 1, rtol=1e-5)
    assert set(logs) == {"real_logits", "fake_logits"} and outputs.real["logits"].shape == (6,)
    for adversary in (Adversary(penalties=(Drift(),)), Adversary(augment=Augment((Noise(0.1),)))):
        with pytest.raises(InputError, match="need a key: give key="):
            adversary.discriminator_loss(critic, IMAGES, IMAGES, 0)
    adaptive = Adversary(augment=Augment((Noise(0.1),), target=0.6))
    with pytest.raises(InputError, match="adapts its probability, a variable"):
        adaptive.discriminator_loss(critic, IMAGES, IMAGES, 0, key=KEY)


def test_patches_scales_and_pairs() -> None:
    """Patches lie side by side in the loss, arrays of logits have a loss each, penalties are of examples."""
    real = {"small": jnp.ones((2, 2)), "large": jnp.ones((2, 2, 2))}
    fake = jax.tree.map(jnp.zeros_like, real)

    def critic(x: Any) -> dict[str, Any]:
        return {"logits": {"a": 3 * x["large"], "b": jnp.sum(x["small"], axis=1)}}

    adversary = Adversary(LeastSquares(), penalties=(R1(2.0), Drift(1.0), Drift(0.5)))
    loss, logs, _ = adversary.discriminator_loss(critic, real, fake, 0, key=KEY)
    # Patches of 3 against 1, sums of 2 against 1; slopes are 3 at each of 4 pixels, and 1 at each of 2.
    by_hand = (3 - 1) ** 2 / 2 + (2 - 1) ** 2 / 2
    r1, drift = (4 * 9 + 2 * 1) / 2, (4 * 3 + 2) ** 2
    np.testing.assert_allclose(logs["r1"], r1, rtol=1e-6)
    np.testing.assert_allclose([logs["drift"], logs["drift_2"]], [drift, drift / 2], rtol=1e-6)
    np.testing.assert_allclose(loss, by_hand + r1 + drift * 1.5, rtol=1e-6)
    np.testing.assert_allclose(logs["real_logits"], (3 + 2) / 2)
    with pytest.raises(InputError, match="generator makes examples of shape"):
        adversary.discriminator_loss(critic, real, {**fake, "small": jnp.ones((2, 3))}, 0, key=KEY)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"penalties": R1(1.0)},
            r"penalties are a tuple of .*, such as \(R1\(0.1\),\).*; got R1\(weight=1.0\)",
        ),
        ({"penalties": (R1,)}, r"penalties are a tuple of .*; got \(<class 'gaxjax.penalties.R1'>,\)"),
        ({"penalties": [R1()]}, r"penalties are a tuple of .*; got \[R1\(weight=10.0\)\]"),
        ({"augment": "x"}, r"augment is a value of gaxjax.augmentations, such as Augment\(.*; got 'x'"),
        ({"augment": DIFFERENTIABLE}, r"augment is a value of .*; got \(Color\("),
    ],
)
def test_penalties_and_augmentations_are_values(fields: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Adversary(Hinge(), **fields)


def test_what_a_loop_of_ones_own_gets_wrong() -> None:
    class Each(Drift):
        """As many numbers as there are examples."""

        def __call__(self, critic: Any, real: Any, fake: Any, key: Array, step: Array | int) -> Array:
            return critic(real) ** 2

    def critic(x: Array) -> Array:
        return jnp.mean(x, axis=(1, 2, 3))

    loss = Adversary(penalties=(Each(),)).discriminator_loss
    with pytest.raises(InputError, match=r"Each returned shape \(6,\); expected a scalar"):
        loss(critic, IMAGES, IMAGES, 0, key=KEY)
    for key in (KEY, jax.random.PRNGKey(0)):
        for loss in (Adversary().discriminator_loss, Adversary().generator_loss):
            with pytest.raises(
                InputError, match=r"step is a number.*; a random key goes by name: give key=\.\."
            ):
                loss(critic, IMAGES, IMAGES, key)


def test_a_discriminator_and_a_condition_that_do_not_go_together() -> None:
    loss = Adversary().discriminator_loss
    for network, name in (
        (lambda x: x, "<lambda>"),
        (Discriminator((4,)), "Discriminator"),
        (RealOrClass(SmoothCritic(), 3), "RealOrClass"),
        (Transformed(Head(Discriminator((4,)), "code", 2)), "Discriminator"),
    ):
        with pytest.raises(
            InputError, match=f"{name} takes no condition, but is given one: use Concatenated"
        ):
            if isinstance(network, nn.Module):
                gan = Adversarial(Concatenated(Generator(SHAPE, (4,)), 3), network, condition="label")
                games.begin(gan, batch=BATCH)
            else:
                loss(network, IMAGES, IMAGES, 0, LABELS)
    with pytest.raises(InputError, match=r"Projected needs a condition, and is given none: set the game's"):
        games.begin(Adversarial(Generator(SHAPE, (4,)), Projected(SmoothCritic(), 3)), batch=BATCH)

    def broken(x: Array) -> Array:
        return jnp.sum(x, 1, 2, 3, 4, 5, 6, 7, 8, 9)  # type: ignore[no-any-return, call-arg, arg-type]

    with pytest.raises(TypeError, match="takes from"):  # a defect of its own keeps its traceback
        loss(broken, IMAGES, IMAGES, 0)


def test_whole_numbers_are_no_examples() -> None:
    """Bytes never, other integers only where both sides have them: labels among the examples."""

    def critic(x: Any) -> Any:
        return jnp.sum(1.0 * x["image"], axis=(1, 2, 3)) + x["label"]

    labels = jnp.arange(6)
    fake = {"image": IMAGES, "label": labels}
    for loss in (Adversary().discriminator_loss, Adversary().generator_loss):
        assert np.isfinite(loss(critic, fake, fake, 0)[0])
        for dtype in (jnp.uint8, jnp.int32):
            real = {**fake, "image": jnp.ones_like(IMAGES, dtype)}
            with pytest.raises(InputError, match=r"real examples is .*int.* where floats are expected"):
                loss(critic, real, fake, 0)
        both = {**fake, "image": jnp.ones_like(IMAGES, jnp.uint8)}
        with pytest.raises(InputError, match=r"gaxjax.data.normalize\(batch\)"):
            loss(critic, both, both, 0)


@pytest.mark.parametrize("running", [True, False])
def test_flaxs_batch_norm_mixes_examples_too(running: bool) -> None:
    """Unless it takes its running statistics; a penalty per example is refused by name."""

    class Normed(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return nn.Dense(1)(nn.BatchNorm(use_running_average=running)(flatten(x)))[:, 0]

    network = Normed()
    variables = network.init(KEY, IMAGES)

    def critic(x: Any) -> Any:
        return network.apply(variables, x, mutable=["batch_stats"])[0]

    loss = Adversary(penalties=(R1(),)).discriminator_loss
    if running:
        assert np.isfinite(loss(critic, IMAGES, IMAGES, 0, key=KEY)[0])
        return
    with pytest.raises(InputError, match=r"R1 is a penalty per example, but .* has flax.linen.BatchNorm"):
        loss(critic, IMAGES, IMAGES, 0, key=KEY)


def test_an_objective_is_a_value() -> None:
    with pytest.raises(InputError, match=r"a value of gaxjax.objectives, such as Hinge\(\).*; got 'hinge'"):
        Adversary("hinge")  # type: ignore[arg-type]
