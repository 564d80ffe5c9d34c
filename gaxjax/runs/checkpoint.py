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
from gaxjax.errors import InputError, Unwritable, describe_system_error, summarize_error
from gaxjax.files import move
from gaxjax.files.places import is_remote, is_there, list_folders
from gaxjax.parallel import tell
from gaxjax.parallel.counting import nbytes
from gaxjax.runs import checksums
from gaxjax.runs.bucket import COMMIT
from gaxjax.runs.checkpoint_files import check_readable
from gaxjax.runs.fit import Kind, array_kinds, check_fit
from gaxjax.runs.literal import absolute_path, check_place, literal_path
from gaxjax.runs.retention import Retention
from gaxjax.runs.silence import silence_failed_saves, silence_orbax

Tree = Any
DIGITS = 9
Loaded = TypeVar("Loaded")


class Checkpoints:
    """The checkpoints of a run, in a directory of their own, numbered by step.

    As a context it waits for the last save and ends its threads. An OSError that passes it on its way out
    becomes Unwritable, which says what is kept.
    """

    def __init__(self, directory: Path, retention: Retention | None = None, writable: bool = True):
        import orbax.checkpoint as ocp

        check_place(directory)
        # Orbax tells every save in ten lines and every failure as a traceback; it raises the failures too.
        self._quiet = contextlib.ExitStack()
        self._quiet.enter_context(silence_orbax())
        self._args, self._writable = ocp.args, writable
        self._proven = False  # whether something that was saved has been read back
        options = ocp.CheckpointManagerOptions(
            save_interval_steps=1 if writable else 0,
            preservation_policy=(retention or Retention()).policy() if writable else None,
            step_format_fixed_length=DIGITS,
            create=writable,
            cleanup_tmp_directories=writable,  # what a killed process had begun to save
            read_only=not writable,
        )
        if writable and not is_remote(directory):
            try:
                directory.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                reason = f"cannot write to {directory} ({summarize_error(error)})"
                raise InputError(f"{reason}; use another --workdir") from error
        handlers = {"state": ocp.StandardCheckpointHandler(), "meta": ocp.JsonCheckpointHandler()}
        self._folder = absolute_path(directory)
        try:
            self._manager = ocp.CheckpointManager(
                literal_path(directory), options=options, item_handlers=handlers
            )
        except OSError as error:
            raise InputError(
                f"cannot look for checkpoints in {self._folder} ({summarize_error(error)})"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._quiet, self._as_unwritable():
                self._manager.close()
        except Unwritable:
            # An error that is on its way out says more than that the last save has failed too.
            if error is None:
                raise
        if isinstance(error, OSError):
            raise Unwritable(f"stopped by {summarize_error(error)}; {self.kept_message()}") from error

    def latest(self) -> int | None:
        """The newest step that was saved, if any."""
        return self._manager.latest_step()

    def kept_message(self, but: int | None = None) -> str:
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
        content = checksums.seal(meta, checksums.rows(state))
        items = self._args.Composite(state=self._args.StandardSave(state), meta=self._args.JsonSave(content))
        with self._as_unwritable():
            # Forced: the loop has decided that it is time, and orbax has a policy of its own.
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
            reason = describe_system_error(error) or summarize_error(error)
        # In all processes or in none: one that stopped alone would leave the others in the middle of a step.
        if parallel.any_process(bool(reason)):
            raise Unwritable(
                f"checkpoint {step} was saved, but cannot be read back from {self._directory(step)}: "
                f"{reason or 'another process could not'}; use another --workdir; "
                f"{self.kept_message(but=step)}"
            )

    def wait(self) -> None:
        """Until what was begun is on the disk."""
        with self._as_unwritable():
            self._manager.wait_until_finished()

    @contextlib.contextmanager
    def _as_unwritable(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # tensorstore's own are ValueErrors
            where = self._manager.directory
            # Other parts of the save may fail for the same reason, and asyncio tell each as a traceback.
            silence_failed_saves()
            raise Unwritable(
                f"cannot save a checkpoint in {where}: {summarize_error(error)}; {self.kept_message()}"
            ) from error

    def meta(self, step: int) -> dict[str, Any]:
        """The plain values beside a checkpoint's arrays. ValueError where they have changed."""
        return self._read_meta(step)[0]

    def kinds(self, step: int) -> dict[str, Kind] | None:
        """Type and shape of each array by its name; None: it was written before they were noted."""
        rows = self._read_meta(step)[1]
        return None if rows is None else kinds_of(rows)

    def _read_meta(self, step: int) -> tuple[dict[str, Any], dict[str, checksums.Row] | None]:
        content = self._manager.restore(step, args=self._args.Composite(meta=self._args.JsonRestore())).meta
        meta, rows = checksums.unseal(content)
        # A folder that was renamed, or copied over another, would give a run another length.
        if meta.get("step", step) != step:
            raise ValueError(f"it holds checkpoint {meta['step']}")
        return meta, rows

    def restore(self, step: int, like: Tree) -> Tree:
        """The arrays of a checkpoint, placed as `like` is (arrays, or shapes with shardings).

        Raises InputError, naming the first path that differs, where it does not fit; any other error means
        that the checkpoint is damaged, but for those that `describe_system_error` names.
        """
        rows = self._check(step, like)
        if rows is None:
            tell(f"checkpoint {step} was written without checksums, and is taken as it is")
        items = self._args.Composite(state=self._args.StandardRestore(like))
        return self._manager.restore(step, args=items).state

    def _check(self, step: int, like: Tree | None = None) -> dict[str, checksums.Row] | None:
        """Reads everything once: orbax reads it all at the same time, and would fail once for each array."""
        _, rows = self._read_meta(step)
        state = self._directory(step) / "state"
        for path in state.glob("array_metadatas/process_*"):
            json.loads(path.read_text())
        if like is not None and rows is not None:
            # Before the arrays are read: that gigabytes are of other networks can be said at once.
            check_fit(step, like, kinds_of(rows))
        checksums.check_arrays(state, rows)
        if like is not None and rows is None:
            # What orbax itself has written of them, for it was saved before there were checksums.
            check_fit(step, like, array_kinds(self._manager.item_metadata(step).state))
        return rows

    def load_newest(self, load: Callable[[int], Loaded], restart: bool = False) -> Loaded | None:
        """`load(step)` of the newest checkpoint that can be read, or None where there is none.

        Damaged ones that are newer are named, and moved out of the way, so that the run can save at that step
        again. Raises InputError, and moves nothing, where there are checkpoints and all are damaged (restart:
        then they are moved, and it is None), and where something else keeps one from being read.
        """
        # Gathered, and moved only once a good one is found: if all seem damaged, the fault may be in what
        # reads them, and nothing is to be changed for it.
        damaged: dict[int, str] = {}
        for step in reversed(steps_in(self._folder)):
            loaded, reason = None, ""
            with parallel.fail_together():
                try:
                    check_readable(self._directory(step))
                    loaded = load(step)
                # Of other networks, as all older ones are.
                except InputError:
                    raise
                except Exception as error:  # whatever a damaged file makes of orbax, tensorstore or json
                    # A disk that is away or a permission that is missing is no damage: to go back behind a
                    # good checkpoint for it would throw training away.
                    if cause := describe_system_error(error):
                        what = f"checkpoint {step} in {self._folder} cannot be read ({cause})"
                        advice = "nothing was changed: mend that, and start again"
                        raise InputError(f"{what}; {advice}") from error
                    reason = summarize_error(error)
            if not parallel.any_process(bool(reason)):
                for other, why in damaged.items():
                    self._set_aside(other, f"going on from checkpoint {step}", why)
                return loaded
            damaged[step] = reason or "another process could not read it"
        if not self._writable and set(steps_in(self._folder)) - set(damaged):
            # The run goes on: what was listed has made room for what was saved since. Once more only where
            # there is something new, so that this ends.
            self._manager.reload()
            return self.load_newest(load)
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
        with parallel.fail_together():  # nobody lists the directory before it is renamed
            if parallel.is_primary():
                folder = self._directory(step)
                # Beside the folder of checkpoints, so that no list of them has it.
                names = (folder.parents[1] / f"damaged_{folder.name}_{i}" for i in itertools.count())
                aside = next(name for name in names if not name.exists())
                try:
                    move(folder, aside)
                except OSError as error:
                    raise InputError(f"cannot move {folder} to {aside} ({summarize_error(error)})") from error
                tell(f"  what there is of it is kept as {aside}")
        self._manager.reload()

    def _directory(self, step: int) -> Path:
        return self._folder / f"{step:0{DIGITS}d}"


def kinds_of(rows: dict[str, checksums.Row]) -> dict[str, Kind]:
    """Type and shape of each array, of its row."""
    return {name: (kind, shape) for name, (kind, shape, _) in rows.items()}


def steps_in(folder: Path) -> list[int]:
    """The steps of a folder's checkpoints, in order; of names that a run writes alone, and of none there."""
    try:
        names = [path.name for path in list_folders(folder)] if is_remote(folder) else os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    steps = [name for name in names if re.fullmatch(rf"[0-9]{{{DIGITS},}}", name)]
    if is_remote(folder):  # begun and not finished, it has its name already
        steps = [name for name in steps if is_there(folder / name / COMMIT)]
    return sorted(map(int, steps))


def check_disk(workdir: Path, carry: Tree, count: int) -> None:
    """Refuses a disk on which so many checkpoints, less those that are there, have no room."""
    if is_remote(workdir):
        return
    # The oldest goes only once the newest is whole; and some for all other files.
    count = max(count - len(steps_in(workdir / "checkpoints")), 1)
    size = nbytes(carry) * count + 2**24
    free = shutil.disk_usage(workdir).free
    if free < size:
        raise InputError(
            f"{workdir} has {free / 2**20:.0f} MiB free, but {count} more checkpoints of this run need "
            f"{size / 2**20:.0f}: free some space, or use another --workdir"
        )
