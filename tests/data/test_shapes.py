"""Shapes: what is drawn is what the factors say, and each factor shows."""

import itertools

import numpy as np
import pytest

from gaxjax.data import Data, Loader, Source, open_source, prepare, reduce_images, spec_of
from gaxjax.data.factors import factor_values
from gaxjax.data.loader import check_flip
from gaxjax.data.shapes import REACH, SIZES, TURN, colors_of, render_shapes
from gaxjax.errors import InputError

SIDE = 64
NAMES = list(SIZES)
MIDDLE = dict(shape=0.0, size=1.0, rotation=0.5, x=0.5, y=0.5, color=0.0, background=0.0)


def open_shapes(side: int = SIDE) -> Source:
    return open_source(Data("shapes", (side, side, 3)))


def draw(side: int = SIDE, **factors: float) -> np.ndarray:
    """One image, of red on dark gray unless told otherwise."""
    return render_shapes(np.array([list({**MIDDLE, **factors}.values())]), side)[0].astype(np.float64)


def coverage(image: np.ndarray) -> np.ndarray:
    """How much of each pixel a red object on dark gray has."""
    gray = image[0, 0, 0]
    return (image[..., 0] - gray) / (255 - gray)


def moments(cover: np.ndarray) -> tuple[float, float, float, float]:
    """Area in pixels, center (x to the right, y up, in halves of the image), angle of the long axis."""
    side = len(cover)
    x, y = (2 * np.arange(side) + 1) / side - 1, 1 - (2 * np.arange(side) + 1) / side
    area = cover.sum()
    cx, cy = (cover * x).sum() / area, (cover * y[:, None]).sum() / area
    dx, dy = x - cx, (y - cy)[:, None]
    sums = [(cover * product).sum() for product in (dx * dx, dy * dy, dx * dy)]
    return area, cx, cy, np.arctan2(2 * sums[2], sums[0] - sums[1]) / 2


def test_images_are_all_combinations_in_mixed_radix() -> None:
    """As many as the product of the values, the first factor the slowest, each from 0 to 1."""
    source = open_shapes(8)
    sizes = tuple(SIZES.values())
    assert len(source) == np.prod(sizes) == 110_592
    assert source.factor_names == tuple(NAMES) and source.factor_sizes == sizes
    levels = [np.linspace(0, 1, size) for size in sizes]
    first = np.array(list(itertools.islice(itertools.product(*levels), 500)))
    np.testing.assert_allclose(source.take(np.arange(500))["factors"], first, atol=1e-7)
    every = factor_values(np.arange(len(source)), sizes)
    digits = np.rint(every * (np.array(sizes) - 1)).astype(int)
    np.testing.assert_array_equal(np.ravel_multi_index(tuple(digits.T), sizes), np.arange(len(source)))
    np.testing.assert_array_equal(every[[0, -1]], [[0] * 7, [1] * 7])


def test_a_seed_is_an_order_of_all() -> None:
    source = open_shapes(8)
    assert source.spec == spec_of(Data("shapes", (8, 8, 3)))
    assert (source.spec["image"].shape, source.spec["factors"].shape) == ((8, 8, 3), (7,))
    batch = source.take(np.arange(2000), seed=1)
    assert (batch["image"].dtype, batch["factors"].dtype) == (np.uint8, np.float32)
    scattered = np.array([1500, 3, 4, 0])
    for name, values in source.take(scattered, seed=1).items():
        np.testing.assert_array_equal(values, batch[name][scattered])
    np.testing.assert_array_equal(batch["image"], render_shapes(batch["factors"], 8))
    assert abs(batch["factors"].mean() - 0.5) < 0.02  # of all, and not of the first two thousand
    with Loader(source, 4, 2, seed=1) as loader:
        loaded = next(loader)
    np.testing.assert_array_equal(loaded["factors"].reshape(8, 7), batch["factors"][:8])


@pytest.mark.parametrize("shape", [0.0, 0.5, 1.0])
def test_moments_say_what_was_drawn(shape: float) -> None:
    """Where the object is, how it is turned and how large, from its pixels alone."""
    for x, y, rotation in [(0.0, 0.0, 0.0), (1.0, 0.25, 0.3), (0.5, 1.0, 0.8)]:
        area, cx, cy, angle = moments(coverage(draw(shape=shape, x=x, y=y, rotation=rotation)))
        # A triangle's center of mass is a third of its height from the base, and its place is at the half.
        back = np.array([np.cos(TURN * rotation), np.sin(TURN * rotation)]) * 0.4 * 1.253 / 3 * (shape == 1)
        np.testing.assert_allclose((cx, cy), REACH * (2 * np.array([x, y]) - 1) - back, atol=0.005)
        np.testing.assert_allclose(angle, TURN * rotation, atol=0.02)
        # Half of the image's side is a unit: pi / 2 of the scale's square.
        assert area == pytest.approx(np.pi / 2 * (0.4 * SIDE / 2) ** 2, rel=0.02)
    smaller, *_ = moments(coverage(draw(shape=shape, size=0.0)))
    assert smaller == pytest.approx(np.pi / 2 * (0.2 * SIDE / 2) ** 2, rel=0.03)


def test_edges_are_antialiased() -> None:
    """Of a small image the mean of the pixels of a large one, nearly; and there are pixels in between."""
    large = coverage(draw(256, rotation=0.3)).reshape(32, 8, 32, 8).mean(axis=(1, 3))
    small = coverage(draw(32, rotation=0.3))
    assert np.abs(large - small).max() < 0.13 and np.abs(large - small).mean() < 0.004
    between = (small > 0.05) & (small < 0.95)
    assert 10 < between.sum() < 60


def test_colors_and_backgrounds() -> None:
    np.testing.assert_allclose(
        colors_of(np.array([0, 0.25, 0.5, 0.75, 1])),
        [[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1]],
        atol=1e-6,
    )
    blue = draw(color=1.0, background=1.0)
    assert blue[32, 32].tolist() == [0, 0, 255] and len(set(blue[0, 0])) == 1
    assert blue[0, 0, 0] > 2 * draw()[0, 0, 0]


def test_every_value_of_every_factor_is_another_picture() -> None:
    """No symmetry hides a rotation, and a whole object is in every picture, also at 32 pixels."""
    for side, least in ((64, 2.0), (32, 1.0)):
        for number, (name, size) in enumerate(SIZES.items()):
            for shape in (0.0, 0.5, 1.0):
                rows = np.tile(list({**MIDDLE, "shape": shape, "size": 0.0}.values()), (size, 1))
                rows[:, number] = np.linspace(0, 1, size)
                images = render_shapes(rows, side).astype(np.float64)
                for one, other in itertools.combinations(images, 2):
                    assert np.abs(one - other).max() > 25 and np.abs(one - other).sum() > least * 255, name
    ends = list(itertools.product((0, 0.5, 1), (1,), (0, 0.3, 0.5, 1), (0, 1), (0, 1), (0,), (0,)))
    for image in render_shapes(np.array(ends), SIDE).astype(np.float64):
        frame = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        assert np.ptp(frame) == 0


def test_smaller_images_keep_their_factors() -> None:
    source = reduce_images(open_shapes(16), (8, 8, 3))
    batch = source.take(np.arange(4), seed=0)
    assert batch["image"].shape == (4, 8, 8, 3) and source.factor_names == tuple(NAMES)
    np.testing.assert_array_equal(batch["factors"], open_shapes(16).take(np.arange(4), seed=0)["factors"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"shape": (64, 64, 1)}, r"use shape=\(64, 64, 3\), not \(64, 64, 1\)"),
        ({"shape": (64, 48, 3)}, "square images in color"),
        ({"split": "test"}, "one split, train, not 'test'"),
    ],
)
def test_what_it_does_not_have(fields: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_source(Data("shapes", **{"shape": (64, 64, 3), **fields}))  # type: ignore[arg-type]


def test_what_would_be_wrong_of_it() -> None:
    with pytest.raises(InputError, match="whose factors would be others then"):
        check_flip(open_shapes(8), flip=True)
    with pytest.raises(InputError, match="shapes needs no preparation"):
        prepare("shapes")
