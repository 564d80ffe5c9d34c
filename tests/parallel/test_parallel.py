"""One run, however many devices and processes share it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import pytest
import runs
import tiny

from gaxjax import parallel
from gaxjax.errors import InputError

# NPROC: the stand-in devices take their threads from a pool of that size, and hang when it is too small.
SETTINGS = {"NPROC": "64"}


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def together(count: int) -> list[dict[str, str]]:
    """The environments of the processes of one job."""
    job = {"GAXJAX_COORDINATOR": f"127.0.0.1:{free_port()}", "GAXJAX_PROCESSES": str(count)}
    return [SETTINGS | job | {"GAXJAX_PROCESS": str(index)} for index in range(count)]


def test_train_in_two_processes(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    """The same metrics as one process's, though one of them is told to stop; and one record.

    What they leave when they are killed is what one process leaves, in test_resume.py.
    """
    recipe, _ = tiny.copy(tmp_path_factory, tmp_path)
    one, workdir = tmp_path / "run", tmp_path / "two"
    command = ["train", str(recipe), "--workdir", str(workdir), "--checkpoint-kimg", "0.16"]
    processes = [runs.start(*command, **job) for job in together(2)]
    runs.until(lambda: runs.steps(workdir), processes[0])
    processes[1].send_signal(signal.SIGTERM)
    for status, _, errors in [runs.finish(process) for process in processes]:
        assert status == 128 + signal.SIGTERM and "Traceback" not in errors, errors
        assert f"stopped at step {runs.steps(workdir)[-1]}, all is saved" in errors
    rest = subprocess.Popen(
        ["bash", "launch/local.sh", "2", sys.executable, "-m", "gaxjax", *command],
        cwd=runs.REPOSITORY,
        env=os.environ | SETTINGS,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    status, output, errors = runs.finish(rest)
    assert status == 0, output + errors
    assert f"[0] samples: {workdir}/samples/0000000960.png" in output and "[1] samples" not in output
    assert "going on from" in output and "on 2 cpu devices" in output
    rows, others = runs.rows(one), runs.rows(workdir)
    assert [row["step"] for row in others] == [row["step"] for row in rows] and len(rows) == 9
    for expected, row in zip(rows, others, strict=True):
        assert row == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert {path.name for path in workdir.iterdir()} == {path.name for path in one.iterdir()}
    # One file of events for each start that came to a row.
    assert 1 <= len(list((workdir / "tensorboard").iterdir())) <= 2


@pytest.mark.slow  # test_fault_srun.py has the same of two tasks, which meet in another way
def test_what_one_process_refuses_stops_all(tmp_path: Path) -> None:
    recipe = runs.write_recipe(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    processes = [runs.start("train", recipe, "--workdir", tmp_path / "full", **job) for job in together(2)]
    (first, _, said), (second, _, also_said) = [runs.finish(process) for process in processes]
    assert (first, second) == (2, 2), said + also_said
    assert "is there and is not a run of gaxjax" in said and "Traceback" not in said + also_said
    assert "error: another process cannot begin; its own message says why" in also_said


def test_batches_that_the_devices_cannot_share() -> None:
    def mesh(devices: int) -> Any:
        return SimpleNamespace(shape={"data": devices})

    parallel.check_batch(96, mesh(8))
    expected = "batch_size 100 is not divisible by 8 devices; use 96 or 104"
    with pytest.raises(InputError, match=f"^{expected}$"):
        parallel.check_batch(100, mesh(8))
    with pytest.raises(InputError, match=r"^batch_size 3 is not divisible by 8 devices; use 8$"):
        parallel.check_batch(3, mesh(8))
    parallel.check_batch(96, mesh(8), 3)
    expected = "batch_size 96 is not divisible by 8 devices in accumulate=8 parts; use 64 or 128"
    with pytest.raises(InputError, match=f"^{expected}$"):
        parallel.check_batch(96, mesh(8), 8)


def test_batch_is_refused_on_two_devices(tmp_path: Path) -> None:
    recipe = runs.write_recipe(tmp_path)
    arguments = ("train", recipe, "--workdir", tmp_path / "run", "--batch-size", "9")
    status, _, errors = runs.finish(runs.start(*arguments, JAX_NUM_CPU_DEVICES="2"))
    assert status == 2 and errors == "error: batch_size 9 is not divisible by 2 devices; use 8 or 10\n"
    assert not (tmp_path / "run").exists()


def test_mesh_of_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many devices along the seeds as divide both, the rest along the batch."""
    device = jax.devices()[0]
    for devices, seeds, shape in ((4, 2, (2, 2)), (8, 3, (1, 8)), (6, 4, (2, 3)), (2, 6, (2, 1))):
        monkeypatch.setattr(jax, "devices", lambda count=devices: [device] * count)
        mesh = parallel.make_mesh(seeds)
        assert (mesh.axis_names, mesh.devices.shape) == (("seed", "data"), shape)
        assert parallel.make_mesh().devices.shape == (devices,)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "GAXJAX_PROCESSES and GAXJAX_PROCESS must be numbers"),
        ({"GAXJAX_PROCESSES": "2", "GAXJAX_PROCESS": "x"}, "must be numbers"),
        (
            {"GAXJAX_PROCESSES": "2", "GAXJAX_PROCESS": "2"},
            "GAXJAX_PROCESS 2 is not one of 2 processes; use 0 to 1",
        ),
    ],
)
def test_settings_of_processes(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], message: str
) -> None:
    for name in ("GAXJAX_PROCESSES", "GAXJAX_PROCESS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"GAXJAX_COORDINATOR": "127.0.0.1:1"} | variables).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=message):
        parallel.initialize()
