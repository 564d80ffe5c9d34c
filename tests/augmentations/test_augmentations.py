"""Augmentations of tiny images whose outcomes are known."""

import math
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick
from augmenting import KEY, MEMBERS, images, ramps, slopes
from jax import Array

from gaxjax.augmentations import (
    Augment,
    Augmentation,
    Brightness,
    Color,
    Contrast,
    Cutout,
    Flip,
    FractionalShift,
    Hue,
    Luma,
    Noise,
    Rotate90,
    Rotation,
    Saturation,
    Scale,
    Shift,
    Stretch,
    Translation,
)
from gaxjax.errors import InputError

named = partial(pytest.mark.parametrize, ids=lambda value: type(value).__name__)
every = named("augmentation", MEMBERS)


def repeated(augmentation: Augmentation, image: Any, times: int, step: int = 0) -> np.ndarray:
    """The same image [H, W, C], changed many times."""
    batch = jnp.broadcast_to(jnp.asarray(image), (times, *jnp.shape(image)))
    return np.asarray(quick.run(augmentation, batch, KEY, step))


def outcomes(changed: np.ndarray) -> set[bytes]:
    return {example.tobytes() for example in np.asarray(changed, np.float32)}


def normal(values: np.ndarray, deviation: float) -> None:
    """Asserts a mean of 0 and a standard deviation, within four of their own."""
    assert abs(np.mean(values)) < 4 * deviation / math.sqrt(values.size)
    assert abs(np.std(values) / deviation - 1) < 4 / math.sqrt(2 * values.size)


def uniform(values: np.ndarray, low: float, high: float) -> None:
    """Asserts the range, nearly used up, and the mean within four of its standard deviations."""
    width = high - low
    assert low <= np.min(values) < low + width / 100 and high - width / 100 < np.max(values) <= high
    assert abs(np.mean(values) - (low + high) / 2) < 4 * width / math.sqrt(12 * values.size)


# Every member.


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("shape", [(8, 8, 1), (6, 10, 3), (5, 7, 4)])
@every
def test_shape_and_type_stay(augmentation: Augmentation, shape: tuple[int, ...], dtype: Any) -> None:
    batch = jax.ShapeDtypeStruct((2, *shape), dtype)
    if isinstance(augmentation, Rotate90) and shape[0] != shape[1]:
        with pytest.raises(InputError, match=f"square images; got {shape[0]} x {shape[1]} pixels"):
            jax.eval_shape(augmentation, batch, KEY, 0)
        return
    changed = jax.eval_shape(augmentation, batch, KEY, 0)
    assert (changed.shape, changed.dtype) == (batch.shape, dtype)


def test_half_precision_changes_no_draw() -> None:
    half = images(4, 5, 7, 4).astype(jnp.bfloat16)
    apply = partial(Augment((Cutout(), Scale(), Contrast())).apply, {})
    changed, precise = quick.run(lambda x: (apply(x, KEY, 0), apply(x.astype(jnp.float32), KEY, 0)), half)
    np.testing.assert_allclose(changed.astype(jnp.float32), precise, atol=0.03)


@every
def test_examples_change_by_themselves(augmentation: Augmentation) -> None:
    batch = jnp.broadcast_to(images(8, 8, 3), (16, 8, 8, 3))
    change = quick.compiled(augmentation, batch, KEY, 0)
    many = np.asarray(change(batch, KEY, 0))
    assert len(outcomes(many)) > 1
    # No other example has a part in an example's change.
    other = np.asarray(change(batch.at[0].set(0.5 - batch[0]), KEY, 0))
    np.testing.assert_array_equal(other[1:], many[1:])


@every
def test_gradients_match_finite_differences(augmentation: Augmentation) -> None:
    x, direction, weight = images(4, 8, 8, 3), images(4, 8, 8, 3)[::-1], images(4, 8, 8, 3)[:, ::-1]

    def total(x: Array) -> Array:
        return jnp.sum(weight * augmentation(x, KEY, 0))

    def both(x: Array) -> tuple[Array, Array]:
        return jax.grad(total)(x), total(x + direction / 2) - total(x - direction / 2)

    gradient, difference = quick.run(both, x)
    # With its random numbers held fixed every member is affine: the difference is exact, but for rounding.
    np.testing.assert_allclose(jnp.sum(gradient * direction), difference, rtol=1e-3, atol=1e-3)
    assert all(np.any(example) for example in np.asarray(gradient))


@named("augmentation", [member for member in MEMBERS if not isinstance(member, Noise)])
def test_points_and_bytes_are_refused(augmentation: Augmentation) -> None:
    name = type(augmentation).__name__
    with pytest.raises(InputError, match=rf"{name} changes images \[B, H, W, C\]; got shape \(4, 2\).*Noise"):
        augmentation(images(4, 2), KEY, 0)
    with pytest.raises(InputError, match="uint8"):
        augmentation(jnp.zeros((2, 8, 8, 3), jnp.uint8), KEY, 0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Translation(0), r"Translation\(ratio=0\): must be in \(0, 1\]"),
        (lambda: Cutout(1.5), r"Cutout\(ratio=1.5\)"),
        (lambda: Shift(math.nan), r"Shift\(ratio=nan\)"),
        (lambda: Noise(-0.1), r"Noise\(deviation=-0.1\): must be a number, not negative"),
        (lambda: Noise(steps=-1), r"Noise\(steps=-1\)"),
        (lambda: Scale(math.inf), r"Scale\(deviation=inf\)"),
        (lambda: Color(saturation=-1), r"Color\(saturation=-1\)"),
        (lambda: Rotation(among=0), r"Rotation\(among=0\): must be at least 1"),
        (lambda: Rotation(-5), r"Rotation\(degrees=-5\)"),
        (lambda: Augment(probability=1.1), r"Augment\(probability=1.1\): must be in \[0, 1\]"),
        (lambda: Augment(target=1.0), r"Augment\(target=1.0\): must be in \[0, 1\)"),
        (lambda: Augment(target=0.6), r"Augment\(target=0.6\): must be 0 without transformations"),
        (lambda: Augment(interval=0), r"Augment\(interval=0\): must be at least 1 minibatch"),
        (lambda: Augment(kimg=0), r"Augment\(kimg=0\): must be positive"),
    ],
)
def test_fields_out_of_range_are_refused(build: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build()


# DiffAugment, and noise.


def test_brightness_saturation_and_contrast() -> None:
    image = np.asarray(images(4, 4, 3))
    added = repeated(Color(saturation=0, contrast=0), image, 2000) - image
    np.testing.assert_allclose(added, np.broadcast_to(added[:, :1, :1, :1], added.shape), atol=1e-6)
    uniform(added[:, 0, 0, 0], -0.5, 0.5)

    gray = image.mean(axis=-1, keepdims=True)
    saturated = repeated(Color(brightness=0, contrast=0), image, 2000) - gray
    np.testing.assert_allclose(saturated.mean(axis=-1), 0, atol=1e-6)
    factor = saturated[:, :1, :1, :1] / (image - gray)[0, 0, 0]
    np.testing.assert_allclose(saturated, factor * (image - gray), atol=1e-5)
    uniform(factor, 0, 2)

    contrasted = repeated(Color(brightness=0, saturation=0), image, 2000) - image.mean()
    np.testing.assert_allclose(contrasted.mean(axis=(1, 2, 3)), 0, atol=1e-6)
    factor = contrasted[:, :1, :1, :1] / (image - image.mean())[0, 0, 0]
    np.testing.assert_allclose(contrasted, factor * (image - image.mean()), atol=1e-5)
    uniform(factor, 0.5, 1.5)


def test_saturation_leaves_one_channel_alone() -> None:
    image = images(4, 4, 1)
    changed = repeated(Color(brightness=0, contrast=0), image, 8)
    np.testing.assert_allclose(changed, np.broadcast_to(image, changed.shape), atol=1e-6)


@pytest.mark.parametrize(
    ("ratio", "height", "width", "down", "right"), [(1 / 4, 4, 6, 1, 2), (1 / 8, 5, 3, 1, 0)]
)
def test_translation_by_hand(ratio: float, height: int, width: int, down: int, right: int) -> None:
    image = np.asarray(images(height, width, 2))
    expected = []
    for dy, dx in product(range(-down, down + 1), range(-right, right + 1)):
        shifted = np.zeros_like(image)
        for y, x in product(range(height), range(width)):
            if 0 <= y - dy < height and 0 <= x - dx < width:
                shifted[y, x] = image[y - dy, x - dx]
        expected.append(shifted)
    assert outcomes(repeated(Translation(ratio), image, 500)) == outcomes(np.array(expected))


@pytest.mark.parametrize(("ratio", "shape", "sides"), [(1 / 2, (4, 6), (2, 3)), (1 / 4, (4, 4), (1, 1))])
def test_cutout_by_hand(ratio: float, shape: tuple[int, int], sides: tuple[int, int]) -> None:
    def gaps(size: int, side: int) -> list[np.ndarray]:
        """Every place of the center, which is between pixels for even sides."""
        centers = np.arange(size + 1) - 0.5 if side % 2 == 0 else np.arange(size)
        return [abs(np.arange(size) - center) < side / 2 for center in centers]

    expected = [
        np.where(rows[:, None] & columns[None], 0, 1)[..., None]
        for rows, columns in product(gaps(shape[0], sides[0]), gaps(shape[1], sides[1]))
    ]
    changed = repeated(Cutout(ratio), jnp.ones((*shape, 1)), 1000)
    assert outcomes(changed) == outcomes(np.array(expected))
    assert np.sum(changed == 0, axis=(1, 2, 3)).max() == sides[0] * sides[1]


@pytest.mark.parametrize(("step", "deviation"), [(0, 0.3), (50, 0.15), (75, 0.075)])
def test_noise_fades(step: int, deviation: float) -> None:
    image = images(8, 8, 3)
    normal(repeated(Noise(0.3, 100), image, 100, step) - np.asarray(image), deviation)


def test_noise_ends_or_stays() -> None:
    batch = images(50, 2)
    fading = jax.jit(Noise(0.3, 100))  # optimized, which must not leave a rest
    assert np.all(fading(batch, KEY, 99) != batch)
    for step in (100, 101, 10**6):
        np.testing.assert_array_equal(fading(batch, KEY, step), batch)
    np.testing.assert_array_equal(Noise(0.3)(batch, KEY, 10**6), Noise(0.3)(batch, KEY, 0))


def test_noise_takes_points() -> None:
    points = images(4000, 2)
    changed = Augment((Noise(0.5),)).apply({}, points, KEY, 0)
    assert isinstance(changed, Array) and changed.shape == points.shape
    normal(np.asarray(changed - points), 0.5)


# ADA's blits and geometry.


def test_flip_and_quarter_turns_by_hand() -> None:
    image = np.asarray(images(3, 3, 2))
    assert outcomes(repeated(Flip(), image, 50)) == outcomes(np.array([image, image[:, ::-1]]))
    turned = np.array([np.rot90(image, quarters) for quarters in range(4)])
    assert outcomes(repeated(Rotate90(), image, 100)) == outcomes(turned)


def test_shift_by_hand() -> None:
    image = np.asarray(images(5, 8, 1))
    padded = np.pad(image, ((1, 1), (2, 2), (0, 0)), mode="reflect")
    expected = [padded[y : y + 5, x : x + 8] for y, x in product(range(3), range(5))]
    changed = repeated(Shift(1 / 4), image, 1000)
    assert outcomes(changed) == outcomes(np.array(expected))
    # Rounded from a uniform number, whose last half pixel the largest shift gets.
    largest = np.mean([example.tobytes() in outcomes(np.array(expected[::5])) for example in changed])
    assert abs(largest - 1 / 8) < 4 * math.sqrt(7 / 64 / 1000)


def test_scale() -> None:
    found = slopes(repeated(Scale(), ramps(15), 2000))
    np.testing.assert_allclose(found[:, [0, 1], [1, 0]], 0, atol=1e-5)
    np.testing.assert_allclose(found[:, 0, 0], found[:, 1, 1], atol=1e-5)
    normal(np.log2(found[:, 0, 0]), 0.2)


def test_scale_by_hand(ones: None) -> None:
    row = jnp.array([[0.0, 1, 4, 9, 16]]).T
    image = jnp.broadcast_to(row[:, None], (5, 5, 1))
    # Twice as large around the third of five pixels.
    np.testing.assert_allclose(repeated(Scale(1.0), image, 1)[0, :, 0, 0], [1, 2.5, 4, 6.5, 9], rtol=1e-6)


def test_outside_is_the_reflection(ones: None) -> None:
    image = jnp.broadcast_to(jnp.array([0.0, 1, 4, 9, 16])[:, None, None], (5, 5, 1))
    # Down by two of five pixels: the edge itself is not repeated.
    np.testing.assert_allclose(
        repeated(FractionalShift(2 / 5), image, 1)[0, :, 0, 0], [4, 1, 0, 1, 4], atol=1e-5
    )


def test_rotation_is_rigid_and_uniform() -> None:
    found = slopes(repeated(Rotation(), ramps(7), 2000))
    np.testing.assert_allclose(
        found @ found.swapaxes(1, 2), np.broadcast_to(np.eye(2), found.shape), atol=1e-4
    )
    np.testing.assert_allclose(np.linalg.det(found), 1, atol=1e-4)
    uniform(np.arctan2(found[:, 0, 1], found[:, 0, 0]), -np.pi, np.pi)


def test_quarter_turn_by_interpolation(ones: None) -> None:
    image = images(5, 5, 3)
    turned = repeated(Rotation(90), image, 1)[0]
    assert any(np.allclose(turned, np.rot90(image, quarters), atol=1e-5) for quarters in (1, 3))


def test_stretch_keeps_the_area() -> None:
    found = slopes(repeated(Stretch(), ramps(15), 2000))
    np.testing.assert_allclose(found[:, [0, 1], [1, 0]], 0, atol=1e-5)
    np.testing.assert_allclose(found[:, 0, 0] * found[:, 1, 1], 1, atol=1e-4)
    normal(np.log2(found[:, 0, 0]), 0.2)


def test_drift() -> None:
    found = repeated(FractionalShift(1 / 20), ramps(21), 2000)[:, 10, 10]
    normal(found, 21 / 20)
    assert abs(np.corrcoef(found.T)[0, 1]) < 4 / math.sqrt(2000)


def test_images_of_one_pixel_are_refused() -> None:
    with pytest.raises(InputError, match="Scale: images must have at least 2 x 2 pixels; got 1 x 8"):
        Scale()(jnp.zeros((2, 1, 8, 3)), KEY, 0)


# ADA's colors.


def test_brightness_and_contrast() -> None:
    image = np.asarray(images(2, 2, 3))
    added = repeated(Brightness(), image, 2000) - image
    np.testing.assert_allclose(added, np.broadcast_to(added[:, :1, :1, :1], added.shape), atol=1e-6)
    normal(added[:, 0, 0, 0], 0.2)
    factor = repeated(Contrast(), image, 2000) / image
    np.testing.assert_allclose(factor, np.broadcast_to(factor[:, :1, :1, :1], factor.shape), rtol=1e-5)
    normal(np.log2(factor[:, 0, 0, 0]), 0.5)


def test_luma_by_hand() -> None:
    image = np.array([[[0.9, 0.3, 0.0]]], np.float32)  # 0.4 gray: it goes to -0.4, and the rest stays
    changed = repeated(Luma(), image, 50)[:, 0, 0]
    flipped = changed[:, 0] < 0.5
    assert 0 < flipped.sum() < 50
    np.testing.assert_allclose(
        changed[flipped], np.broadcast_to([0.1, -0.5, -0.8], (flipped.sum(), 3)), atol=1e-6
    )
    np.testing.assert_array_equal(changed[~flipped], np.broadcast_to(image[0], (50 - flipped.sum(), 3)))


def test_hue_turns_around_gray() -> None:
    image = np.asarray(images(3, 3, 3))
    gray = image.mean(axis=-1)
    changed = repeated(Hue(), image, 2000)
    np.testing.assert_allclose(changed.mean(axis=-1), np.broadcast_to(gray, changed.shape[:-1]), atol=1e-6)
    norm = np.linalg.norm(image, axis=-1)
    np.testing.assert_allclose(
        np.linalg.norm(changed, axis=-1), np.broadcast_to(norm, changed.shape[:-1]), atol=1e-5
    )
    before, after = (image - gray[..., None])[0, 0], (changed - gray[..., None])[:, 0, 0]
    aside = np.cross(np.ones(3) / math.sqrt(3), before)
    uniform(np.arctan2(after @ aside, after @ before), -np.pi, np.pi)


def test_a_third_of_a_turn_exchanges_the_colors(ones: None) -> None:
    image = images(2, 2, 3)
    np.testing.assert_allclose(repeated(Hue(120), image, 1)[0], np.roll(image, 1, axis=-1), atol=1e-6)


def test_saturation() -> None:
    image = np.asarray(images(2, 2, 3))
    gray = image.mean(axis=-1, keepdims=True)
    factor = (repeated(Saturation(), image, 2000) - gray) / (image - gray)
    np.testing.assert_allclose(factor, np.broadcast_to(factor[:, :1, :1, :1], factor.shape), rtol=1e-3)
    normal(np.log2(factor[:, 0, 0, 0]), 1.0)


@named("augmentation", [Brightness(), Contrast(), Luma(), Hue(), Saturation()])
def test_channels(augmentation: Augmentation) -> None:
    image = images(3, 3, 4)
    changed = repeated(augmentation, image, 20)
    np.testing.assert_array_equal(changed[..., 3], np.broadcast_to(image[..., 3], changed.shape[:-1]))
    np.testing.assert_allclose(changed[..., :3], repeated(augmentation, image[..., :3], 20), atol=1e-6)
    with pytest.raises(InputError, match="1, 3 or 4 channels; got 2"):
        augmentation(images(2, 3, 3, 2), KEY, 0)


def test_gray_images_have_no_hue() -> None:
    image = np.asarray(images(3, 3, 1))
    for augmentation in (Hue(), Saturation()):
        np.testing.assert_array_equal(repeated(augmentation, image, 5), np.broadcast_to(image, (5, 3, 3, 1)))
    assert outcomes(repeated(Luma(), image, 50)) == outcomes(np.array([image, -image]))
