"""Conditions that are not what a wrapper takes are refused by what they are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaxjax.errors import InputError
from gaxjax.layers.conditioning import Concatenated, Projected
from gaxjax.layers.standard import Dense

X, LABELS = jnp.ones((4, 2)), jnp.array([0, 1, 2, 1])


@pytest.mark.parametrize(
    ("classes", "condition", "message"),
    [
        (0, LABELS, r"classes=0\) takes arrays \[4, K\]; got int32 \[4\]: for labels set classes"),
        (3, LABELS[:, None], r"classes=3\) takes labels \[4\], which it makes one-hot; got \[4, 1\]"),
        (3, jax.nn.one_hot(LABELS, 3), r"got \[4, 3\]: give .*, or classes=0 for what is one-hot already"),
    ],
)
def test_labels_of_another_form(classes: int, condition: jax.Array, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Concatenated(Dense(1), classes).init(jax.random.key(0), X, condition)


def test_labels_of_another_form_where_there_is_one_that_is_meant() -> None:
    discriminator = Projected(Dense(1), 3)
    with pytest.raises(InputError, match=r"labels are \[B\], .*; got \[4, 1\]: take the last axis away"):
        jax.eval_shape(discriminator.init, jax.random.key(0), X, LABELS[:, None])


def test_one_hot_labels_are_labels() -> None:
    network = Concatenated(Dense(1), 3)
    params = network.init(jax.random.key(0), X, LABELS)
    one_hot = Concatenated(Dense(1)).apply(params, X, jax.nn.one_hot(LABELS, 3))
    np.testing.assert_array_equal(network.apply(params, X, LABELS), one_hot)
    # A label for each pixel is a map of them.
    maps = network.apply(params, jnp.ones((4, 5, 5, 2)), jnp.broadcast_to(LABELS[:, None, None], (4, 5, 5)))
    np.testing.assert_array_equal(maps[:, 2, 3], one_hot)
