"""Checkpoints: a tree of arrays and a few plain values, saved whole or not at all. Orbax does the work."""

import contextlib
import itertools
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from gaxjax import parallel
from gaxjax.bench.counting import nbytes
from gaxjax.errors import InputError, Unwritable, brief, hindrance
from gaxjax.parallel import tell
from gaxjax.runs import checksums, silence
from gaxjax.runs.checksums import shown
from gaxjax.runs.literal import check_place, literal

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

        check_place(directory)
        # Orbax tells every save in ten lines and every failure as a traceback; it raises the failures too.
        self._quiet = contextlib.ExitStack()
        self._quiet.enter_context(silence.without_orbax())
        self._args, self._writable = ocp.args, writable
        self._proven = False  # whether something that was saved has been read back
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
        self._folder = directory.absolute()
        try:
            self._manager = ocp.CheckpointManager(literal(directory), options=options, item_handlers=handlers)
        except OSError as error:
            raise InputError(f"cannot look for checkpoints in {self._folder} ({brief(error)})") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._quiet, self._guarded():
                self._manager.close()
        except Unwritable:
            if error is None:
                raise
        if isinstance(error, OSError):
            raise Unwritable(f"stopped by {brief(error)}; {self.kept()}") from error

    def latest(self) -> int | None:
        """The newest step that was saved, if any."""
        return self._manager.latest_step()

    def kept(self, but: int | None = None) -> str:
        """What a message on a run that stops says of the checkpoints, not counting a bad one."""
        good = max((step for step in self._manager.all_steps() if step != but), default=None)
        return f"checkpoint {good} is kept" if good is not None else "there is no checkpoint yet"

    def save(self, step: int, state: Tree, meta: dict[str, Any]) -> None:
        """Saves in the background, once the arrays are copied; a step that is there stays as it is.

        Raises Unwritable where the disk refuses, here or when the next save or `wait` comes. The first one is
        waited for and read back, so that a place that does not keep what it is given is known at once.
        """
        if step in self._manager.all_steps():
            return
        described = checksums.sealed(meta, checksums.rows(state))
        items = self._args.Composite(
            state=self._args.StandardSave(state), meta=self._args.JsonSave(described)
        )
        with self._guarded():
            self._manager.save(step, args=items, force=True)
        if not self._proven:
            self._read_back(step)
            self._proven = True

    def _read_back(self, step: int) -> None:
        self.wait()
        reason = ""
        try:
            self._check(step)
        except Exception as error:  # whatever has become of it
            reason = hindrance(error) or brief(error)
        if parallel.any_process(bool(reason)):
            raise Unwritable(
                f"checkpoint {step} was saved, but cannot be read back from {self._directory(step)}: "
                f"{reason or 'another process could not'}; use another --workdir; {self.kept(but=step)}"
            )

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
            silence.drop_failures()
            raise Unwritable(f"cannot save a checkpoint in {where}: {brief(error)}; {self.kept()}") from error

    def meta(self, step: int) -> dict[str, Any]:
        """The plain values beside a checkpoint's arrays. ValueError where they have changed."""
        return self._unsealed(step)[0]

    def _unsealed(self, step: int) -> tuple[dict[str, Any], dict[str, checksums.Row] | None]:
        content = self._manager.restore(step, args=self._args.Composite(meta=self._args.JsonRestore())).meta
        meta, rows = checksums.unsealed(content)
        if meta.get("step", step) != step:
            raise ValueError(f"it holds checkpoint {meta['step']}")
        return meta, rows

    def restore(self, step: int, like: Tree) -> Tree:
        """The arrays of a checkpoint, placed as `like` is (arrays, or shapes with shardings).

        Raises InputError, naming the first path that differs, where it does not fit; any other error means
        that the checkpoint is damaged, but for those that `hindrance` names.
        """
        rows = self._check(step, like)
        if rows is None:
            tell(f"checkpoint {step} was written without checksums, and is taken as it is")
        items = self._args.Composite(state=self._args.StandardRestore(like))
        return self._manager.restore(step, args=items).state

    def _check(self, step: int, like: Tree | None = None) -> dict[str, checksums.Row] | None:
        """Reads everything once: orbax reads it all at the same time, and would fail once for each array."""
        _, rows = self._unsealed(step)
        state = self._directory(step) / "state"
        for path in state.glob("array_metadatas/process_*"):
            json.loads(path.read_text())
        if like is not None and rows is not None:
            compare(step, like, {name: (kind, shape) for name, (kind, shape, _) in rows.items()})
        checksums.check(state, rows)
        if like is not None and rows is None:
            compare(step, like, kinds(self._manager.item_metadata(step).state))
        return rows

    def newest_good(self, load: Callable[[int], Loaded], restart: bool = False) -> Loaded | None:
        """`load(step)` of the newest checkpoint that can be read, or None where there is none.

        Damaged ones that are newer are named, and moved out of the way, so that the run can save at that step
        again. Raises InputError, and moves nothing, where there are checkpoints and all are damaged (restart:
        then they are moved, and it is None), and where something else keeps one from being read.
        """
        damaged: dict[int, str] = {}
        for step in reversed(steps_in(self._folder)):
            loaded, reason = None, ""
            with parallel.together():
                try:
                    open_all(self._directory(step))
                    loaded = load(step)
                except InputError:
                    raise
                except Exception as error:  # whatever a damaged file makes of orbax, tensorstore or json
                    if cause := hindrance(error):
                        what = f"checkpoint {step} in {self._folder} cannot be read ({cause})"
                        advice = "nothing was changed: mend that, and start again"
                        raise InputError(f"{what}; {advice}") from error
                    reason = brief(error)
            if not parallel.any_process(bool(reason)):
                for other, why in damaged.items():
                    self._set_aside(other, f"going on from checkpoint {step}", why)
                return loaded
            damaged[step] = reason or "another process could not read it"
        if not self._writable and set(steps_in(self._folder)) - set(damaged):
            # The run goes on: what was listed has made room for what was saved since.
            self._manager.reload()
            return self.newest_good(load)
        if damaged and not restart:
            raise InputError(self._none_left(damaged))
        for step, why in damaged.items():
            self._set_aside(step, "starting from the beginning", why)
        return None

    def _none_left(self, damaged: dict[int, str]) -> str:
        each = "; ".join(f"checkpoint {step}: {why}" for step, why in damaged.items())
        what = f"no checkpoint in {self._folder} can be read ({each})"
        again = "put good ones there, or begin anew with --restart"
        return f"{what}; {again}" if self._writable else what

    def _set_aside(self, step: int, instead: str, reason: str) -> None:
        tell(f"checkpoint {step} cannot be read, {instead}: {reason}")
        if not self._writable:
            return
        with parallel.together():  # nobody lists the directory before it is renamed
            if parallel.primary():
                found = self._directory(step)
                names = (found.parents[1] / f"damaged_{found.name}_{i}" for i in itertools.count())
                aside = next(name for name in names if not name.exists())
                try:
                    found.rename(aside)
                except OSError as error:
                    raise InputError(f"cannot move {found} to {aside} ({brief(error)})") from error
                tell(f"  what there is of it is kept as {aside}")
        self._manager.reload()

    def _directory(self, step: int) -> Path:
        return self._folder / f"{step:0{DIGITS}d}"


def kinds(tree: Tree) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type and shape of each array by its name."""
    leaves = checksums.named(tree).items()
    return {name: (str(x.dtype), tuple(x.shape)) for name, x in leaves if hasattr(x, "shape")}


def compare(step: int, like: Tree, stored: dict[str, tuple[str, tuple[int, ...]]]) -> None:
    """Shapes and types one by one: orbax itself casts types silently and prints every shape."""
    if not stored:
        raise ValueError("its list of arrays is missing")
    here = kinds(like)
    for name, (kind, shape) in here.items():
        if name not in stored:
            raise misfit(step, f"it has no {shown(name)}, shape {shape}")
        if stored[name] != (kind, shape):
            there = "{}{}".format(*stored[name])
            raise misfit(step, f"{shown(name)} is {there} there and {kind}{shape} here")
    for name in sorted(stored.keys() - here.keys()):
        raise misfit(step, f"it has {shown(name)}, shape {stored[name][1]}, which they lack")


def steps_in(folder: Path) -> list[int]:
    """The steps of a folder's checkpoints, in order; of names that a run writes alone, and of none there."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(name) for name in names if re.fullmatch(rf"[0-9]{{{DIGITS},}}", name))


def open_all(folder: Path) -> None:
    """Opens each file of a checkpoint: orbax may take one that it is not let to for one that is missing."""

    def stop(error: OSError) -> None:
        raise error

    for parent, _, names in os.walk(folder, onerror=stop):
        for name in names:
            if not name.startswith("."):  # what a file manager has left is not ours to read
                with open(Path(parent, name), "rb") as file:
                    file.read(1)


def misfit(step: int, difference: str) -> InputError:
    """A checkpoint that is whole, but of other networks."""
    return InputError(
        f"checkpoint {step} does not fit the networks: {difference}; "
        "go back to the code that wrote it, or use another --workdir"
    )


def check_disk(workdir: Path, carry: Tree, keep: int) -> None:
    """Refuses a disk on which the run's checkpoints, and one more while it is written, have no room."""
    count = max(max(keep, 2) + 1 - len(steps_in(workdir / "checkpoints")), 1)
    needed = nbytes(carry) * count + 2**24
    free = shutil.disk_usage(workdir).free
    if free < needed:
        raise InputError(
            f"{workdir} has {free / 2**20:.0f} MiB free, but {count} more checkpoints of this run need "
            f"{needed / 2**20:.0f}: free some space, or use another --workdir"
        )
