"""Tasks of a Ray cluster: it counts the CPUs and GPUs of its nodes, and begins again what a lost one had."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Sequence

from gaxjax.errors import InputError
from gaxjax.tables.workers import Workers, import_engine
from gaxjax.tables.workers.task import Outcome, Task, perform_task

GRACE = 60.0
"""Seconds that tasks have to save when the command is stopped."""


def run_tasks(tasks: Sequence[Task], workers: Workers) -> Iterator[tuple[Task, Outcome]]:
    """Hands all tasks to Ray, and each out as it ends."""
    ray = import_engine("ray")
    try:
        # None: what RAY_ADDRESS says, a cluster that this machine is part of, or a new one of it alone. Each
        # task has a log of its own, so that the command's output stays readable.
        with keep_handlers():
            ray.init(workers.engine[1] or None, ignore_reinit_error=True, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(f"there is no Ray cluster at {workers.engine[1]!r}: {error}") from error
    note_scarcity(ray.nodes(), workers)
    submit = ray.remote(
        num_cpus=workers.cpus or 1,
        num_gpus=workers.gpus,
        # The process ends with its task, and with it the memory of a GPU that JAX keeps.
        max_calls=1,
        # Of tasks whose process or node is gone. What a task raises is an outcome, and not tried again.
        max_retries=workers.retries,
    )(perform_task)
    pending = {submit.remote(task): (task, workers.retries) for task in tasks}
    try:
        while pending:
            ended, _ = ray.wait(list(pending), num_returns=1)
            for reference in ended:
                task, retries = pending.pop(reference)
                try:
                    outcome = ray.get(reference)
                except ray.exceptions.RayError as error:
                    outcome = Outcome("failed", f"Ray gave it up: {str(error).strip().splitlines()[0]}")
                # Asked to stop, as by a node that is going to end, and saved.
                if outcome.kind == "stopped" and retries:
                    pending[submit.remote(task)] = (task, retries - 1)
                    continue
                yield task, outcome
    finally:
        stop_tasks(ray, list(pending))


@contextlib.contextmanager
def keep_handlers() -> Iterator[None]:
    """Leaves signals to the command: Ray would end its process on SIGTERM, before tasks are asked to save."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    if threading.current_thread() is threading.main_thread():
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_tasks(ray, references) -> None:  # type: ignore[no-untyped-def]
    """Asks tasks to save and end, and waits for it."""
    if not references:
        return
    for reference in references:
        with contextlib.suppress(ray.exceptions.RayError):
            ray.cancel(reference)  # as Ctrl-C, for tasks that run; the others do not begin
    # Ray ends what still runs when the command does, saved or not.
    end = time.monotonic() + GRACE
    ray.wait(references, num_returns=len(references), timeout=max(0.0, end - time.monotonic()))


def note_scarcity(nodes: Sequence[dict], workers: Workers) -> None:  # type: ignore[type-arg]
    """Says so where no node has what a run is promised: Ray waits for one, which an autoscaler may bring."""
    wanted = {"CPU": workers.cpus or 1, "GPU": workers.gpus}
    if not any(
        node["Alive"] and all(node["Resources"].get(kind, 0) >= number for kind, number in wanted.items())
        for node in nodes
    ):
        resources = f"{workers.cpus or 1} CPUs and {workers.gpus} GPUs"
        print(f"no node of the Ray cluster has {resources}: waiting for one", flush=True)
