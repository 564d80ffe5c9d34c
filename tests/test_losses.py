"""Every objective, value and gradient, at a point worked out by hand."""

from math import log
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaxjax import losses
from gaxjax.errors import InputError

ODDS = [log(3), 0.0]
"""Logits of the probabilities 3/4 and 1/2."""

# name: (real logits, fake logits, value, gradient at real, gradient at fake)
DISCRIMINATORS: dict[str, tuple[list[float], list[float], float, list[float], list[float]]] = {
    # (log 4/3 + log 2) / 2 + (log 4 + log 2) / 2; gradients (D - 1) / 2 and D / 2
    "minimax": (ODDS, ODDS, (log(8 / 3) + log(8)) / 2, [-1 / 8, -1 / 4], [3 / 8, 1 / 4]),
    "nonsaturating": (ODDS, ODDS, (log(8 / 3) + log(8)) / 2, [-1 / 8, -1 / 4], [3 / 8, 1 / 4]),
    # ((1 + 1) / 2 + (1 + 9) / 2) / 2
    "least_squares": ([2.0, 0.0], [1.0, -3.0], 3.0, [0.5, -0.5], [0.5, -1.5]),
    "wasserstein": ([2.0, 0.0], [1.0, -3.0], -2.0, [-0.5, -0.5], [0.5, 0.5]),
    # (0 + 1) / 2 + (2 + 0) / 2: a real logit of 2 and a fake one of -3 are beyond the margin
    "hinge": ([2.0, 0.0], [1.0, -3.0], 1.5, [0.0, -0.5], [0.5, 0.0]),
}
# name: (fake logits, value, gradient)
GENERATORS: dict[str, tuple[list[float], float, list[float]]] = {
    "minimax": (ODDS, -(log(4) + log(2)) / 2, [-3 / 8, -1 / 4]),
    "nonsaturating": (ODDS, (log(4 / 3) + log(2)) / 2, [-1 / 8, -1 / 4]),
    "least_squares": ([1.0, -3.0], 4.0, [0.0, -2.0]),
    "wasserstein": ([1.0, -3.0], 1.0, [-0.5, -0.5]),
    "hinge": ([1.0, -3.0], 1.0, [-0.5, -0.5]),
}


@pytest.mark.parametrize("name", losses.names())
def test_discriminator_by_hand(name: str) -> None:
    real, fake, value, *gradients = DISCRIMINATORS[name]
    loss = losses.named(name)[0]
    found, slopes = jax.value_and_grad(loss, argnums=(0, 1))(jnp.array(real), jnp.array(fake))
    np.testing.assert_allclose(found, value, rtol=1e-6)
    for slope, gradient in zip(slopes, gradients, strict=True):
        np.testing.assert_allclose(slope, gradient, rtol=1e-6)


@pytest.mark.parametrize("name", losses.names())
def test_generator_by_hand(name: str) -> None:
    fake, value, gradient = GENERATORS[name]
    found, slope = jax.value_and_grad(losses.named(name)[1])(jnp.array(fake))
    np.testing.assert_allclose(found, value, rtol=1e-6)
    np.testing.assert_allclose(slope, gradient, rtol=1e-6)


@pytest.mark.parametrize("name", losses.names())
def test_every_loss_descends_towards_the_right_verdict(name: str) -> None:
    """At the undecided discriminator: real logits up, fake ones down; the generator wants them up."""
    discriminator, generator = losses.named(name)
    undecided = jnp.array([0.5 if name == "least_squares" else 0.0])
    real, fake = jax.grad(discriminator, argnums=(0, 1))(undecided, undecided)
    assert real[0] < 0 < fake[0]
    assert jax.grad(generator)(undecided)[0] < 0


@pytest.mark.parametrize("name", ["minimax", "nonsaturating"])
def test_logits_of_any_size_have_finite_losses(name: str) -> None:
    wrong, right = jnp.array([1000.0]), jnp.array([-1000.0])
    discriminator, generator = losses.named(name)
    assert discriminator(right, wrong) == 2000  # log(sigmoid(x)) itself would be log 0
    assert jax.grad(discriminator)(right, wrong)[0] == -1
    assert generator(right) == (1000 if name == "nonsaturating" else 0)
    assert discriminator(wrong, right) == 0


def wrong_shapes() -> list[Any]:
    good = jnp.zeros(3)
    found = []
    for shape in ((3, 1), (), (3, 1, 1)):
        bad = jnp.zeros(shape)
        for name in losses.names():
            discriminator, generator = losses.named(name)
            found += [(discriminator, (bad, good), "real_logits", shape)]
            found += [(discriminator, (good, bad), "fake_logits", shape)]
            found += [(generator, (bad,), "fake_logits", shape)]
    return found


@pytest.mark.parametrize(("loss", "arguments", "name", "shape"), wrong_shapes())
def test_only_a_batch_of_numbers_will_do(
    loss: Any, arguments: Any, name: str, shape: tuple[int, ...]
) -> None:
    with pytest.raises(InputError) as error:
        loss(*arguments)
    assert name in str(error.value) and str(shape) in str(error.value)


def test_an_unknown_objective_lists_the_known_ones() -> None:
    with pytest.raises(InputError) as error:
        losses.named("wasserstien")
    assert "'wasserstien'" in str(error.value)
    for name in DISCRIMINATORS:
        assert name in str(error.value)
