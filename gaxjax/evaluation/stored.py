"""Statistics of real images, gathered once: a file for each, named by a hash of what it depends on."""

import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from gaxjax.data import Data, Source
from gaxjax.data.config import has_clips
from gaxjax.data.folder import folder_of_split
from gaxjax.data.listing import image_files
from gaxjax.data.movies import movie_suffixes
from gaxjax.data.moving_digits import SETS as MOVING
from gaxjax.data.named import find_builder
from gaxjax.data.points import DEFAULTS, Points
from gaxjax.data.shapes import NAME as SHAPES
from gaxjax.data.stacked import NAME as STACKED
from gaxjax.errors import InputError, summarize_error
from gaxjax.features.features import file_digest
from gaxjax.files import write_arrays
from gaxjax.metrics.frechet import Moments, Vectors
from gaxjax.metrics.samples import Statistics
from gaxjax.parallel.cache import cache_path
from gaxjax.recipe.serialization import NOT_PART_OF_EXAMPLES, describe

FORMAT = 2
LARGEST = 2**30
"""Bytes: of a file that is kept. What has more in it, vectors of many features, is as soon made again."""


def statistics_key(data: Data, **more: Any) -> dict[str, Any]:
    """All that statistics of images depend on: how they are read, and every byte of their files, in order.

    Names, sizes and times of files would not do: another set can have the same.
    """
    # How examples are read counts (size, crop, filter, split), where they lie and how fast they come does
    # not: a set that is moved, or read by more workers, keeps its statistics. Nor do labels.
    other = NOT_PART_OF_EXAMPLES | {"labeled", "labeled_seed", "labeled_share"}
    fields = {name: value for name, value in describe(data).items() if name not in other}
    # Hashing lets go of the interpreter, so threads share it out.
    with ThreadPoolExecutor(max(data.workers, 1)) as pool:
        digests = "".join(pool.map(file_digest, source_files(data)))
    fields["files"] = hashlib.sha256(digests.encode()).hexdigest()
    return {"format": FORMAT, "data": fields, **more}


def source_files(data: Data) -> list[Path]:
    """What images are read from: the files of a folder, or the shards of a split; none if they are made."""
    if data.name in DEFAULTS or data.name == SHAPES:
        return []
    if data.name == "folder":
        folder = folder_of_split(data)
        return [folder / path for path in image_files(folder, movie_suffixes(data))]
    name = {STACKED: "mnist", **MOVING}.get(data.name, data.name)
    builder = find_builder(name, data.directory) or find_builder(name, str(cache_path("datasets")))
    if builder is None:
        raise InputError(
            f"{data.name} is not where it was when it was opened: {data.directory or 'its default'}"
        )
    return [Path(path) for path in builder.info.splits[data.split].filepaths]


def load_or_make(
    key: dict[str, Any], make: Callable[[], Statistics], directory: Path | None = None
) -> Statistics:
    """What was gathered before under this key, or what `make` gathers now; a damaged file is made again."""
    # The key itself is stored in the file too, for whoever wonders what it is of.
    text = json.dumps(key, sort_keys=True)
    file = f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"
    path = directory / file if directory else cache_path("statistics", file)
    try:
        with np.load(io.BytesIO(path.read_bytes())) as arrays:
            return unpack_statistics(dict(arrays))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        pass  # not there yet, or damaged
    statistics = make()
    arrays = {"key": np.array(text), **pack_statistics(statistics)}
    if sum(array.nbytes for array in arrays.values()) <= LARGEST:
        try:
            write_arrays(path, arrays)
        except OSError as error:
            print(
                f"warning: statistics are not kept for the next time: {summarize_error(error)}",
                file=sys.stderr,
            )
    return statistics


def pack_statistics(statistics: Statistics) -> dict[str, np.ndarray]:
    """As arrays by name."""
    # The prefix keeps a need's name from being one of the file's own: count, mean, scatter, vectors, key.
    arrays = {f"array {name}": values for name, values in statistics.arrays.items()}
    if isinstance(statistics.moments, Vectors):
        arrays["vectors"] = statistics.moments.values
    elif statistics.moments is not None:
        arrays |= {"mean": statistics.moments.mean, "scatter": statistics.moments.scatter}
    return {"count": np.array(statistics.count), **arrays}


def unpack_statistics(arrays: dict[str, np.ndarray]) -> Statistics:
    """The inverse of `pack_statistics`."""
    count = int(arrays["count"])
    moments: Moments | Vectors | None = None
    if "vectors" in arrays:
        moments = Vectors(arrays["vectors"])
    elif "mean" in arrays:
        moments = Moments(count, arrays["mean"], arrays["scatter"])
    others = {name.removeprefix("array "): x for name, x in arrays.items() if name.startswith("array ")}
    return Statistics(count, moments, others)


def describe_data(data: Data, source: Source, shape: tuple[int, ...]) -> str:
    """What examples are compared with; of images, with how they were brought to size."""
    if isinstance(source, Points):
        gaussians = f"{source.classes} Gaussians, spread {source.spread:g}, deviation {source.deviation:g}"
        return f"{data.name} ({gaussians})"
    name = f"{data.name} and {data.domain_b}" if data.domain_b else data.name
    size = "x".join(str(n) for n in shape)
    if data.scale > 1:
        return f"{name} at {size} (centers, reduced {data.scale} times by Pillow's bicubic)"
    clips = f", stride {data.stride}" if has_clips(data) and data.stride > 1 else ""
    # How many are in a clip is what it is of: two digits drift apart where one cannot.
    digits = f", digits {data.digits}" if data.name in MOVING else ""
    return f"{name} at {size} ({data.fit}, {data.filter}{clips}{digits})"
