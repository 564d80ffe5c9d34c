"""Transforms of parameter trees, each with the identity that it promises."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaxjax.errors import InputError
from gaxjax.expressions import parse_value
from gaxjax.transforms import (
    Clip,
    Equalize,
    Identity,
    Path,
    Spectral,
    WeightTransform,
    average,
    chain,
    clip,
    equalize,
    graft,
    spectral,
)


def double(tree: dict[str, jax.Array]) -> dict[str, jax.Array]:
    return jax.tree.map(lambda x: 2 * x, tree)


def test_chain_applies_the_first_one_first() -> None:
    tree = {"w": jnp.array([0.75, -3.0])}
    np.testing.assert_array_equal(chain(double, clip(1.0))(tree)["w"], [1.0, -1.0])
    np.testing.assert_array_equal(chain(clip(1.0), double)(tree)["w"], [1.5, -2.0])
    assert chain()(tree) is tree


def test_clip() -> None:
    tree = {"a": {"kernel": jnp.array([[-2.0, -0.01], [0.0, 0.02]])}, "b": jnp.array(0.5)}
    clipped = clip(0.01)(tree)
    np.testing.assert_array_equal(clipped["a"]["kernel"], np.float32([[-0.01, -0.01], [0.0, 0.01]]))
    assert clipped["b"] == np.float32(0.01)
    for bound in (0.0, -1.0):
        with pytest.raises(InputError, match="must be positive"):
            clip(bound)


@pytest.mark.parametrize("shape", [(3, 3, 32, 64), (256, 128)])
@pytest.mark.parametrize("lr_multiplier", [1.0, 0.01])
def test_equalized_kernels_have_the_deviation_of_their_fan_in(
    shape: tuple[int, ...], lr_multiplier: float
) -> None:
    stored = jax.random.normal(jax.random.key(0), shape) / lr_multiplier
    tree = {"layer": {"kernel": stored, "bias": jnp.array([3.0])}}
    seen = equalize(lr_multiplier, gain=2.0)(tree)["layer"]
    fan_in = np.prod(shape[:-1])
    assert np.std(seen["kernel"]) == pytest.approx(2 / np.sqrt(fan_in), rel=0.02)  # 4 deviations of this many
    np.testing.assert_allclose(seen["kernel"], stored * (lr_multiplier * 2 / np.sqrt(fan_in)), rtol=1e-5)
    np.testing.assert_allclose(seen["bias"], [3 * lr_multiplier], rtol=1e-6)


def test_the_gradient_goes_through_equalize() -> None:
    """Learning is slower by the square of the factor: once on the way in, once in the gradient."""

    def loss(tree: dict[str, jax.Array]) -> jax.Array:
        return jnp.sum(equalize(0.5, gain=1.0)(tree)["kernel"])

    np.testing.assert_allclose(jax.grad(loss)({"kernel": jnp.zeros((4, 3))})["kernel"], 0.5 / 2)


@pytest.mark.parametrize("shape", [(4, 4, 16, 32), (128, 64), (64, 1)])
def test_spectral_kernels_have_norm_one(shape: tuple[int, ...]) -> None:
    """Within what the power iterations leave; a random matrix, whose singular values lie close, is hard."""
    kernel = 3 * jax.random.normal(jax.random.key(1), shape)
    tree = {"layer": {"kernel": kernel, "bias": jnp.array([3.0])}}

    def norm(tree: dict[str, jax.Array]) -> float:
        return float(jnp.linalg.norm(tree["layer"]["kernel"].reshape(-1, shape[-1]), 2))

    assert 1 - 1e-4 < norm(spectral()(tree)) < 1.03
    assert norm(spectral(300)(tree)) == pytest.approx(1, abs=1e-3)
    assert spectral()(tree)["layer"]["bias"] is tree["layer"]["bias"]
    with pytest.raises(InputError, match=r"spectral\(iterations=0\): must be at least 1"):
        spectral(0)


def test_spectral_does_not_see_the_size_of_a_kernel() -> None:
    kernel = jax.random.normal(jax.random.key(2), (6, 5))
    once, scaled = (spectral(100)({"kernel": factor * kernel})["kernel"] for factor in (1, 1e4))
    np.testing.assert_allclose(once, scaled, rtol=1e-5)
    assert np.isfinite(spectral()({"kernel": jnp.zeros((3, 2))})["kernel"]).all()


def test_the_gradient_of_spectral() -> None:
    """Miyato et al. 2018, eq. 12: the part along the first singular vectors is taken off."""
    kernel, slope = jax.random.normal(jax.random.key(3), (2, 6, 5))

    def loss(kernel: jax.Array) -> jax.Array:
        return jnp.sum(slope * spectral(500)({"kernel": kernel})["kernel"])

    u, singular, v = np.linalg.svd(np.float64(kernel))
    first = np.outer(u[:, 0], v[0])
    normalized = np.float64(kernel) / singular[0]
    expected = (slope - np.sum(slope * normalized) * first) / singular[0]
    np.testing.assert_allclose(jax.grad(loss)(kernel), expected, atol=1e-5)


def test_transforms_as_values() -> None:
    tree = {"kernel": jnp.array([[3.0, 0.0], [0.0, 1.0]])}
    assert Identity()(tree) is tree
    np.testing.assert_allclose(Spectral()(tree)["kernel"], [[1, 0], [0, 1 / 3]], atol=1e-6)
    np.testing.assert_array_equal(Clip(2)(tree)["kernel"], [[2, 0], [0, 1]])
    np.testing.assert_allclose(Equalize(0.5)(tree)["kernel"], equalize(0.5)(tree)["kernel"])
    assert parse_value("clip(2)", WeightTransform) == Clip(2)
    for text, message in (("clip", "not one of: .*Clip\\(bound\\)"), ("Clip(-1)", "must be positive")):
        with pytest.raises(InputError, match=message):
            parse_value(text, WeightTransform)


BASE = {"a": {"kernel": jnp.zeros(2), "bias": jnp.zeros(1)}, "new": jnp.zeros(3)}
DONOR = {"a": {"kernel": jnp.ones(2), "bias": jnp.ones(1)}, "old": jnp.ones(4)}


def test_graft_takes_what_both_have() -> None:
    grown = graft(BASE, DONOR)
    assert jax.tree.structure(grown) == jax.tree.structure(BASE)
    np.testing.assert_array_equal(grown["a"]["kernel"], [1, 1])
    np.testing.assert_array_equal(grown["a"]["bias"], [1])
    np.testing.assert_array_equal(grown["new"], [0, 0, 0])


def test_graft_takes_what_is_selected() -> None:
    def where(path: Path) -> bool:
        return path == ("a", "bias")

    mixed = graft(BASE, DONOR, where)
    np.testing.assert_array_equal(mixed["a"]["kernel"], [0, 0])
    np.testing.assert_array_equal(mixed["a"]["bias"], [1])


def test_graft_selects_inside_a_compiled_function() -> None:
    compiled = jax.jit(lambda chosen: graft(BASE, DONOR, lambda path: chosen & (path[-1] == "kernel")))
    for chosen in (True, False):
        mixed = compiled(chosen)
        np.testing.assert_array_equal(mixed["a"]["kernel"], [chosen, chosen])
        np.testing.assert_array_equal(mixed["a"]["bias"], [0])
    assert compiled._cache_size() == 1


def test_graft_refuses_shapes_that_differ() -> None:
    donor = {"a": {"kernel": jnp.ones((2, 1)), "bias": jnp.ones(1)}}
    with pytest.raises(InputError, match=r"a/kernel has shape \(2,\) in base and \(2, 1\) in donor.*where"):
        graft(BASE, donor)
    # The advice of the message works.
    left_out = graft(BASE, donor, lambda path: path[-1] != "kernel")
    np.testing.assert_array_equal(left_out["a"]["kernel"], [0, 0])
    np.testing.assert_array_equal(left_out["a"]["bias"], [1])


def test_half_of_the_memory_is_left_after_the_half_life() -> None:
    old, new = {"w": jnp.array([8.0, 0.0])}, {"w": jnp.array([0.0, 4.0])}
    np.testing.assert_allclose(average(old, new, images=10_000, half_life=10_000)["w"], [4, 2], rtol=1e-6)
    np.testing.assert_allclose(average(old, new, images=30_000, half_life=10_000)["w"], [1, 3.5], rtol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 50, 250, 1000])
def test_the_average_does_not_depend_on_the_batch_size(batch_size: int) -> None:
    memory = {"w": jnp.array(1.0)}
    for _ in range(1000 // batch_size):
        memory = average(memory, {"w": jnp.array(0.0)}, images=batch_size, half_life=1000)
    np.testing.assert_allclose(memory["w"], 0.5, rtol=1e-4)


def test_half_life_zero_has_no_memory() -> None:
    new = {"w": jnp.array([0.1, 3e-7])}
    np.testing.assert_array_equal(average({"w": jnp.array([5.0, 6.0])}, new, 64, 0)["w"], new["w"])


def test_the_ramp_forgets_the_beginning() -> None:
    """At 200 images seen a ramp of 0.05 makes it a half-life of 10; from 2,000 on it is the whole one."""
    old, new = {"w": jnp.float32(0.0)}, {"w": jnp.float32(1.0)}
    for seen, share in ((200, 0.5), (400, 1 - 0.5**0.5), (2_000, 1 - 0.5**0.1), (9_000, 1 - 0.5**0.1)):
        found = average(old, new, images=10, half_life=100, seen=jnp.int32(seen), ramp_up=0.05)["w"]
        np.testing.assert_allclose(found, share, rtol=1e-5)
    assert average(old, new, 10, 100, seen=jnp.int32(0), ramp_up=0.05)["w"] == 1
