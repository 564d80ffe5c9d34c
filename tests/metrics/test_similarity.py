"""PSNR, SSIM and MS-SSIM against float64 and scikit-image."""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaxjax.errors import InputError
from gaxjax.metrics import pairs
from gaxjax.metrics.samples import Samples, Statistics
from gaxjax.metrics.similarity import class_diversity, diversity, luma, ms_ssim, psnr, ssim


def pictures(shape: tuple[int, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Smooth bytes and noisy ones of the same, with flat and saturated places."""
    random = np.random.default_rng(seed)
    batch, height, width, channels = shape
    y, x = np.mgrid[:height, :width] / 16
    phases = random.uniform(0, 6, (2, batch, 1, 1, channels))
    smooth = 200 + 120 * np.sin(y[None, :, :, None] + phases[0]) * np.cos(x[None, :, :, None] + phases[1])
    noise = random.normal(size=shape) * np.linspace(1, 60, batch)[:, None, None, None]
    return tuple(np.clip(values, 0, 255).astype(np.uint8) for values in (smooth, smooth + noise))


def compare(a: np.ndarray, b: np.ndarray, peak: float) -> tuple[float, float]:
    """SSIM and its part without the luminance, of one channel, by sums over whole windows in float64."""
    size = min(11, *a.shape)
    offsets = np.arange(size) - (size - 1) / 2
    squares = offsets[:, None] ** 2 + offsets[None] ** 2
    window = np.exp(-squares / (2 * (1.5 * size / 11) ** 2))
    window /= window.sum()
    views = [np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), (size, size)) for x in (a, b)]
    means = [np.sum(view * window, axis=(2, 3)) for view in views]
    apart = [view - mean[:, :, None, None] for view, mean in zip(views, means, strict=True)]
    variances = [np.sum(values**2 * window, axis=(2, 3)) for values in apart]
    covariance = np.sum(apart[0] * apart[1] * window, axis=(2, 3))
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    contrast = (2 * covariance + c2) / (variances[0] + variances[1] + c2)
    luminance = (2 * means[0] * means[1] + c1) / (means[0] ** 2 + means[1] ** 2 + c1)
    return float(np.mean(luminance * contrast)), float(np.mean(contrast))


def multi_scale(a: np.ndarray, b: np.ndarray) -> float:
    """MS-SSIM of one pair [height, width, channels], scale by scale."""
    a, b, value = a.astype(np.float64), b.astype(np.float64), 1.0
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        both = np.mean([compare(a[..., c], b[..., c], 255) for c in range(a.shape[2])], axis=0)
        value *= max(both[0 if scale == 4 else 1], 0) ** weight
        a, b = (
            np.mean([x[i::2, j::2][: len(x) // 2, : x.shape[1] // 2] for i in (0, 1) for j in (0, 1)], axis=0)
            for x in (a, b)
        )
    return value


@pytest.fixture(scope="module")
def metrics() -> Any:
    """scikit-image's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("skimage.metrics")


@pytest.mark.usefixtures("float64")
def test_psnr() -> None:
    a, b = pictures((3, 20, 24, 3), seed=0)
    mean = np.mean((a.astype(np.float64) - b) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(psnr(a, b, 255), 10 * np.log10(255**2 / mean), rtol=1e-9)
    assert np.isposinf(psnr(a, a, 255)).all()


@pytest.mark.usefixtures("float64")
def test_psnr_and_ssim_of_luma_without_borders() -> None:
    a, b = pictures((3, 20, 24, 3), seed=0)
    a, b = a.astype(np.uint8), b.astype(np.uint8)
    weights = np.array([65.481, 128.553, 24.966]) / 255
    y = [16 + (x[:, 4:-4, 4:-4].astype(np.float64) * weights).sum(axis=-1) for x in (a, b)]
    samples = Samples(
        Statistics(3, arrays={"images": a}), Statistics(3, arrays={"images": b}), Statistics(0), 0, border=4
    )
    each = 10 * np.log10(255**2 / np.mean((y[0] - y[1]) ** 2, axis=(1, 2)))
    found = pairs.compare_luma("psnr")(samples)
    assert set(found) == {"psnr_y"}
    expected = (np.mean(each), np.std(each) / np.sqrt(3))
    np.testing.assert_allclose(found["psnr_y"][:2], expected, rtol=1e-9)
    found = pairs.compare_luma("ssim")(samples)
    np.testing.assert_allclose(found["ssim_y"].value, np.mean(ssim(y[0][..., None], y[1][..., None], 255)))
    gray = luma(np.array([[[[0], [255]]]]))
    np.testing.assert_allclose(gray[0, 0, :, 0], [16, 235])
    with pytest.raises(InputError, match=r"larger than two borders of 10; got \(20, 24, 3\)"):
        luma(a, 10)


def test_perceptual_is_the_mean_squared_distance_of_pairs() -> None:
    sides = [
        Statistics(2, arrays={"vectors": np.array(x, np.float32)})
        for x in ([[0, 0], [1, 1]], [[3, 4], [1, 2]])
    ]
    found = pairs.compare_vectors(Samples(*sides, Statistics(0), 0))["perceptual"]
    np.testing.assert_allclose(found[:2], [13, 12 / np.sqrt(2)])


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("shape", [(2, 11, 11, 1), (2, 20, 33, 3)])
def test_ssim(shape: tuple[int, ...]) -> None:
    a, b = pictures(shape, seed=1)
    expected = [
        np.mean([compare(x[..., c], y[..., c], 255)[0] for c in range(shape[3])])
        for x, y in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(ssim(jnp.asarray(a), b, 255), expected, rtol=1e-9)
    np.testing.assert_allclose(ssim(a, a, 255), 1, rtol=1e-9)
    # of other units
    np.testing.assert_allclose(ssim(a / 255, b / 255, 1), expected, rtol=1e-9)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("channels", [1, 3])
def test_agrees_with_scikit_image(channels: int, metrics: Any) -> None:
    a, b = pictures((4, 40, 52, channels), seed=2)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    exact = [values.astype(np.float64) for values in (a, b)]
    expected = [
        metrics.structural_similarity(x, y, channel_axis=-1, **options) for x, y in zip(*exact, strict=True)
    ]
    assert min(expected) < 0.5 < 0.9 < max(expected)
    np.testing.assert_allclose(ssim(a, b, 255), expected, rtol=1e-9)
    expected = [metrics.peak_signal_noise_ratio(x, y, data_range=255) for x, y in zip(*exact, strict=True)]
    np.testing.assert_allclose(psnr(a, b, 255), expected, rtol=1e-9)


def test_float32_is_as_fine_as_what_is_shown() -> None:
    """In flat places a variance is a difference of squares up to 2e4, beside a constant of 59."""
    a, b = pictures((4, 40, 52, 1), seed=2)
    found = [np.asarray(measure(a, b, 255)) for measure in (ssim, psnr)]
    with jax.enable_x64(True):
        exact = [np.asarray(measure(a, b, 255)) for measure in (ssim, psnr)]
    np.testing.assert_allclose(found[0], exact[0], rtol=0, atol=1e-4)
    np.testing.assert_allclose(found[1], exact[1], rtol=0, atol=1e-3)  # decibels
    assert {x.dtype for x in found} == {np.dtype(np.float32)}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("shape", [(2, 16, 16, 1), (2, 37, 50, 3), (1, 176, 176, 1)])
def test_ms_ssim(shape: tuple[int, ...]) -> None:
    a, b = pictures(shape, seed=3)
    expected = [multi_scale(x, y) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(ms_ssim(a, b), expected, rtol=1e-9)
    np.testing.assert_allclose(ms_ssim(a, a), 1, rtol=1e-9)


def test_ms_ssim_of_opposites_is_zero() -> None:
    a, _ = pictures((1, 32, 32, 1), seed=4)
    assert ms_ssim(a, 255 - a) == 0


@pytest.mark.usefixtures("float64")
def test_diversity() -> None:
    # A pair of black and white images is the same image twice, or as unlike at all scales as these are.
    colors = np.array([0, 0, 0, 255, 255, 255], np.uint8)[:, None, None, None]
    images = np.tile(colors, (1, 16, 16, 1))
    apart = float(ms_ssim(images[:3], images[3:])[0])
    assert apart < 0.4
    assert diversity(images[:3], pairs=3) == pytest.approx(1)
    assert diversity(images[2:4], pairs=3) == pytest.approx(apart)
    # Three of the five others are unlike.
    assert diversity(images, pairs=2000) == pytest.approx(0.4 + 0.6 * apart, abs=0.04)
    # Three pairs of all six: one or three of them are unlike, and none is of an image and itself.
    found = {round(diversity(images, pairs=3, seed=seed), 4) for seed in range(8)}
    assert found == {round((2 + apart) / 3, 4), round(apart, 4)}


@pytest.mark.usefixtures("float64")
def test_diversity_is_the_mean_over_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    images, _ = pictures((15, 16, 16, 1), seed=5)
    monkeypatch.setattr("gaxjax.metrics.similarity.BLOCK", 4 * 16 * 16)
    first, second = np.random.default_rng(6).permutation(15)[:14].reshape(2, 7)
    parts = [ms_ssim(images[first[part]], images[second[part]]) for part in (slice(4), slice(4, 7))]
    expected = np.mean(np.concatenate(parts))
    assert diversity(jnp.asarray(images), pairs=7, seed=6) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: ssim(x[0], x[0], 1), r"a must have shape \[batch, height, width, channels\]"),
        (lambda x: psnr(x, x[:1], 1), r"a \(2, 12, 20, 1\) and b \(1, 12, 20, 1\)"),
        (lambda x: psnr(x, x, 0), "peak .* got 0"),
        (lambda x: ssim(x[:, :10], x[:, :10], 1), "at least 11; got 10 x 20"),
        (lambda x: ms_ssim(x, x), "at least 16 for 5 scales; got 12 x 20"),
        (lambda x: diversity(x - 2), r"\[0, 255\]; got values from -1 to -1"),
        (lambda x: diversity(300 * x), r"got values from 300 to 300"),
        (lambda x: diversity(x * np.nan), "images has values that are not finite"),
        (lambda x: diversity(x[:1]), "got 1 images"),
        (lambda x: diversity(x, pairs=0), "pairs=0"),
        (lambda x: class_diversity(x, np.array([4, 7])), "within class 4, 7 need 2 images of it"),
    ],
)
def test_refuses(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(np.ones((2, 12, 20, 1)))  # type: ignore[operator]
