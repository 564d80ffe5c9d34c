"""srun of one task per node with eight GPUs trains on one GPU of each node, in silence.

Right: a task that is alone on its node takes all of its GPUs; of several, each takes its own.
"""

from typing import Any

import jax
import pytest

from gaxjax.parallel import processes


@pytest.mark.parametrize(("tasks", "detection"), [(2, "deactivate"), (16, None)])
def test_gpus_of_a_task(monkeypatch: pytest.MonkeyPatch, tasks: int, detection: str | None) -> None:
    """JAX gives a task one GPU by what it detects of the cluster, and all where that is deactivated."""
    slurm = {"JOB_ID": "5", "STEP_ID": "0", "STEP_NODELIST": "gpu[1-2]", "PROCID": "0", "LOCALID": "0"}
    slurm |= {"NTASKS": str(tasks), "STEP_NUM_TASKS": str(tasks), "STEP_NUM_NODES": "2"}
    for name, value in slurm.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    options: dict[str, Any] = {}
    monkeypatch.setattr(processes, "watch", None)
    monkeypatch.setattr(processes, "meet", lambda place, seconds: {})
    monkeypatch.setattr(processes, "Watch", lambda others, message: None)
    monkeypatch.setattr(processes.atexit, "register", lambda leave: None)
    monkeypatch.setattr(jax.distributed, "initialize", lambda *place, **others: options.update(others))
    processes.join()
    assert options["cluster_detection_method"] == detection
