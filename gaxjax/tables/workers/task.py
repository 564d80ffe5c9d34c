"""A run of a table as a task: what a process anywhere needs to make it, and what it answers."""

import contextlib
import os
import socket
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import jax

from gaxjax.errors import InputError, Interrupted, summarize_error
from gaxjax.parallel.configure import configure_jax
from gaxjax.runs.lock import InUse
from gaxjax.tables.table_run import TableRun, make_run

PATIENCE, POLL = 600.0, 2.0
"""Seconds to wait for the process that had a run before this one, and between two looks."""
APPEARANCE = 60.0
"""Seconds within which a network disk shows a file that another machine has made."""


@dataclass(frozen=True)
class Task:
    """All that is sent to another process; it is pickled."""

    name: str
    """the run's folder in the table's directory"""
    run: TableRun
    log: Path
    """file to which all that the task says is added, absolute"""
    sign: Path
    """a file in the table's directory, absolute"""
    directory: Path
    """in which the command was given, as paths are relative to it"""
    environment: Mapping[str, str]
    """the command's settings"""
    gpus: int = 0
    """that it was promised"""


@dataclass(frozen=True)
class Outcome:
    """How a task ended."""

    kind: Literal["made", "diverged", "stopped", "failed"]
    """stopped: asked to, and saved; it has to be begun again"""
    message: str = ""


def perform_task(task: Task) -> Outcome:
    """Makes the run in this process, which is the task's alone; whatever goes wrong is an outcome."""
    try:
        enter_directories(task)
    except (InputError, OSError) as error:
        return Outcome("failed", summarize_error(error))
    # Before JAX is configured, which reads some of them.
    os.environ.update(task.environment)
    # The nodes of a cluster may themselves be tasks of one srun: a run is still one process.
    os.environ["GAXJAX_COORDINATOR"] = "none"
    with write_output(task.log):
        now, host = datetime.now().astimezone(), socket.gethostname()
        # On a line of its own: a process that was killed has left half of one.
        print(f"\n== {task.name} on {host}, process {os.getpid()}, {now:%Y-%m-%d %H:%M:%S}", flush=True)
        try:
            configure_jax(workdir=task.run.folder)
            if task.gpus and jax.default_backend() == "cpu":
                raise InputError(f"{task.gpus} GPUs were asked for, and JAX finds none on {host}")
            message = make_when_free(task.run)
            return Outcome("diverged", message) if message else Outcome("made")
        except Interrupted as stop:
            return Outcome("stopped", str(stop))
        except InputError as error:
            print(f"error: {error}", flush=True)
            return Outcome("failed", str(error))
        except Exception as error:
            traceback.print_exc()
            return Outcome("failed", f"{type(error).__name__}: {summarize_error(error)}")


def make_when_free(run: TableRun) -> str:
    """`make_run`, once the process before is gone: on a node that counts as lost it may still be ending."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return make_run(run)
        except InUse as error:
            if time.monotonic() > end:
                raise
            print(f"waiting: {error}", flush=True)
            time.sleep(POLL)


def enter_directories(task: Task) -> None:
    """Goes where the command was given; InputError where the table's directory is not the command's."""
    host, end = socket.gethostname(), time.monotonic() + APPEARANCE
    # First of all, for the table's paths, and its data's, may be relative to it.
    try:
        os.chdir(task.directory)
    except OSError as error:
        raise InputError(
            f"{task.directory} is not on {host}: nodes need the same directories, on a disk that all see"
        ) from error
    while not task.sign.exists():
        if time.monotonic() > end:
            raise InputError(
                f"{task.sign.parent.parent} on {host} is not the command's: --out must be on a disk that all "
                "nodes see"
            )
        time.sleep(1)


@contextlib.contextmanager
def write_output(log: Path) -> Iterator[None]:
    """While entered, all that the process says is added to a file, also what libraries of C say."""
    # By the numbers of the system: XLA and CUDA know nothing of Python's streams.
    streams = (sys.stdout, sys.stderr)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab", buffering=0) as file:
        before = [os.dup(number) for number in (1, 2)]
        try:
            for stream, number in zip(streams, (1, 2), strict=True):
                stream.flush()
                os.dup2(file.fileno(), number)
            yield
        finally:
            for stream, number, old in zip(streams, (1, 2), before, strict=True):
                stream.flush()
                os.dup2(old, number)
                os.close(old)
