"""Jobs of SLURM arrays, through submitit; SLURM queues again what a lost node or a preemption ended."""

import contextlib
import json
import os
import shlex
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from gaxjax.errors import InputError
from gaxjax.files import write_bytes
from gaxjax.tables.workers import Workers, import_engine
from gaxjax.tables.workers.task import Outcome, Task, perform_task

CLUSTER = "slurm"
"""As submitit names it."""
LARGEST_ARRAY = 1_000
"""Jobs of one array: SLURM's own limit (MaxArraySize) is 1001 where nobody has raised it."""
ALIVE = {"PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "REQUEUED", "COMPLETING"}
"""States of a job from which an answer may still come; what SLURM has forgotten is UNKNOWN."""
POLL = 15.0
"""Seconds between two questions about all jobs."""
NOTICE = 180
"""Seconds before its time limit at which a job is told, and saves."""


def run_tasks(tasks: Sequence[Task], workers: Workers) -> Iterator[tuple[Task, Outcome]]:
    """Submits the tasks that no job has yet, and hands out each as its job ends.

    Jobs outlive the command: OUT/slurm/jobs.json has which task is whose, and the same command takes up those
    that are still queued or at work.
    """
    submitit = import_engine("submitit")
    # The sign lies in the table's folder of logs.
    folder = tasks[0].sign.parent.parent / "slurm"
    known = read_jobs(folder)
    jobs = adopt_jobs(submitit, folder, {task.name: known[task.name] for task in tasks if task.name in known})
    new = [task for task in tasks if task.name not in jobs]
    print(f"{len(jobs)} jobs go on, {len(new)} are submitted; SLURM has them in {folder}", flush=True)
    executor = make_executor(submitit, folder, workers, len(new))
    for i in range(0, len(new), LARGEST_ARRAY):
        part = new[i : i + LARGEST_ARRAY]
        jobs |= zip((task.name for task in part), executor.map_array(Requeued(), part), strict=True)
        # After each array: a command that ends here must not submit these once more.
        numbers = {name: job.job_id for name, job in jobs.items()}
        write_bytes(folder / "jobs.json", json.dumps(known | numbers, indent=2).encode() + b"\n")
    by_job = {jobs[task.name].job_id: task for task in tasks}
    for job in submitit.helpers.as_completed(list(jobs.values()), poll_frequency=POLL):
        yield by_job[job.job_id], read_outcome(job)


def make_executor(submitit: Any, folder: Path, workers: Workers, tasks: int) -> Any:
    """What submits, with what each job is promised."""
    try:
        executor = submitit.AutoExecutor(folder, cluster=CLUSTER, slurm_max_num_timeout=workers.retries)
    except RuntimeError as error:
        raise InputError(f"{error}: --workers slurm is for a machine that has srun and sbatch") from error
    executor.update_parameters(
        name="gaxjax",
        timeout_min=max(1, round(60 * workers.hours)),
        cpus_per_task=workers.cpus or 1,
        **({"gpus_per_node": workers.gpus} if workers.gpus else {}),
        slurm_array_parallelism=int(workers.engine[1] or tasks or 1),
        slurm_signal_delay_s=NOTICE,
        # After a node's failure too; otherwise as the cluster has it.
        slurm_additional_parameters={**parse_options(workers.sbatch), "requeue": True},
    )
    return executor


def parse_options(text: str) -> dict[str, str | bool]:
    """Options of sbatch, with or without their dashes; one without a value is True, as submitit has it.

    >>> parse_options("--partition=gpu exclude=n1,n2 exclusive")
    {'partition': 'gpu', 'exclude': 'n1,n2', 'exclusive': True}
    """
    words = [word.lstrip("-").partition("=") for word in shlex.split(text)]
    return {name: value if equals else True for name, equals, value in words}


class Requeued:
    """A task as a job, which saves before its time is over, and is queued again."""

    def __init__(self) -> None:
        self._requeue: Any = None
        self._asked = False

    def __call__(self, task: Task) -> Outcome:
        """Runs in the job."""
        number = getattr(signal, f"SIG{os.environ.get('SUBMITIT_PREEMPT_SIGNAL', 'USR2')}")
        # submitit's own handler queues the job again at once, without what was trained since a checkpoint.
        self._requeue, ignored = signal.getsignal(number), signal.getsignal(signal.SIGTERM)

        def save_first(number: int, frame: FrameType | None) -> None:
            self._asked = True
            if signal.getsignal(signal.SIGTERM) is ignored:  # nothing is being trained: the run is measured
                self._requeue(number, frame)
            os.kill(os.getpid(), signal.SIGTERM)

        signal.signal(number, save_first)
        outcome = perform_task(task)
        if outcome.kind == "stopped" and self._asked:
            self._requeue(number, None)
        while outcome.kind == "stopped":
            # SIGTERM alone is SLURM's: it preempts the job or somebody has cancelled it, all is saved, and
            # SIGKILL follows. An answer would count as the job's end.
            time.sleep(1)
        return outcome

    def checkpoint(self, task: Task) -> Any:
        """What is queued again: the same, for the run's own checkpoints say how far it is."""
        return import_engine("submitit").helpers.DelayedSubmission(Requeued(), task)


def read_jobs(folder: Path) -> dict[str, str]:
    """Task -> number of its job, of an earlier command."""
    path = folder / "jobs.json"
    return json.loads(path.read_text()) if path.exists() else {}


def adopt_jobs(submitit: Any, folder: Path, numbers: dict[str, str]) -> dict[str, Any]:
    """Jobs of an earlier command that are still queued or at work."""
    # All of them before the first question, which submitit asks for all at once.
    jobs = {name: submitit.SlurmJob(folder, number) for name, number in numbers.items()}
    return {name: job for name, job in jobs.items() if not job.done() and job.state in ALIVE}


def read_outcome(job: Any) -> Outcome:
    """How a job's task ended, or why there is no answer."""
    with contextlib.suppress(Exception):  # submitit's errors hold whole logs
        outcome: Outcome = job.result()
        return outcome
    return Outcome("failed", f"SLURM's job {job.job_id} ended as {job.state}; {job.paths.stderr} may say why")
