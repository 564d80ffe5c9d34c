"""Statistics of real images, gathered once: a file for each, named by a hash of what it depends on."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gaxjax.data import Data
from gaxjax.data.folder import chosen_folder, image_files
from gaxjax.files import write_arrays
from gaxjax.metrics.frechet import Moments
from gaxjax.metrics.metric import Gathered
from gaxjax.plain import describe

FORMAT = 1
WHERE = {"directory", "workers", "memory"}
"""Fields of `Data` that do not change what the images are."""


def identity(data: Data, **more: Any) -> dict[str, Any]:
    """All that statistics of images depend on; of a folder, its files' names, sizes and times."""
    fields = {name: value for name, value in describe(data).items() if name not in WHERE}
    if data.name == "folder":
        folder = chosen_folder(data)
        files = ((path, (folder / path).stat()) for path in image_files(folder))
        listing = [[str(path), stat.st_size, stat.st_mtime_ns] for path, stat in files]
        fields["files"] = hashlib.sha256(json.dumps(listing).encode()).hexdigest()
    return {"format": FORMAT, "data": fields, **more}


def stored(key: dict[str, Any], make: Callable[[], Gathered], directory: Path | None = None) -> Gathered:
    """What was gathered before under this key, or what `make` gathers now; a damaged file is made again."""
    text = json.dumps(key, sort_keys=True)
    folder = directory or Path.home() / ".cache" / "gaxjax" / "statistics"
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"
    if path.exists():
        try:
            with np.load(io.BytesIO(path.read_bytes())) as arrays:
                return unpacked(dict(arrays))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            pass  # damaged
    gathered = make()
    write_arrays(path, {"key": np.array(text), **packed(gathered)})
    return gathered


def packed(gathered: Gathered) -> dict[str, np.ndarray]:
    """As arrays by name."""
    arrays = {f"array {name}": values for name, values in gathered.arrays.items()}
    if gathered.moments is not None:
        arrays |= {"mean": gathered.moments.mean, "scatter": gathered.moments.scatter}
    return {"count": np.array(gathered.count), **arrays}


def unpacked(arrays: dict[str, np.ndarray]) -> Gathered:
    """The inverse of `packed`."""
    count = int(arrays["count"])
    moments = Moments(count, arrays["mean"], arrays["scatter"]) if "mean" in arrays else None
    kept = {name.removeprefix("array "): x for name, x in arrays.items() if name.startswith("array ")}
    return Gathered(count, moments, kept)
