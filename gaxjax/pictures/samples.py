"""Samples of a game as pictures: images, clips, or points with what is said of the places around them."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gaxjax.errors import InputError
from gaxjax.files.places import as_path
from gaxjax.pictures.clips import clip_files, draw_clips, import_video
from gaxjax.pictures.images import (
    enlarge_small,
    match_channels,
    plot_points,
    save_image,
    tile_images,
    to_uint8,
)

FILMS = (".gif", ".mp4")
"""Files that move, besides a PNG of strips."""


def draw_samples(
    samples: Any,
    path: Path | str,
    real: Any = None,
    verdict: Mapping[str, Any] | None = None,
    columns: int = 0,
) -> Path:
    """Writes a picture of fakes: images [n, H, W, C], clips [n, T, H, W, C], both by name, points [n, D].

    Of clips a film too, beside it (`clips.draw_clips`). Returns the path. InputError where its ending is not
    that of a picture of such samples.

    columns: of images [n, H, W, C], or of a film; 0: as many as make it as near a square as can be.

    Points are drawn over `real`, in the same shape, and with what the discriminator says of the places around
    those (`point_plots.probe_points`), [N] by name.
    """
    path = as_path(path)
    # Whoever can tell earlier, by shapes, has asked before: this is for calls from elsewhere.
    check_path(path, samples)
    if has_clips(samples):
        return draw_clips(list(samples_by_name(samples).values()), path, columns)
    if isinstance(samples, dict):
        # A row for each example: its images by name (a, fake_b, ...) side by side, as [n, H, names * W, C].
        rows = np.concatenate(match_channels(enlarge_small(map(to_uint8, samples.values()))), axis=2)
        # As near a square as can be in whole rows, which are as many times wider as there are names.
        return save_image(tile_images(rows, columns=max(1, round(math.sqrt(len(rows)) / len(samples)))), path)
    samples = np.asarray(samples)
    if samples.ndim == 2:
        return plot_points(samples, path, None if real is None else np.asarray(real), verdict)
    return save_image(tile_images(to_uint8(samples), columns), path)


def samples_by_name(samples: Any) -> dict[str, Any]:
    """Arrays by name; a single one has none."""
    return samples if isinstance(samples, dict) else {"": samples}


def sample_files(samples: Any, path: Path) -> list[Path]:
    """The files that `draw_samples` writes; shapes will do."""
    return clip_files(path) if has_clips(samples) else [path]


def has_clips(samples: Any) -> bool:
    """Whether any of what was sampled are clips; shapes will do."""
    # By their axes: what was sampled comes without a spec of the data's names.
    return any(len(np.shape(x)) == 5 for x in samples_by_name(samples).values())


def check_path(path: Path, samples: Any) -> None:
    """InputError for a file that samples cannot be drawn to; shapes will do."""
    if not has_clips(samples):
        if path.suffix in FILMS:
            raise InputError(f"{path} is to be a film, and these samples are no clips: end its name in .png")
    elif path.suffix not in (".png", *FILMS):
        raise InputError(f"{path} is to be of clips: end its name in .png, .gif or .mp4")
    elif path.suffix == ".mp4":
        import_video()  # which refuses it where a package is missing
