"""What a checkpoint must hold: type, shape and CRC-32 of each array, taken when saved, found on the disk.

The store of arrays checks its own tables and not the arrays, so that a flipped bit comes back as a number.
"""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gaxjax import parallel
from gaxjax.errors import summarize_error
from gaxjax.runs.bucket import store_spec
from gaxjax.transforms import leaves_by_path

Tree = Any
Row = tuple[str, tuple[int, ...], int]
"""Type, shape and CRC-32."""
ARRAYS, SEAL = "arrays", "crc32"
"""The fields that `seal` adds."""


def rows(tree: Tree) -> dict[str, Row]:
    """A row for each array by its name in the store, "0.params.painter.Dense_0.kernel".

    The same on any number of devices and processes, all of which must ask. About a second for each GB.
    """
    return {name: row(to_host(leaf)) for name, leaf in leaves_by_name(tree).items()}


def leaves_by_name(tree: Tree) -> dict[str, Any]:
    """The leaves of a tree by the names that orbax gives them."""
    return {".".join(path): leaf for path, leaf in leaves_by_path(tree).items()}


def display_name(name: str) -> str:
    """A name as messages have it.

    >>> display_name("0.stats.gray.mean")
    '0/stats/gray/mean'
    """
    return name.replace(".", "/")


def row(array: np.ndarray) -> Row:
    """Of an array, in whatever order its memory is.

    >>> row(np.zeros((2, 3), np.float32))
    ('float32', (2, 3), 2747386400)
    """
    content = np.ascontiguousarray(array)  # with at least one axis
    return str(array.dtype), tuple(array.shape), zlib.crc32(content.view(np.uint8).data)


def to_host(array: Any) -> np.ndarray:
    """An array that may be spread over devices and processes, on the host."""
    if not isinstance(array, jax.Array):
        return np.asarray(array)
    if array.is_fully_replicated:
        # Not `array` itself: it would keep what was read of it, and could then not be donated.
        return np.asarray(array.addressable_data(0))
    return np.asarray(parallel.fetch(array))


def seal(meta: Mapping[str, Any], rows: Mapping[str, Row]) -> dict[str, Any]:
    """Plain values with the rows of the arrays beside them, and with a CRC-32 of all that."""
    content = {**meta, ARRAYS: rows}
    return {**content, SEAL: crc32_of(content)}


def unseal(content: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Row] | None]:
    """What was sealed; no rows: it was written before there were any. ValueError where it has changed."""
    meta = {name: value for name, value in content.items() if name not in (ARRAYS, SEAL)}
    # Neither: it is older than both. One of the two without the other is damage.
    if not content.keys() & {ARRAYS, SEAL}:
        return meta, None
    if content.get(SEAL) != crc32_of({name: value for name, value in content.items() if name != SEAL}):
        raise ValueError("its list of arrays is not as it was written")
    rows = {name: (kind, tuple(shape), crc) for name, (kind, shape, crc) in content[ARRAYS].items()}
    return meta, rows


def crc32_of(content: Mapping[str, Any]) -> int:
    """Of plain values, as JSON has them."""
    # Sorted, so that it does not depend on the order in which a store gives the fields back.
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


def check_arrays(folder: Path, expected: Mapping[str, Row] | None) -> None:
    """Reads every array in a folder that orbax has written; ValueError names the first that has changed.

    One after the other, so that it takes no more memory than the largest. Without rows to expect, whether
    all can be read is all that can be said. Errors of the file system are passed on.
    """
    import tensorstore

    store = tensorstore.KvStore.open({"driver": "ocdbt", "base": store_spec(folder)}).result()
    keys = store.list().result()
    if not keys:
        raise ValueError("its table of arrays is missing")
    if expected is None:
        for key in keys:
            if store.read(key).result().state != "value":
                raise ValueError(f"{key.decode()} is missing")
        return
    # All are opened at once, which reads a few lines each; then their content comes one by one.
    futures = {
        name: tensorstore.open({"driver": "zarr"}, kvstore=store / f"{name}/", read=True) for name in expected
    }
    for name, array in futures.items():
        try:
            actual = row(array.result().read().result())
        except ValueError as error:
            raise ValueError(f"{display_name(name)}: {summarize_error(error)}") from error
        if actual != expected[name]:
            raise ValueError(f"{display_name(name)} is not as it was saved")
