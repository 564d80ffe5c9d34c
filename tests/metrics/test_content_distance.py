"""The average content distance: by hand, and beside a loop over pairs."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from gaxjax.errors import InputError
from gaxjax.evaluation.extractors import Extractors
from gaxjax.evaluation.gathering import extract, gather_statistics
from gaxjax.features import load_features
from gaxjax.metrics.catalog import METRICS
from gaxjax.metrics.content_distance import content_distance
from gaxjax.metrics.samples import Samples, Statistics
from gaxjax.parallel import make_mesh, state_sharding


def colors_of(clips: np.ndarray) -> Statistics:
    """What is kept of clips [n, T, H, W, C] in [-1, 1]."""
    needs = frozenset({"frame_colors"})
    whole = state_sharding(make_mesh())
    return gather_statistics(
        [(len(clips), extract({}, jnp.asarray(clips), None, None, "", None, needs, whole))], needs
    )


def test_distance_by_hand() -> None:
    """Two colors in turn, (0, 0, 0) and (30, 40, 0): of four frames 4 of 6 pairs differ, by 50."""
    turns = np.array([[[0, 0, 0], [30, 40, 0]] * 2], float)
    assert content_distance(turns) == pytest.approx([50 * 4 / 6])
    still = np.full((2, 7, 3), 17.3)
    np.testing.assert_array_equal(content_distance(still), [0, 0])
    # Of each clip, whatever the others are.
    np.testing.assert_allclose(content_distance(np.concatenate([turns, still[:, :4]])), [50 * 4 / 6, 0, 0])


def test_distance_of_clips_as_a_loop_has_it() -> None:
    """Of whole clips, through what is kept of them; the real ones' own beside it, of another length."""
    fake = np.random.default_rng(0).uniform(-1.1, 1.1, (5, 4, 6, 6, 3)).astype(np.float32)
    real = np.broadcast_to(fake[:3, :1], (3, 2, 6, 6, 3))
    samples = Samples(colors_of(real), colors_of(fake), Statistics(0), 0)
    found = METRICS["acd"].compute(samples)
    clips = ((fake.astype(np.float64) + 1) * 127.5).round().clip(0, 255)
    by_clip = [
        np.mean([np.linalg.norm(a.mean((0, 1)) - b.mean((0, 1))) for a, b in itertools.combinations(clip, 2)])
        for clip in clips
    ]
    assert list(found) == list(METRICS["acd"].values)
    assert found["acd"].value == pytest.approx(np.mean(by_clip), rel=1e-5)
    assert found["acd"].error == pytest.approx(np.std(by_clip) / 5**0.5, rel=1e-4)
    assert found["acd"].details == "4 frames" and found["acd_real"].details == "2 frames"
    assert found["acd_real"].value == 0


def test_features_that_do_not_fit() -> None:
    """Every pixel of many long clips: refused before any is read."""
    extractors = Extractors(load_features("pixels"), "pixels", None, None)
    with pytest.raises(InputError, match="pixels has 8,388,608 features of an image, and those of 500,000 "):
        extractors.check_features({"moments"}, (32, 512, 512, 1), 500_000, 10_000)


def test_what_is_refused() -> None:
    for colors in (np.zeros((2, 1, 3)), np.zeros((2, 3))):
        with pytest.raises(InputError, match=r"\[clips, frames, channels\], of 2 frames or more; got \(2, "):
            content_distance(colors)
    with pytest.raises(InputError, match="colors has values that are not finite"):
        content_distance(np.full((1, 2, 3), np.nan))
