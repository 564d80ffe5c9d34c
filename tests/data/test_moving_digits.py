"""Moving digits: clips without end, each a function of its position, of digits that bounce."""

import numpy as np

from gaxjax.data import Data, Source, open_source, spec_of
from gaxjax.data.moving_digits import STEP, draw_clips, follow
from gaxjax.evaluation.stored import describe_data

SHAPE = (12, 32, 32, 1)


def open_digits(**options: object) -> Source:
    return open_source(Data("moving_digits", **{"shape": SHAPE, **options}))  # type: ignore[arg-type]


def test_a_clip_depends_on_seed_and_position_alone() -> None:
    source = open_digits()
    assert source.spec == spec_of(Data("moving_digits", SHAPE)) and source.classes is None
    assert len(source) == 1797 and not source.has_tables
    whole = source.take(np.arange(20), seed=4)["video"]
    assert whole.shape == (20, *SHAPE) and whole.dtype == np.uint8
    scattered = np.array([7, 19, 3, 4, 0])
    np.testing.assert_array_equal(source.take(scattered, seed=4)["video"], whole[scattered])
    for other in (source.take(np.arange(20), seed=5), source.take(np.arange(20))):
        assert (other["video"] != whole).any(axis=(1, 2, 3, 4)).all()
    # Longer clips begin as shorter ones, and a stride leaves frames out of them.
    longer = open_digits(shape=(23, *SHAPE[1:])).take(np.arange(20), seed=4)["video"]
    np.testing.assert_array_equal(longer[:, :12], whole)
    np.testing.assert_array_equal(open_digits(stride=2).take(np.arange(20), seed=4)["video"], longer[:, ::2])


def test_one_digit_is_its_label() -> None:
    """All of its frames show the same pixels, which are the digit's, somewhere else in each."""
    source = open_digits(digits=1, shape=(6, 32, 40, 3))
    assert source.classes == 10 and source.spec["label"].shape == ()
    batch = source.take(np.arange(300), seed=0)
    assert np.bincount(batch["label"]).min() > 10
    stored = open_source(Data("digits", (14, 14, 1)))
    of_label = {label: stored.take(np.flatnonzero(stored.labels == label))["image"] for label in range(10)}
    sums = batch["video"].astype(int).sum(axis=(2, 3))
    assert (sums == sums[:, :1, :1]).all()
    for label, total in zip(batch["label"].tolist(), sums[:, 0, 0].tolist(), strict=True):
        assert total in of_label[label].astype(int).sum(axis=(1, 2, 3))


def test_digits_bounce() -> None:
    """At one speed, in a straight line but for the borders, which are never passed."""
    generator = np.random.default_rng(0)
    paths = follow(generator.random((50, 2)), 2 * np.pi * generator.random(50), np.arange(60))
    assert paths.min() >= 0 and paths.max() <= 1 and paths.shape == (50, 60, 2)
    steps = np.abs(np.diff(paths, axis=1))
    away = (paths[:, :-1] > STEP) & (paths[:, :-1] < 1 - STEP)
    lengths = np.hypot(*np.moveaxis(steps, -1, 0))[away.all(axis=-1)]
    np.testing.assert_allclose(lengths, STEP, rtol=1e-9)
    ends = follow(np.array([[0.95, 0.5]]), np.array([np.pi / 2]), np.arange(3))
    np.testing.assert_allclose(ends[0, :, 0], [0.95, 0.95, 0.85], atol=1e-9)


def test_the_brighter_shows() -> None:
    images = np.zeros((1, 2, 2, 2), np.uint8)
    images[0, 0], images[0, 1] = 100, [[50, 200], [50, 200]]
    paths = np.array([[[[0.0, 0.0]], [[1.0, 0.5]]]])
    assert draw_clips(images, paths, (3, 4))[0, 0].tolist() == [
        [100, 100, 0, 0],
        [100, 100, 200, 0],
        [0, 50, 200, 0],
    ]


def test_numbers_say_how_many_digits_they_are_of() -> None:
    """Of one and of two, numbers are of other clips, and stand in no one column."""
    described = []
    for digits in (1, 2):
        data = Data("moving_digits", SHAPE, digits=digits, stride=2)
        described.append(describe_data(data, open_source(data), SHAPE))
    assert described == [f"moving_digits at 12x32x32x1 (crop, lanczos, stride 2, digits {n})" for n in (1, 2)]
