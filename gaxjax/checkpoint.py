"""Checkpoints: a tree of arrays and a few plain values, saved whole or not at all. Orbax does the work."""

import contextlib
import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from gaxjax import parallel
from gaxjax.counting import nbytes
from gaxjax.errors import InputError, Unwritable, brief
from gaxjax.transforms import leaves_by_path

Tree = Any
DIGITS = 9
Loaded = TypeVar("Loaded")


class Checkpoints:
    """The checkpoints of a run, in a directory of their own, numbered by step.

    As a context it waits for the last save and ends its threads. An OSError that passes it on its way out
    becomes Unwritable, which says what is kept.
    """

    def __init__(self, directory: Path, keep: int = 2, writable: bool = True):
        import orbax.checkpoint as ocp

        # Orbax tells every save in ten lines and every failure as a traceback; it raises the failures too.
        logging.getLogger("absl").setLevel(logging.CRITICAL)
        self._args, self._writable = ocp.args, writable
        options = ocp.CheckpointManagerOptions(
            save_interval_steps=1 if writable else 0,
            max_to_keep=max(keep, 2) if writable else None,
            step_format_fixed_length=DIGITS,
            create=writable,
            cleanup_tmp_directories=writable,  # what a killed process had begun to save
            read_only=not writable,
        )
        if writable:
            try:
                directory.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                reason = f"cannot write to {directory} ({brief(error)})"
                raise InputError(f"{reason}; use another --workdir") from error
        handlers = {"state": ocp.StandardCheckpointHandler(), "meta": ocp.JsonCheckpointHandler()}
        self._manager = ocp.CheckpointManager(directory.absolute(), options=options, item_handlers=handlers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._guarded():
                self._manager.close()
        except Unwritable:
            if error is None:
                raise
        if isinstance(error, OSError):
            raise Unwritable(f"stopped by {brief(error)}; {self.kept()}") from error

    def latest(self) -> int | None:
        """The newest step that was saved, if any."""
        return self._manager.latest_step()

    def kept(self) -> str:
        """What a message on a run that stops says of the checkpoints."""
        good = self.latest()
        return f"checkpoint {good} is kept" if good is not None else "there is no checkpoint yet"

    def save(self, step: int, state: Tree, meta: dict[str, Any]) -> None:
        """Saves in the background, once the arrays are copied; a step that is there stays as it is.

        Raises Unwritable where the disk refuses, here or when the next save or `wait` comes.
        """
        if step in self._manager.all_steps():
            return
        items = self._args.Composite(state=self._args.StandardSave(state), meta=self._args.JsonSave(meta))
        with self._guarded():
            self._manager.save(step, args=items, force=True)

    def wait(self) -> None:
        """Until what was begun is on the disk."""
        with self._guarded():
            self._manager.wait_until_finished()

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # tensorstore's own are ValueErrors
            where = self._manager.directory
            # Other parts of the save may fail for the same reason, and asyncio tell each as a traceback.
            logging.getLogger("asyncio").setLevel(logging.CRITICAL)
            raise Unwritable(f"cannot save a checkpoint in {where}: {brief(error)}; {self.kept()}") from error

    def meta(self, step: int) -> dict[str, Any]:
        """The plain values beside a checkpoint's arrays."""
        return self._manager.restore(step, args=self._args.Composite(meta=self._args.JsonRestore())).meta

    def restore(self, step: int, like: Tree) -> Tree:
        """The arrays of a checkpoint, placed as `like` is (arrays, or shapes with shardings).

        Raises InputError, naming the first path that differs, where it does not fit; any other error means
        that the checkpoint is damaged.
        """
        self._check_readable(step)
        self._compare(step, like)
        items = self._args.Composite(state=self._args.StandardRestore(like))
        return self._manager.restore(step, args=items).state

    def newest_good(self, load: Callable[[int], Loaded]) -> Loaded | None:
        """`load(step)` of the newest checkpoint that can be read, or None; says which ones could not.

        What cannot be read is moved out of the way, so that the run can save at that step again.
        """
        steps = sorted(self._manager.all_steps(), reverse=True)
        for step in steps:
            loaded, reason = None, ""
            try:
                loaded = load(step)
            except InputError:
                raise
            except Exception as error:  # whatever a damaged file makes of orbax, tensorstore or json
                reason = brief(error)
            if not parallel.any_process(bool(reason)):
                return loaded
            self._set_aside(step, reason or "another process could not read it")
        if steps and self._writable:
            tell("no checkpoint can be read: starting from the beginning")
        return None

    def _set_aside(self, step: int, reason: str) -> None:
        if not self._writable:
            tell(f"checkpoint {step} cannot be read, taking the one before it: {reason}")
            return
        if parallel.primary():
            found = self._directory(step)
            run = found.parent.parent
            number = sum(1 for _ in run.glob(f"damaged_{found.name}_*"))
            aside = found.rename(run / f"damaged_{found.name}_{number}")
            tell(f"checkpoint {step} cannot be read, going on from the one before it: {reason}")
            tell(f"  what there is of it is kept as {aside}")
        parallel.any_process(False)  # nobody lists the directory before it is renamed
        self._manager.reload()

    def _directory(self, step: int) -> Path:
        return Path(self._manager.directory) / f"{step:0{DIGITS}d}"

    def _check_readable(self, step: int) -> None:
        """Reads everything once: orbax reads it all at the same time, and would fail once for each array."""
        import tensorstore

        state = self._directory(step) / "state"
        for path in state.glob("array_metadatas/*"):
            json.loads(path.read_text())
        # Not a URL, in which some characters of a path would mean something else.
        files = {"driver": "file", "path": f"{state}/"}
        table = tensorstore.KvStore.open({"driver": "ocdbt", "base": files}).result()
        keys = table.list().result()
        if not keys:
            raise ValueError("its table of arrays is missing")
        for key in keys:
            table.read(key).result()

    def _compare(self, step: int, like: Tree) -> None:
        """Shapes and types one by one: orbax itself casts types silently and prints every shape."""
        metadata = self._manager.item_metadata(step).state
        stored = {path: leaf for path, leaf in leaves_by_path(metadata).items() if hasattr(leaf, "shape")}
        if not stored:
            raise ValueError("its list of arrays is missing")
        for path, leaf in leaves_by_path(like).items():
            name = "/".join(path)
            if path not in stored:
                raise misfit(step, f"it has no {name}, shape {tuple(leaf.shape)}")
            there = stored[path]
            if tuple(there.shape) != tuple(leaf.shape) or there.dtype != leaf.dtype:
                here = f"{leaf.dtype}{tuple(leaf.shape)} here"
                raise misfit(step, f"{name} is {there.dtype}{tuple(there.shape)} there and {here}")
        for path in sorted(stored.keys() - leaves_by_path(like).keys()):
            raise misfit(step, f"it has {'/'.join(path)}, shape {tuple(stored[path].shape)}, which they lack")


def misfit(step: int, difference: str) -> InputError:
    """A checkpoint that is whole, but of other networks."""
    return InputError(
        f"checkpoint {step} does not fit the networks: {difference}; "
        "go back to the code that wrote it, or use another --workdir"
    )


def tell(message: str) -> None:
    """A line for the person at the keyboard, once for all processes."""
    if parallel.primary():
        print(message, file=sys.stderr, flush=True)


def check_disk(workdir: Path, carry: Tree, keep: int) -> None:
    """Refuses a disk on which the run's checkpoints, and one more while it is written, have no room."""
    there = sum(1 for path in workdir.glob("checkpoints/*") if path.name.isdigit())
    count = max(max(keep, 2) + 1 - there, 1)
    needed = nbytes(carry) * count + 2**24
    free = shutil.disk_usage(workdir).free
    if free < needed:
        raise InputError(
            f"{workdir} has {free / 2**20:.0f} MiB free, but {count} more checkpoints of this run need "
            f"{needed / 2**20:.0f}: free some space, or use another --workdir"
        )
