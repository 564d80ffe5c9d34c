"""Where the runs of a table are made: in this process, or as tasks of an engine that schedules them.

An engine is a module here with `run_tasks(tasks, workers)`, which yields each task with its `Outcome` as it
ends, in whatever order. A task that is begun again, after its node was lost, goes on from the run's own last
checkpoint, so an engine has nothing to save; the run's lock keeps two processes from one run, and what is
finished is found in its folder.
"""

import contextlib
import importlib
import os
import re
import signal
import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import jax
import tyro

from gaxjax.errors import InputError, Interrupted, RunsFailed
from gaxjax.files import write_bytes
from gaxjax.runs.record import check_run
from gaxjax.tables.table_run import TableRun, make_run, read_all_measurements
from gaxjax.tables.verdict import format_summary
from gaxjax.tables.workers.task import Task

ENGINES = {
    "local": "gaxjax.tables.workers.local",
    "ray": "gaxjax.tables.workers.ray_cluster",
    "slurm": "gaxjax.tables.workers.slurm",
}
"""What `--workers` begins with -> the module that has it."""
USAGE = "local:N, ray, ray:ADDRESS, slurm or slurm:N"
LOGS = "logs"
"""Folder of the table in which each task has a file with all that it says."""


@dataclass(frozen=True)
class Workers:
    """Where runs are made, and what each may use there."""

    workers: str = ""
    """empty: this process makes one run after another; local:N: N processes of this machine; ray: tasks of
    the Ray cluster that RAY_ADDRESS names or this machine is part of, or else of this machine alone;
    ray:ADDRESS: of that one; slurm: jobs of an array, slurm:N: at most N at once. Other machines need the
    same directories and the same gaxjax"""
    cpus: int = 0
    """with --workers: CPU cores of each run; 0: one on a cluster, and on this machine all share all"""
    gpus: int = 0
    """with --workers: GPUs of each run"""
    retries: int = 8
    """with --workers: how often a run is taken up again whose process, node or time was lost"""
    hours: float = 24.0
    """with --workers slurm: time limit of a job; a run that needs longer is saved and queued again"""
    sbatch: str = ""
    """with --workers slurm: further options of sbatch, such as "partition=gpu account=mine mem=9G" """

    def __post_init__(self) -> None:
        engine, argument = self.engine
        number = {"": False, "local": True, "slurm": bool(argument), "ray": False}.get(engine)
        counted = re.fullmatch("[1-9][0-9]*", argument)
        if number is None or (number and not counted) or self.workers.endswith(":"):
            raise InputError(f"workers is {USAGE}, or empty for this process; got {self.workers!r}")
        if self.cpus < 0 or self.gpus < 0 or self.retries < 0 or not 0 < self.hours < 10_000:
            raise InputError(
                "of each run, cpus, gpus and retries are at least 0, and hours are more; got "
                f"cpus {self.cpus}, gpus {self.gpus}, retries {self.retries}, hours {self.hours:g}"
            )

    @property
    def engine(self) -> tuple[str, str]:
        """Its name, "" for this process, and what follows it."""
        name, _, argument = self.workers.partition(":")
        return name, argument


# Flags of their own names, `--cpus`, not `--workers.cpus`.
WorkerFlags = Annotated[Workers, tyro.conf.arg(name="")]


def make_runs(out: Path, runs: Sequence[TableRun], workers: Workers) -> dict[Path, str]:
    """Makes what is still to be made of the runs of a table; returns folder -> why a run came to nothing.

    Raises RunsFailed after all others have ended where some could not be made.
    """
    if workers.workers:
        return schedule_runs(out.absolute(), runs, workers)
    diverged = {}
    for run in runs:
        print(f"== {run.title}", flush=True)
        if message := make_run(run):
            diverged[run.folder] = message
    return diverged


def schedule_runs(out: Path, runs: Sequence[TableRun], workers: Workers) -> dict[Path, str]:
    """The same as tasks of an engine."""
    if jax.process_count() > 1:
        raise InputError("--workers is for a command of one process, which makes others: start it alone")
    engine = importlib.import_module(ENGINES[workers.engine[0]])
    for run in runs:  # a folder of another recipe is told now, not by a task in an hour
        check_run(run.folder, run.recipe)
    # This also fetches or trains the features, once and here, which all tasks would else do at the same time.
    missing = [run for run in runs if read_all_measurements(run) is None]
    print(f"{len(runs)} runs, {len(runs) - len(missing)} of them finished; {workers.workers}", flush=True)
    if not missing:
        return {}
    diverged, failed = {}, []
    with mark_folder(out) as sign, stop_by_exception():
        tasks = [plan_task(out, run, sign, workers) for run in missing]
        # Closed when a signal comes, so that tasks are asked to save, and not left behind.
        with contextlib.closing(engine.run_tasks(tasks, workers)) as outcomes:
            for number, (task, outcome) in enumerate(outcomes, 1):
                message = outcome.message
                if outcome.kind == "made":
                    measurements = read_all_measurements(task.run) or ()
                    message = ", ".join(f"{r[0].name} {format_summary(r)}" for r in measurements)
                elif outcome.kind == "diverged":
                    diverged[task.run.folder] = message
                else:
                    if outcome.kind == "stopped":
                        message += f"; it was taken up again {workers.retries} times"
                    log = f"\n    its log: {task.log}" if task.log.exists() else ""
                    failed.append(f"{task.name}: {message}{log}")
                print(f"[{number}/{len(tasks)}] {task.name}: {message}", flush=True)
    if failed:
        lines = "\n  ".join(failed)
        raise RunsFailed(
            f"{len(failed)} of {len(runs)} runs failed; the others are kept, and the same command goes on "
            f"with these alone:\n  {lines}"
        )
    return diverged


def plan_task(out: Path, run: TableRun, sign: Path, workers: Workers) -> Task:
    """The run as a task, which finds everything by absolute paths."""
    folder = run.folder.absolute()
    name = str(folder.relative_to(out))
    return Task(
        name=name,
        run=run,
        log=out / LOGS / f"{name.replace('/', '.')}.log",
        sign=sign,
        directory=Path.cwd(),
        # A cluster's processes have the environment of their own machine.
        environment={key: value for key, value in os.environ.items() if key.startswith(("GAXJAX_", "TFDS_"))},
        gpus=workers.gpus,
    )


@contextlib.contextmanager
def mark_folder(out: Path) -> Iterator[Path]:
    """A file in the table's directory while its tasks run, by which they see that it is the same one."""
    sign = write_bytes(out / LOGS / f".sign-{uuid.uuid4().hex}", b"")
    try:
        yield sign
    finally:
        sign.unlink(missing_ok=True)


@contextlib.contextmanager
def stop_by_exception() -> Iterator[None]:
    """What is entered ends with Interrupted at the first Ctrl-C or SIGTERM; a second one is as ever."""
    before: dict[int, Any] = {}
    received = 0

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal received
        received = number
        restore()
        # Not yet Interrupted: an engine's C code may know this one alone, as Ray's waiting does.
        raise KeyboardInterrupt

    # Python lets no other thread than the main one set a handler.
    if threading.current_thread() is threading.main_thread():
        before |= {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        if not received:
            raise
        raise Interrupted("stopped: what is finished is kept; the same command goes on", received) from None
    finally:
        restore()


def import_engine(name: str) -> Any:
    """A package that `--workers` alone needs."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"{name} is not installed ({error}): pip install 'gaxjax[workers]', on every machine, or use "
            "--workers local:N"
        ) from error
