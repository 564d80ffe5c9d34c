"""Joining the other processes of a run, and leaving them.

GAXJAX_COORDINATOR   "host:port" of process 0, with GAXJAX_PROCESSES and GAXJAX_PROCESS, the number of
                     processes and this one's; "auto" where the cluster knows them (Cloud TPU, SLURM, Open
                     MPI, Kubernetes); "none" for a run alone. If it is not set, a process that srun or mpirun
                     has started as one of several joins the others.
GAXJAX_TIMEOUT       seconds that the processes wait for one another at the start (300)
"""

import atexit
import contextlib
import os
import re
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from gaxjax.errors import Diverged, InputError, Interrupted, summarize_error
from gaxjax.files.places import is_remote
from gaxjax.parallel.peers import Place, Watch, meet
from gaxjax.parallel.relay import start_relay

LAUNCHERS = {"SLURM_STEP_NUM_TASKS": "srun", "OMPI_COMM_WORLD_SIZE": "mpirun", "PMI_SIZE": "mpiexec"}
"""Variable with the number of tasks -> the program that sets it for each of them."""

watch: Watch | None = None
failed_alone = False


def join(workdir: Path | None = None) -> None:
    """Joins the other processes, if there are any, before anything else touches a device.

    From then on the process ends, with status `errors.EXIT_PEER_LOST`, when another one is gone; the
    message says what is kept in the workdir. Raises InputError where the settings make no sense, or the
    others do not come.
    """
    global watch
    place, seconds = find_place(), timeout()
    if place is None or place.count == 1:
        return
    watch = Watch(meet(place, seconds), lambda: kept_message(workdir))
    # Only now, so that what cannot begin is told without the seconds that JAX takes to be imported.
    import jax

    coordinator = start_relay(place) if place.index else str(place)
    # By itself JAX gives a task of srun or mpirun one GPU, that of its number on the node: right for a task
    # per GPU, and for one per node all but one would idle in silence.
    detection = "deactivate" if is_alone_on_node() else None
    jax.distributed.initialize(
        coordinator,
        place.count,
        place.index,
        cluster_detection_method=detection,
        initialization_timeout=int(seconds),
    )
    atexit.register(lambda: leave(1))  # after a traceback; any other way `leave` was called before


@contextlib.contextmanager
def note_own_failure() -> Iterator[None]:
    """Around a run: remembers an error that may be this process's alone, so that `leave` waits for nobody."""
    global failed_alone
    try:
        yield
    except (Diverged, Interrupted):  # in all of them, at the same step; the primary may still have to draw
        raise
    except BaseException:
        failed_alone = True
        raise


def leave(status: int) -> None:
    """Tells the other processes that this one ends; after an error of its own it ends here.

    JAX's own exit waits for the others, and they would wait for this process in the middle of a step.
    """
    if watch is None:
        return
    watch.leave()
    if status and failed_alone:
        with contextlib.suppress(OSError):
            # `_exit` passes over buffers, and with them over the message that says why.
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def find_place() -> Place | None:
    """Where to meet the others, by the environment; None for a run alone."""
    coordinator = os.environ.get("GAXJAX_COORDINATOR", "")
    if coordinator == "none":
        return None
    if coordinator not in ("", "auto"):
        return place_from_environment(coordinator)
    # By what a launcher sets for each task, and not by what it sets for the whole job: a shell inside of an
    # allocation is one process, whatever the job's size.
    tasks = {program: os.environ.get(name, "1") for name, program in LAUNCHERS.items()}
    several = [program for program, count in tasks.items() if count not in ("", "1")]
    if coordinator == "auto" or several:
        place = place_from_slurm() or place_from_jax()
        if place is None and coordinator:
            raise InputError(
                "GAXJAX_COORDINATOR=auto, but this is no cluster that knows its processes (Cloud TPU, SLURM, "
                "Open MPI, Kubernetes); set it to host:port, or unset it for a run alone"
            )
        if place is None:
            raise InputError(
                f"{several[0]} has started {tasks[several[0]]} tasks, which do not know where to meet: set "
                "GAXJAX_COORDINATOR to host:port, with GAXJAX_PROCESSES and GAXJAX_PROCESS, or to none where "
                "each task is a run of its own"
            )
        return place
    return None


def place_from_environment(coordinator: str) -> Place:
    """What the variables say."""
    try:
        count, index = int(os.environ["GAXJAX_PROCESSES"]), int(os.environ["GAXJAX_PROCESS"])
    except (KeyError, ValueError) as error:
        raise InputError(
            "GAXJAX_COORDINATOR is set, so GAXJAX_PROCESSES and GAXJAX_PROCESS must be numbers too; "
            "launch/local.sh sets all three"
        ) from error
    if not 0 <= index < count:
        raise InputError(f"GAXJAX_PROCESS {index} is not one of {count} processes; use 0 to {count - 1}")
    return Place(*parse_address(coordinator), count, index)


def place_from_slurm() -> Place | None:
    """A task of a step of several, as srun starts them.

    Neither the script of a job nor an interactive shell is one, though SLURM_NTASKS may be set in it.
    """
    names = ("SLURM_STEP_NUM_TASKS", "SLURM_STEP_NODELIST", "SLURM_PROCID", "SLURM_JOB_ID", "SLURM_STEP_ID")
    count, nodes, index, job, step = (os.environ.get(name, "") for name in names)
    if not (count.isdigit() and index.isdigit() and nodes and job.isdigit() and int(count) > 1):
        return None
    # The first of "gpu[003-007,9],other" or "a,b". The port is above those that systems hand out.
    host = re.sub(r"\[(\w+)[^\]]*\]", r"\1", nodes).split(",")[0]
    # Of the job and its step, so that two steps on one host do not meet each other.
    port = 61440 + (31 * int(job) + int(step or 0)) % 4096
    return Place(host, port, int(count), int(index))


def is_alone_on_node() -> bool:
    """Whether this is its node's only process of the run, as srun or mpirun tells its tasks."""
    tasks, nodes = (os.environ.get(f"SLURM_STEP_NUM_{what}", "") for what in ("TASKS", "NODES"))
    return tasks == nodes != "" or os.environ.get("OMPI_COMM_WORLD_LOCAL_SIZE") == "1"


def place_from_jax() -> Place | None:
    """What JAX finds out of a cluster; it has no public function for this."""
    from jax._src.clusters import ClusterEnv

    try:
        coordinator, count, index, _ = ClusterEnv.auto_detect_unset_distributed_params(
            None, None, None, None, None, int(timeout())
        )
    except Exception as error:  # whatever a cluster's variables and servers make of it
        raise InputError(
            f"cannot find out the processes of this cluster: {summarize_error(error)}"
        ) from error
    if coordinator is None or count is None or index is None:
        return None
    return Place(*parse_address(coordinator), count, index)


def parse_address(text: str) -> tuple[str, int]:
    """Host and port.

    >>> parse_address("10.0.0.1:8476"), parse_address("[::1]:80")
    (('10.0.0.1', 8476), ('::1', 80))
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 2**16:
        raise InputError(f"GAXJAX_COORDINATOR {text} is no host:port, such as 10.0.0.1:80; nor auto or none")
    return host.strip("[]"), int(port)


def timeout() -> float:
    """Seconds that the processes wait for one another."""
    text = os.environ.get("GAXJAX_TIMEOUT", "300")
    if not re.fullmatch(r"\d+(\.\d+)?", text) or float(text) < 1:
        raise InputError(f"GAXJAX_TIMEOUT {text} is no number of seconds, 1 or more")
    return float(text)


def kept_message(workdir: Path | None) -> str:
    """What a message on a run that stops says of its checkpoints."""
    if workdir and is_remote(workdir):  # the network may be what went wrong
        return f"what it has saved is kept in {workdir / 'checkpoints'}"
    # Names alone, and nothing of orbax: a thread asks this while the main one may hang inside of it.
    names = [path.name for path in workdir.glob("checkpoints/*")] if workdir else []
    steps = [int(name) for name in names if name.isdigit()]
    return f"checkpoint {max(steps)} is kept" if steps else "there is no checkpoint yet"


def check_shared(workdir: Path, seconds: float = 20) -> None:
    """Refuses processes that do not see the same workdir: they would never save, and wait for one another.

    A network's disk may take seconds to show what another machine wrote.
    """
    import jax

    from gaxjax import parallel

    if jax.process_count() == 1:
        return
    # A name that was never there: a file of an earlier start would be seen by everybody.
    number = secrets.randbits(31)
    own = workdir / f".shared-{number}"
    with parallel.fail_together():
        if parallel.is_primary():
            own.touch()
    # Its name is known only now, when it is there: a disk may remember that a file was not.
    token = workdir / f".shared-{parallel.from_primary(number)}"
    try:
        with parallel.fail_together():
            end = time.monotonic() + seconds
            while not token.exists():
                if time.monotonic() >= end:
                    here = f"process {jax.process_index()} on {socket.gethostname()}"
                    raise InputError(
                        f"{here} does not see what process 0 has written to the --workdir: {workdir} must be "
                        "one place for all, on a shared disk (or GAXJAX_COORDINATOR=none for separate runs)"
                    )
                time.sleep(0.2)
    finally:
        if parallel.is_primary():
            own.unlink(missing_ok=True)
