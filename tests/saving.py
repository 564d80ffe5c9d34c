"""Checkpoints of a small tree, without a run; and reading as a user who is not root."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gaxjax import parallel
from gaxjax.runs.checkpoint import Checkpoints

TREE = {
    "kernel": jax.random.normal(jax.random.key(0), (40, 40)),
    "bias": jnp.zeros(7, jnp.bfloat16),
    "step": jnp.int32(3),
}
LIKE = parallel.with_sharding(TREE, parallel.state_sharding(parallel.make_mesh()))
NOBODY = 65534


def save(folder: Path, *steps: int) -> None:
    """Saves the tree at these steps; the steps are in it."""
    with Checkpoints(folder) as checkpoints:
        for step in steps:
            checkpoints.save(step, TREE | {"step": jnp.int32(step)}, {"stage": 0, "step": step})


def newest(folder: Path, writable: bool = True, **options: Any) -> int | None:
    """The step of the newest good one, once its arrays are found to be those that were saved."""
    with Checkpoints(folder, writable=writable) as checkpoints:
        found = checkpoints.load_newest(
            lambda step: (checkpoints.meta(step), checkpoints.restore(step, LIKE)), **options
        )
    if found is None:
        return None
    meta, tree = found
    for name in ("kernel", "bias"):
        np.testing.assert_array_equal(np.asarray(tree[name]), np.asarray(TREE[name]))
    assert meta == {"stage": 0, "step": int(tree["step"])}
    return int(tree["step"])


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextlib.contextmanager
def open_to_all() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def not_root() -> Iterator[None]:
    """Permissions hold, as they do not for root; nor may Python's own modules be readable."""
    import grp  # noqa: F401  which orbax's paths would import
    import pwd  # noqa: F401

    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)
