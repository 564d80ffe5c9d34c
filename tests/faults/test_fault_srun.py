"""srun of two tasks makes two runs in one workdir, which write every row twice.

Right: the tasks of one step join by themselves; where they cannot know each other, the run is refused.
"""

import os
import re
from pathlib import Path

import pytest
import runs

from gaxjax.errors import InputError
from gaxjax.parallel import processes
from gaxjax.parallel.peers import Place


def step(index: int, **other: str) -> dict[str, str]:
    """What SLURM sets in one of two tasks."""
    job = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_ID": "0", "SLURM_STEP_NODELIST": "localhost"}
    task = {"SLURM_PROCID": str(index), "SLURM_LOCALID": str(index)}
    return job | task | {"SLURM_NTASKS": "2", "SLURM_STEP_NUM_TASKS": "2"} | other


def test_two_tasks_are_one_run(tmp_path: Path) -> None:
    """What one of them refuses ends the other as well."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    command = ("train", runs.write_recipe(tmp_path), "--workdir", tmp_path / "full")
    tasks = [runs.start(*command, **step(index)) for index in (0, 1)]
    first, second = [runs.finish(task) for task in tasks]
    assert (first[0], second[0]) == (2, 2)
    assert "is there and is not a run of gaxjax" in first[2]
    assert "error: another process cannot begin; its own message says why" in second[2]


@pytest.mark.parametrize(
    ("nodes", "host"),
    [
        ("gpu1", "gpu1"),
        ("gpu1,gpu3", "gpu1"),
        ("gpu[003-007,9],other", "gpu003"),
        ("rack[2]-node[01-02]", "rack2-node01"),
    ],
)
def test_the_first_node_is_where_they_meet(monkeypatch: pytest.MonkeyPatch, nodes: str, host: str) -> None:
    for name, value in step(1, SLURM_JOB_ID="5", SLURM_STEP_NODELIST=nodes).items():
        monkeypatch.setenv(name, value)
    assert processes.find_place() == Place(host, 61440 + 31 * 5, 2, 1)


def test_a_job_alone_is_not_a_task_of_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the script of a job for two tasks, nor one of two tasks that wants to be a run of its own."""
    for name, value in step(0).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GAXJAX_COORDINATOR", "none")
    assert processes.find_place() is None
    monkeypatch.delenv("GAXJAX_COORDINATOR")
    assert processes.find_place() is not None
    monkeypatch.delenv("SLURM_STEP_NUM_TASKS")
    assert processes.find_place() is None


def test_tasks_that_cannot_meet_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMI_SIZE", "4")
    message = "mpiexec has started 4 tasks, which do not know where to meet: set GAXJAX_COORDINATOR"
    with pytest.raises(InputError, match=f"^{re.escape(message)}"):
        processes.find_place()
