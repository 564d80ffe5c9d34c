"""Networks of clips: what two streams make together, at which sizes, and with how many parameters."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quick

from gaxjax.game import output_of
from gaxjax.networks import dcgan
from gaxjax.networks.video import Encoder, TwoStreams, compose

KEY = jax.random.key(5)
CLIPS = [(8, 8, 8, 1), (16, 32, 32, 3), (32, 64, 64, 3), (5, 7, 12, 3)]


def test_a_mask_chooses_between_the_streams() -> None:
    generator = np.random.default_rng(5)
    foreground: Any = generator.normal(size=(2, 3, 4, 5, 2))
    background: Any = generator.normal(size=(2, 4, 5, 2))
    mask: Any = np.zeros((2, 3, 4, 5, 1))
    for frame in range(3):
        np.testing.assert_array_equal(compose(mask, foreground, background)[:, frame], background)
    np.testing.assert_array_equal(compose(mask + 1, foreground, background), foreground)
    # One pixel of one frame, in all channels.
    mask[1, 2, 3, 0] = 1
    expected = np.repeat(background[:, None], 3, axis=1)
    expected[1, 2, 3, 0] = foreground[1, 2, 3, 0]
    np.testing.assert_array_equal(compose(mask, foreground, background), expected)


@pytest.mark.parametrize("shape", CLIPS)
def test_clips_of_any_size_are_made_and_judged(shape: tuple[int, int, int, int]) -> None:
    def run() -> Any:
        generator, discriminator = TwoStreams(shape, 2, 3), dcgan.Discriminator(2, 3)
        parts = generator.init_with_output(KEY, jnp.zeros((4, 6)))[0]
        alone = dcgan.Generator(shape, 2, 3).init_with_output(KEY, jnp.zeros((4, 6)))[0]
        codes = Encoder(2, 3).init_with_output(KEY, parts["video"][:, 0])[0]
        continued = generator.init_with_output(KEY, codes)[0]
        verdict = discriminator.init_with_output(KEY, alone)[0]
        return parts, continued, alone, output_of(verdict, "logits")

    parts, continued, alone, logits = jax.eval_shape(run)
    frames, *image = shape
    expected = {
        "background": (4, *image),
        "foreground": (4, *shape),
        "mask": (4, frames, *image[:2], 1),
        "video": (4, *shape),
    }
    assert {name: x.shape for name, x in parts.items()} == expected
    assert {name: x.shape for name, x in continued.items()} == expected
    assert (alone.shape, logits.shape) == ((4, *shape), (4,))


def test_what_two_streams_make() -> None:
    network = TwoStreams((3, 4, 4, 2), features=2, depth=1, deviation=0.5)
    parts = quick.run(lambda key: network.init_with_output(key, 3 * jnp.eye(2))[0], KEY)
    together = compose(parts["mask"], parts["foreground"], parts["background"])
    np.testing.assert_allclose(parts["video"], together, atol=1e-6)
    # Each in its range, and each with something in it.
    assert 0 < parts["mask"].min() < 0.5 < parts["mask"].max() < 1
    assert -1 < parts["foreground"].min() < 0 < parts["foreground"].max() < 1
    assert np.ptp(parts["foreground"], axis=1).max() > 0.01


def count(window: int, *widths: int, first: int = 0) -> int:
    """Numbers in kernels from width to width, where `first` is the window of the first if it is another."""
    windows = [first or window] + [window] * (len(widths) - 2)
    return sum(w * a * b for w, a, b in zip(windows, widths, widths[1:], strict=False))


NORMS = 2 * (512 + 256 + 128 + 64)
"""A scale and a shift for each channel of one of the paper's streams."""
STREAM = count(64, 100, 512, 256, 128, 64, 3 + 1, first=32) + NORMS + 4
WIDE = 2 * (512 + 256 + 128)


@pytest.mark.parametrize(
    ("network", "shape", "expected"),
    [
        (TwoStreams((32, 64, 64, 3)), (1, 100), count(16, 100, 512, 256, 128, 64, 3) + NORMS + 3 + STREAM),
        (dcgan.Generator((32, 64, 64, 4)), (1, 100), STREAM),
        (
            dcgan.Discriminator(),
            (1, 32, 64, 64, 3),
            count(64, 3, 64, 128, 256, 512) + 64 + WIDE + 512 * 32 + 1,
        ),
        # The conditional game's, which start from maps of 1,024 channels, spread over two frames.
        (
            TwoStreams((32, 64, 64, 3), features=128),
            (1, 4, 4, 1024),
            count(16, 1024, 512, 256, 128, 3)
            + WIDE
            + 3
            # The foreground's first kernel is of 2 x 1 x 1.
            + count(64, 1024, 1024, 512, 256, 128, 4, first=2)
            + WIDE
            + 2 * 1024
            + 4,
        ),
        (Encoder(), (1, 64, 64, 3), count(16, 3, 128, 256, 512, 1024) + 128 + 2 * (256 + 512 + 1024)),
    ],
)
def test_as_many_parameters_as_the_authors_networks_have(
    network: nn.Module, shape: tuple[int, ...], expected: int
) -> None:
    """But for biases that a norm takes away again, and one logit for their two."""
    variables = jax.eval_shape(lambda: network.init(KEY, jnp.zeros(shape)))
    assert sum(x.size for x in jax.tree.leaves(variables["params"])) == expected
