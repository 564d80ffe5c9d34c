"""Processes of this machine, so many at a time, each with its own cores and GPUs."""

import collections
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from gaxjax.errors import InputError
from gaxjax.tables.workers import Workers
from gaxjax.tables.workers.task import Outcome, Task, perform_task


@dataclass(frozen=True)
class Place:
    """What a process may use."""

    cores: tuple[int, ...]
    """none: those that there are, shared with the others"""
    gpus: str
    """as CUDA_VISIBLE_DEVICES has them; "" where none were asked for, and the variable stays"""


@dataclass(frozen=True)
class Working:
    """A process at its task."""

    task: Task
    retries: int
    """that are left"""
    place: Place
    process: SpawnProcess
    answer: Connection


def run_tasks(tasks: Sequence[Task], workers: Workers) -> Iterator[tuple[Task, Outcome]]:
    """Each task in a process of its own, so that what one leaves in memory is gone with it."""
    places = plan_places(int(workers.engine[1]), workers.cpus, workers.gpus)
    waiting = collections.deque((task, workers.retries) for task in tasks)
    working: dict[Any, Working] = {}
    try:
        while waiting or working:
            while waiting and places:
                begun = start(*waiting.popleft(), places.pop())
                working[begun.process.sentinel] = begun
            # Ready once its process has ended, however it did; an answer alone might never come.
            for sentinel in wait(list(working)):
                ended = working.pop(sentinel)
                ended.process.join()
                places.append(ended.place)  # for the next one to begin
                outcome = read_answer(ended)
                # Killed, as by the system when memory is short, or asked to stop: the run goes on from its
                # last checkpoint.
                if outcome.kind == "stopped" and ended.retries:
                    waiting.append((ended.task, ended.retries - 1))
                    continue
                yield ended.task, outcome
    finally:
        for one in working.values():  # they save
            one.process.terminate()
        for one in working.values():
            one.process.join()


def start(task: Task, retries: int, place: Place) -> Working:
    """A process that begins a task."""
    # Not forked: threads of JAX would not be in the copy.
    context = multiprocessing.get_context("spawn")
    answer, theirs = context.Pipe(duplex=False)
    process = context.Process(target=answer_task, args=(task, place, theirs), name=task.name)
    process.start()
    theirs.close()  # the process has its own, whose end is then the only one
    return Working(task, retries, place, process, answer)


def answer_task(task: Task, place: Place, answer: Connection) -> None:
    """What the process does."""
    # Ctrl-C reaches the command alone, which asks each process once: a second signal would end it unsaved.
    os.setsid()
    if place.cores:
        os.sched_setaffinity(0, place.cores)
    if place.gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = place.gpus
    answer.send(perform_task(task))


def read_answer(ended: Working) -> Outcome:
    """How the task of a process that has ended did."""
    try:
        outcome: Outcome = ended.answer.recv()
    except EOFError:
        status = ended.process.exitcode or 0
        how = f"killed by signal {-status}" if status < 0 else f"gone with status {status}"
        return Outcome("stopped" if status < 0 else "failed", f"its process was {how}")
    finally:
        ended.answer.close()
    return outcome


def plan_places(number: int, cpus: int, gpus: int) -> list[Place]:
    """So many places, each with cores and GPUs that no other one has."""
    cores = sorted(os.sched_getaffinity(0)) if cpus and hasattr(os, "sched_getaffinity") else []
    if number * cpus > (len(cores) or number * cpus):
        raise InputError(
            f"local:{number} with {cpus} cores each, but this process may use {len(cores)}: ask for less, or "
            "leave --cpus out and let them share"
        )
    devices = visible_gpus() if gpus else []
    if number * gpus > len(devices):
        raise InputError(f"local:{number} with {gpus} GPUs each, but there are {len(devices)} GPUs here")
    return [
        Place(
            tuple(cores[i * cpus : (i + 1) * cpus]),
            ",".join(devices[i * gpus : (i + 1) * gpus]),
        )
        for i in range(number)
    ]


def visible_gpus() -> list[str]:
    """NVIDIA's GPUs that this process may use, as CUDA numbers them, without touching one."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is not None:
        return [name.strip() for name in listed.split(",") if name.strip()]
    return [str(i) for i, _ in enumerate(sorted(Path("/dev").glob("nvidia[0-9]*")))]
