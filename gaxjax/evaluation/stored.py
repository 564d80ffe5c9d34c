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

from gaxjax.data import Data
from gaxjax.data.folder import chosen_folder, image_files
from gaxjax.data.named import find
from gaxjax.data.points import DEFAULTS
from gaxjax.data.stacked import NAME as STACKED
from gaxjax.errors import InputError, brief
from gaxjax.features.features import digest
from gaxjax.files import write_arrays
from gaxjax.metrics.frechet import Moments, Vectors
from gaxjax.metrics.metric import Gathered
from gaxjax.parallel.cache import cached
from gaxjax.recipe.serialization import NOT_PART_OF_EXAMPLES, describe

FORMAT = 2
LARGEST = 2**30
"""Bytes: of a file that is kept. What has more in it, vectors of many features, is as soon made again."""


def identity(data: Data, **more: Any) -> dict[str, Any]:
    """All that statistics of images depend on: how they are read, and every byte of their files, in order.

    Names, sizes and times of files would not do: another set can have the same.
    """
    fields = {name: value for name, value in describe(data).items() if name not in NOT_PART_OF_EXAMPLES}
    with ThreadPoolExecutor(max(data.workers, 1)) as pool:
        digests = "".join(pool.map(digest, files_of(data)))
    fields["files"] = hashlib.sha256(digests.encode()).hexdigest()
    return {"format": FORMAT, "data": fields, **more}


def files_of(data: Data) -> list[Path]:
    """What images are read from: the files of a folder, or the shards that a split is in; none for points."""
    if data.name in DEFAULTS:
        return []
    if data.name == "folder":
        folder = chosen_folder(data)
        return [folder / path for path in image_files(folder)]
    name = "mnist" if data.name == STACKED else data.name
    builder = find(name, data.directory) or find(name, str(cached("datasets")))
    if builder is None:
        raise InputError(
            f"{data.name} is not where it was when it was opened: {data.directory or 'its default'}"
        )
    return [Path(path) for path in builder.info.splits[data.split].filepaths]


def stored(key: dict[str, Any], make: Callable[[], Gathered], directory: Path | None = None) -> Gathered:
    """What was gathered before under this key, or what `make` gathers now; a damaged file is made again."""
    text = json.dumps(key, sort_keys=True)
    file = f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"
    path = directory / file if directory else cached("statistics", file)
    try:
        with np.load(io.BytesIO(path.read_bytes())) as arrays:
            return unpacked(dict(arrays))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        pass  # not there yet, or damaged
    gathered = make()
    arrays = {"key": np.array(text), **packed(gathered)}
    if sum(array.nbytes for array in arrays.values()) <= LARGEST:
        try:
            write_arrays(path, arrays)
        except OSError as error:
            print(f"warning: statistics are not kept for the next time: {brief(error)}", file=sys.stderr)
    return gathered


def packed(gathered: Gathered) -> dict[str, np.ndarray]:
    """As arrays by name."""
    arrays = {f"array {name}": values for name, values in gathered.arrays.items()}
    if isinstance(gathered.moments, Vectors):
        arrays["vectors"] = gathered.moments.values
    elif gathered.moments is not None:
        arrays |= {"mean": gathered.moments.mean, "scatter": gathered.moments.scatter}
    return {"count": np.array(gathered.count), **arrays}


def unpacked(arrays: dict[str, np.ndarray]) -> Gathered:
    """The inverse of `packed`."""
    count = int(arrays["count"])
    moments: Moments | Vectors | None = None
    if "vectors" in arrays:
        moments = Vectors(arrays["vectors"])
    elif "mean" in arrays:
        moments = Moments(count, arrays["mean"], arrays["scatter"])
    kept = {name.removeprefix("array "): x for name, x in arrays.items() if name.startswith("array ")}
    return Gathered(count, moments, kept)
