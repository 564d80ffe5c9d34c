"""ProGAN's sliced Wasserstein distance against a loop over its definition, and differences that are known."""

import jax.numpy as jnp
import numpy as np
import pytest

from gaxjax.errors import InputError
from gaxjax.metrics.sliced import laplacian_pyramid, sliced_wasserstein

KERNEL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


def noise(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def mirror(index: int, size: int) -> int:
    index = abs(index)
    return 2 * (size - 1) - index if index >= size else index


def blur(plane: np.ndarray) -> np.ndarray:
    """By sums over 5x5 places, mirrored at the border without repeating it."""
    size = len(plane)
    places = [[mirror(i + d, size) for d in range(-2, 3)] for i in range(size)]
    return np.array(
        [[np.sum(KERNEL * plane[np.ix_(rows, columns)]) for columns in places] for rows in places]
    )


def pyramid(image: np.ndarray, levels: int) -> list[np.ndarray]:
    """Of one image, in float64: [channels, side, side] at each level."""
    planes, result = np.moveaxis(image.astype(np.float64), -1, 0), []
    for _ in range(levels - 1):
        small = np.array([blur(plane)[::2, ::2] for plane in planes])
        spread = np.zeros_like(planes)
        spread[:, ::2, ::2] = small
        result.append(planes - np.array([4 * blur(plane) for plane in spread]))
        planes = small
    return [*result, planes]


def reference(real: np.ndarray, fake: np.ndarray, seed: int, patches: int) -> list[float]:
    """Patch by patch and direction by direction, drawn in the order of the implementation."""
    random = np.random.default_rng(seed)
    levels = 2
    pyramids = [[pyramid(image, levels) for image in images] for images in (real, fake)]
    result = []
    for level in range(levels):
        sets = []
        for images in pyramids:
            side = images[0][level].shape[1]
            rows, columns = random.integers(0, side - 6, (2, len(images), patches))
            found = [
                image[level][:, row : row + 7, column : column + 7]
                for image, rs, cs in zip(images, rows, columns, strict=True)
                for row, column in zip(rs, cs, strict=True)
            ]
            channels = np.moveaxis(np.array(found), 1, 0)
            sets.append([(channel - channel.mean()) / channel.std() for channel in channels])
        normals = [random.standard_normal((128, 49 * len(sets[0]))) for _ in range(4)]
        differences = []
        for normal in np.concatenate(normals):
            unit = (normal / np.sqrt(np.sum(normal**2))).reshape(-1, 7, 7)
            along = [sum(np.tensordot(c, u, axes=2) for c, u in zip(s, unit, strict=True)) for s in sets]
            differences.append(np.mean(np.abs(np.sort(along[0]) - np.sort(along[1]))))
        result.append(1000 * float(np.mean(differences)))
    return result


@pytest.mark.parametrize("channels", [1, 3])
def test_pyramid(channels: int) -> None:
    images = noise((1, 32, 32, channels), seed=0)
    found = laplacian_pyramid(images, 2)
    for ours, expected in zip(found, pyramid(images[0], 2), strict=True):
        np.testing.assert_allclose(np.moveaxis(ours[0], -1, 0), expected, atol=1e-4)


def test_pyramid_agrees_with_scipy() -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    images = noise((2, 64, 64, 3), seed=1)
    fine = images.astype(np.float64)
    kernel = KERNEL[None, :, :, None]
    coarse = ndimage.convolve(fine, kernel, mode="mirror")[:, ::2, ::2]
    spread = np.zeros_like(fine)
    spread[:, ::2, ::2] = coarse
    found = laplacian_pyramid(images, 2)
    np.testing.assert_allclose(
        found[0], fine - ndimage.convolve(spread, 4 * kernel, mode="mirror"), atol=1e-4
    )
    np.testing.assert_allclose(found[1], coarse, atol=1e-4)


@pytest.mark.parametrize("channels", [1, 3])
def test_agrees_with_the_definition(channels: int) -> None:
    real, fake = noise((3, 32, 32, channels), seed=2), noise((3, 32, 32, channels), seed=3) // 2
    fake[:, 8:24, 8:24] = 255
    found = sliced_wasserstein(jnp.asarray(real), fake, seed=4, patches=20)
    assert list(found) == [32, 16]
    assert list(found.values()) == pytest.approx(reference(real, fake, 4, patches=20), rel=1e-4)


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = noise((5, 16, 16, 1), seed=5), noise((5, 16, 16, 1), seed=6)
    whole = sliced_wasserstein(real, fake, seed=0, patches=8)
    monkeypatch.setattr("gaxjax.metrics.sliced.BLOCK", 2)
    monkeypatch.setattr("gaxjax.metrics.sliced.CHUNK", 100)
    assert sliced_wasserstein(real, fake, seed=0, patches=8) == pytest.approx(whole, rel=1e-5)


def test_only_the_level_that_differs() -> None:
    # A checkerboard is in the finest level alone, and there is noise at all levels.
    real, fake, other = (noise((64, 64, 64, 1), seed=seed) // 4 + 64.0 for seed in (7, 8, 9))
    y, x = np.indices((64, 64))
    fake += 60 * np.where((y + x) % 2, 1, -1)[None, :, :, None]
    floor = sliced_wasserstein(real, other, seed=1, patches=32, repeats=1)
    found = sliced_wasserstein(real, fake, seed=1, patches=32, repeats=1)
    assert list(found) == [64, 32, 16]
    assert found[64] > 5 * floor[64]
    assert found[32] == pytest.approx(floor[32], rel=0.5) and found[16] == pytest.approx(floor[16], rel=0.5)


def test_units_do_not_matter() -> None:
    # Patches are normalized per channel.
    real, fake = noise((4, 16, 16, 3), seed=10), noise((4, 16, 16, 3), seed=11)
    scaled = real * np.array([0.5, 0.25, 1.0]) + np.array([10.0, 100.0, 0.0])
    expected = sliced_wasserstein(real, fake, patches=8)
    assert sliced_wasserstein(scaled, fake, patches=8) == pytest.approx(expected, rel=1e-4)


def test_one_level_where_a_half_would_be_too_small() -> None:
    assert list(sliced_wasserstein(noise((2, 28, 28, 1), 12), noise((2, 28, 28, 1), 13), patches=4)) == [28]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: sliced_wasserstein(x, x[:1]), r"real \(2, 16, 16, 1\) and fake \(1, 16, 16, 1\)"),
        (lambda x: sliced_wasserstein(x[..., 0], x[..., 0]), "real must have shape"),
        (
            lambda x: sliced_wasserstein(x[:, :15, :15], x[:, :15, :15]),
            "at least 16 pixels a side; got 15 x 15",
        ),
        (lambda x: sliced_wasserstein(x[:, :8], x[:, :8]), "square, .* got 8 x 16"),
        (lambda x: sliced_wasserstein(x, -x), r"fake must be images in \[0, 255\]; got values from -1 to -1"),
        (lambda x: sliced_wasserstein(x * np.nan, x), "real has values that are not finite"),
        (lambda x: sliced_wasserstein(x, x, patches=0), "got 0, 4 and 128"),
    ],
)
def test_refuses(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(np.ones((2, 16, 16, 1)))  # type: ignore[operator]
