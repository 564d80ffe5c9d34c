"""Latents in parts: drawn together, split again, and their likelihoods."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from labelled import KEY

from gaxjax.errors import InputError
from gaxjax.latents import Joint, Latents


@pytest.mark.parametrize("prior", ["normal", "uniform", "categorical"])
def test_parts_of_latents(prior: Any) -> None:
    joint = Joint((Latents(2), Joint((Latents(3, prior),))))
    drawn = joint.draw(KEY, 1000)
    assert drawn.shape == (1000, joint.size) == (1000, 5)
    first, second = joint.split(drawn)
    np.testing.assert_array_equal(jnp.concatenate([first, second], axis=1), drawn)
    if prior == "categorical":
        assert np.all(np.sort(second, axis=1) == [0, 0, 1])
        np.testing.assert_allclose(np.mean(second, axis=0), 1 / 3, atol=0.07)
        likely = Latents(3, prior).log_likelihood(
            jnp.log(jnp.array([[1.0, 2.0, 1.0]])), jnp.array([[0, 1.0, 0]])
        )
        np.testing.assert_allclose(likely, np.log(1 / 2), rtol=1e-6)
    else:
        value = Latents(3, prior).log_likelihood(jnp.zeros((1, 3)), jnp.array([[0.0, 1.0, 2.0]]))
        np.testing.assert_allclose(
            value, jax.scipy.stats.norm.logpdf(jnp.array([0.0, 1, 2])).sum(), rtol=1e-6
        )


@pytest.mark.parametrize(
    "latents, parameters",
    [
        (Latents(1, "uniform"), (8,)),
        (Latents(3), (8, 1)),
        (Latents(3, "categorical"), (1, 3)),
        (Joint((Latents(2), Latents(2))), (8, 2)),
        (Joint((Latents(10, "categorical"), Latents(2))), (8, 11)),
    ],
)
def test_parameters_are_as_many_as_latents(latents: Any, parameters: tuple[int, ...]) -> None:
    """[8] against [8, 1] would be a matrix, 11 for 12 a part that broadcasts."""
    with pytest.raises(InputError, match=rf"shape \[n, {latents.size}\]; got .* set the size of what gives"):
        latents.log_likelihood(jnp.zeros(parameters), latents.draw(KEY, 8))


@pytest.mark.parametrize(
    "arguments, said",
    [((-1,), "at least 1"), ((3, "gauss"), "one of normal, uniform"), ((3, "uniform", -1.0), "positive")],
)
def test_latents_that_are_none_are_refused(arguments: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Latents(*arguments)
