"""Checkpoints: a tree of arrays and a few plain values, saved whole or not at all. Orbax does the work."""

import logging
import shutil
from pathlib import Path
from typing import Any

import jax

from gaxjax.errors import InputError
from gaxjax.transforms import leaves_by_path

Tree = Any


class Checkpoints:
    """The checkpoints of a run, in a directory of their own, numbered by step."""

    def __init__(self, directory: Path, keep: int = 2):
        import orbax.checkpoint as ocp

        logging.getLogger("absl").setLevel(logging.ERROR)  # orbax tells every save in ten lines
        self._args = ocp.args
        options = ocp.CheckpointManagerOptions(max_to_keep=max(keep, 2), step_format_fixed_length=9)
        handlers = {"state": ocp.StandardCheckpointHandler(), "meta": ocp.JsonCheckpointHandler()}
        self._manager = ocp.CheckpointManager(directory.absolute(), options=options, item_handlers=handlers)

    def latest(self) -> int | None:
        """The newest step that was saved, if any."""
        return self._manager.latest_step()

    def save(self, step: int, state: Tree, meta: dict[str, Any]) -> None:
        """Saves in the background, once the arrays are copied; a step that is there stays as it is.

        Raises InputError where the disk refuses.
        """
        if step in self._manager.all_steps():
            return
        items = self._args.Composite(state=self._args.StandardSave(state), meta=self._args.JsonSave(meta))
        try:
            self._manager.save(step, args=items, force=True)
        except (OSError, ValueError) as error:
            raise self._unwritable(error) from error

    def wait(self) -> None:
        """Until what was begun is on the disk."""
        try:
            self._manager.wait_until_finished()
        except (OSError, ValueError) as error:
            raise self._unwritable(error) from error

    def close(self) -> None:
        """Waits, and ends the threads."""
        try:
            self._manager.close()
        except (OSError, ValueError) as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: Exception) -> InputError:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        good = self.latest()
        kept = f"checkpoint {good} is kept" if good is not None else "there is no older one"
        return InputError(f"cannot save a checkpoint in {self._manager.directory}: {reason}; {kept}")

    def meta(self, step: int) -> dict[str, Any]:
        """The plain values beside a checkpoint's arrays."""
        return self._manager.restore(step, args=self._args.Composite(meta=self._args.JsonRestore())).meta

    def restore(self, step: int, like: Tree) -> Tree:
        """The arrays of a checkpoint, placed as `like` is (arrays, or shapes with shardings).

        Raises InputError, naming the first path that differs, where it does not fit; any other error means
        that the checkpoint is damaged.
        """
        self._compare(step, like)
        items = self._args.Composite(state=self._args.StandardRestore(like))
        return self._manager.restore(step, args=items).state

    def newest_good(self, load: Any) -> Any:
        """`load(step)` of the newest checkpoint that can be read, or None; says which ones could not.

        What cannot be read is deleted, so that the run can save at that step again.
        """
        steps = sorted(self._manager.all_steps(), reverse=True)
        for step in steps:
            try:
                return load(step)
            except InputError:
                raise
            except Exception as error:  # whatever a damaged file makes of orbax, tensorstore or json
                reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
                print(f"checkpoint {step} cannot be read and is set aside, going on from the one before it: {reason}")
                self._set_aside(step)
        if steps:
            print("no checkpoint can be read: starting from the beginning")
        return None

    def _set_aside(self, step: int) -> None:
        directory = Path(self._manager.directory)
        found = next(p for p in directory.iterdir() if p.name.isdigit() and int(p.name) == step)
        number = sum(1 for p in directory.parent.glob(f"damaged_{found.name}*"))
        found.rename(directory.parent / f"damaged_{found.name}_{number}")
        self._manager.reload()

    def _compare(self, step: int, like: Tree) -> None:
        """Shapes and types one by one: orbax itself casts types silently and prints every shape."""
        metadata = self._manager.item_metadata(step).state
        stored = {path: leaf for path, leaf in leaves_by_path(metadata).items() if hasattr(leaf, "shape")}
        if not stored:
            raise ValueError("its list of arrays is missing")
        for path, leaf in leaves_by_path(like).items():
            name = "/".join(path)
            if path not in stored:
                raise InputError(f"checkpoint {step} does not fit the networks: it has no {name}, shape {leaf.shape}")
            there = stored[path]
            if tuple(there.shape) != tuple(leaf.shape) or there.dtype != leaf.dtype:
                raise InputError(
                    f"checkpoint {step} does not fit the networks: {name} is {there.dtype}{tuple(there.shape)} "
                    f"there and {leaf.dtype}{tuple(leaf.shape)} here"
                )
        for path in stored.keys() - leaves_by_path(like).keys():
            raise InputError(f"checkpoint {step} does not fit the networks: it has {'/'.join(path)}, which they lack")


def placed(tree: Tree, sharding: jax.sharding.Sharding) -> Tree:
    """Shapes and types with a place for each, to restore into."""
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), tree)


def check_disk(workdir: Path, carry: Tree, keep: int) -> None:
    """Refuses a disk on which the run's checkpoints, and one more while it is written, have no room."""
    needed = nbytes(carry) * (keep + 1) + 2**24
    free = shutil.disk_usage(workdir).free
    if free < needed:
        raise InputError(
            f"{workdir} has {free / 2**20:.0f} MiB free, but {keep + 1} checkpoints of this run need "
            f"{needed / 2**20:.0f}: free some space, or use another --workdir"
        )


def nbytes(tree: Tree) -> int:
    """Size of a tree of arrays, or of shapes and types, in bytes."""
    return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(tree))
