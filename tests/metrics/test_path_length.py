"""Perceptual path length, against derivatives in float64 of generators whose answers are known."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from rounding import rounding

from gaxjax.errors import InputError
from gaxjax.metrics.path_length import (
    EPSILON,
    Space,
    crop_face,
    lengths,
    lerp,
    path_length,
    shrink,
    slerp,
)

RANDOM = np.random.default_rng(0)
PATHS, SIZE, SHAPE = 64, 16, (8, 8, 3)
A = RANDOM.standard_normal((PATHS, SIZE))
B = RANDOM.standard_normal((PATHS, SIZE))
HIDDEN = RANDOM.standard_normal((SIZE, 40)) / 4
OUTPUT = RANDOM.standard_normal((40, 192)) / 40


def squared(a: Array, b: Array) -> Array:
    return jnp.sum((a - b) ** 2, axis=(1, 2, 3))


def tanh_network(z: Array) -> Array:
    hidden = jnp.tanh(z @ jnp.asarray(HIDDEN, float))
    return (hidden @ jnp.asarray(OUTPUT, float)).reshape(-1, *SHAPE)


def linear_network(z: Array) -> Array:
    return (z @ jnp.asarray(HIDDEN @ OUTPUT, float)).reshape(-1, *SHAPE)


def space(
    between: Callable[..., Array], network: Callable[[Array], Array], noise: float = 0.0, width: int = SIZE
) -> Space:
    """Paths from A to B; noise is added to images."""
    ends = iter((A, B))

    def images(points: Array, key: Array) -> Array:
        made = network(points)
        return made + noise * jax.random.normal(key, made.shape)

    return Space(lambda key: jnp.asarray(next(ends)[:, :width], float), between, images)


def place(full: bool, key: Array) -> np.ndarray:
    """The t that are drawn."""
    if not full:
        return np.zeros((PATHS, 1))
    return np.asarray(jax.random.uniform(jax.random.split(key, 4)[2], (PATHS,)), np.float64)[:, None]


def arc(t: np.ndarray, a: np.ndarray = A, b: np.ndarray = B) -> tuple[np.ndarray, np.ndarray]:
    """The point at t of the way from A to B on a sphere, times the length, and its derivative, in float64."""
    lengths = [np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b)]
    u, v = a / lengths[0], b / lengths[1]
    angle = np.arccos(np.sum(u * v, axis=1, keepdims=True))
    sines = np.sin((1 - t) * angle), np.sin(t * angle), np.sin(angle)
    direction = (sines[0] * u + sines[1] * v) / sines[2]
    turn = angle * (np.cos(t * angle) * v - np.cos((1 - t) * angle) * u) / sines[2]
    length, growth = (1 - t) * lengths[0] + t * lengths[1], lengths[1] - lengths[0]
    return length * direction, growth * direction + length * turn


@pytest.mark.parametrize("full", [True, False])
def test_a_linear_generator_has_the_length_of_the_whole_way(full: bool) -> None:
    """In float32 each end's pixels are rounded as sums of 16 products of latents, which take 2 more."""
    way = (B - A) @ HIDDEN @ OUTPUT
    expected = np.sum(way**2, axis=1)
    pixels = rounding(18, np.maximum(abs(A), abs(B)) @ abs(HIDDEN @ OUTPUT))
    error = np.sum((abs(way) + 2 * pixels / EPSILON) ** 2 - way**2, axis=1)
    found = np.asarray(lengths(space(lerp, linear_network), squared, jax.random.key(1), full))
    assert found.dtype == np.float32 and np.all(abs(found - expected) < error)
    with jax.enable_x64(True):
        found = lengths(space(lerp, linear_network), squared, jax.random.key(1), full)
        np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("between", [slerp, lerp])
@pytest.mark.parametrize("full", [True, False])
def test_the_length_is_the_squared_derivative(full: bool, between: Callable[..., Array]) -> None:
    key = jax.random.key(2)
    t = place(full, key)
    point, change = arc(t) if between is slerp else (A + t * (B - A), B - A)
    expected = np.sum(((1 - np.tanh(point @ HIDDEN) ** 2) * (change @ HIDDEN) @ OUTPUT) ** 2, axis=1)
    found = lengths(space(between, tanh_network), squared, key, full)
    np.testing.assert_allclose(found, expected, rtol=20 * EPSILON)  # of a step, not of a derivative
    assert path_length(found).mean == pytest.approx(path_length(expected).mean, rel=10 * EPSILON)


@pytest.mark.usefixtures("float64")
def test_both_ends_have_the_same_noise() -> None:
    key = jax.random.key(3)
    without, noisy = (lengths(space(lerp, linear_network, n), squared, key, True) for n in (0.0, 1.0))
    np.testing.assert_allclose(noisy, without, rtol=1e-9)


def test_generators_are_asked_in_full_precision() -> None:
    seen = []

    def network(z: Array) -> Array:
        seen.append(jax.config.jax_default_matmul_precision)  # type: ignore[attr-defined]
        return linear_network(z)

    lengths(space(lerp, network), squared, jax.random.key(0), True)
    assert seen == ["highest", "highest"]


@pytest.mark.parametrize("near", [1.0, 1e-3, 0.0])
def test_slerp(near: float) -> None:
    """Also between neighbors, where an arc cosine in float32 is lost."""
    b = A + near * (B - A)
    t = np.linspace(0, 1, PATHS)[:, None]
    expected = arc(t, A, b)[0] if near else A
    found = slerp(*(jnp.asarray(x, jnp.float32) for x in (A, b, t[:, 0])))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-6)


def test_slerp_keeps_the_length_of_latents_on_a_sphere() -> None:
    a, b = (jnp.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), jnp.float32) for x in (A, B))
    for at in (0.0, 0.3, 1.0):
        found = jnp.linalg.norm(slerp(4 * a, 4 * b, jnp.full(PATHS, at)), axis=1)
        np.testing.assert_allclose(found, 4, rtol=1e-5)


def test_steps_are_told_apart_in_float32() -> None:
    """The rounding of latents is far below the step, wherever on the path it begins."""
    t = RANDOM.uniform(size=PATHS)
    a, b, at = (jnp.asarray(x, jnp.float32) for x in (A, B, t))
    step = np.asarray(slerp(a, b, at + EPSILON), np.float64) - np.asarray(slerp(a, b, at), np.float64)
    expected = arc(t[:, None])[1]
    error = np.linalg.norm(step / EPSILON - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert error.max() < 5e-3


def test_what_lies_outside_the_percentiles_is_dropped() -> None:
    values = np.arange(1.0, 1001.0)  # the percentiles are at 9.99 and 989.01, counted from 0
    kept = np.arange(10.0, 992.0)
    found = path_length(RANDOM.permutation(values))
    assert found.mean == pytest.approx(kept.mean())
    assert found.standard_error == pytest.approx(kept.std() / np.sqrt(len(kept)))
    assert path_length(np.append(values, 1e12)).mean < 503
    assert path_length(np.array([2.0, 4.0])) == (3.0, 1 / np.sqrt(2))


def test_crop_of_a_face() -> None:
    rows, columns = np.meshgrid(np.arange(64.0), np.arange(64.0), indexing="ij")
    found = crop_face(jnp.asarray(np.stack([rows, columns], axis=-1)[None]))
    assert found.shape == (1, 32, 32, 2)
    np.testing.assert_array_equal(found[0, 0, 0], [24, 16])
    np.testing.assert_array_equal(found[0, -1, -1], [55, 47])


def test_large_images_are_averaged() -> None:
    images = RANDOM.standard_normal((1, 513, 512, 1)).astype(np.float32)
    found = shrink(jnp.asarray(images))
    assert found.shape == (1, 256, 256, 1)
    assert float(found[0, 3, 5, 0]) == pytest.approx(images[0, 6:8, 10:12, 0].mean(), rel=1e-5)
    np.testing.assert_array_equal(shrink(jnp.asarray(images[:, :511, :511])), images[:, :511, :511])
    assert shrink(jnp.zeros((1, 1024, 1024, 3))).shape == (1, 256, 256, 3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((2, 2)), r"lengths must have shape \[paths\]"),
        (np.zeros(0), r"lengths must have shape \[paths\]"),
        (np.array([1.0, np.nan]), "lengths has values that are not finite"),
    ],
)
def test_what_are_no_lengths(values: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        path_length(values)
