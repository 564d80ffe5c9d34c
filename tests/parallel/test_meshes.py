"""The commands on several devices and in several processes: one run, but for how floats are rounded."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jax
import meshes
import numpy as np
import pytest
import runs
from PIL import Image
from test_parallel import SETTINGS, together

from gaxjax.runs import open as open_run
from gaxjax.runs.record import read_results
from gaxjax.transforms import leaves_by_path

CLOSE = 1e-5
"""Of parameters of order 1 after 16 steps of gradient descent at a rate of 0.01: a gradient is a mean over
the batch, at most 1e3 terms in another order, so off by some 10 units of 6e-8, at each step."""


def play(folder: Path, name: str) -> None:
    """`meshes.py` on so many processes x devices; one device is what this process has."""
    if name == "1x1":
        meshes.main(folder, name)
        return
    processes, devices = map(int, name.split()[0].split("x"))
    jobs = together(processes) if processes > 1 else [SETTINGS]
    here = {"JAX_NUM_CPU_DEVICES": str(devices), "PYTHONPATH": str(runs.REPOSITORY)}
    command = [sys.executable, "-W", "error", meshes.__file__, str(folder), name]
    started = [
        subprocess.Popen(
            command,
            cwd=runs.REPOSITORY,
            env=os.environ | here | job,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for job in jobs
    ]
    for status, _, errors in [runs.finish(process, 600) for process in started]:
        assert status == 0, errors


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The results on a mesh, made when they are first asked for; those of 2 x 2 before those that go on."""
    folder = tmp_path_factory.mktemp("meshes")
    (folder / "small.py").write_text(meshes.RECIPES)

    def results(name: str) -> Path:
        if name in ("1x1", "1x4"):
            results("2x2")
        if not (folder / name).exists():
            play(folder, "2x2" if name == "interleaved" else name)
        return folder / name

    return results


def state_of(workdir: Path) -> dict[str, np.ndarray]:
    """The state of a run's last checkpoint, by path."""
    state = open_run(workdir).state
    return {"/".join(path): np.asarray(leaf) for path, leaf in leaves_by_path(jax.device_get(state)).items()}


def assert_same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys() and len(one) > 20
    for leaf, value in one.items():
        np.testing.assert_allclose(other[leaf], value, rtol=CLOSE, atol=CLOSE, err_msg=leaf)


@pytest.mark.parametrize("name", ["1x2", "2x1", "2x2"])
def test_training_is_one_run(on: Callable[[str], Path], name: str) -> None:
    one, other = on("1x1") / "run", on(name) / "run"
    assert_same(state_of(one), state_of(other))
    rows, others = runs.rows(one), runs.rows(other)
    assert len(rows) == 4
    for row, expected in zip(others, rows, strict=True):
        assert row == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert [path.name for path in runs.pictures(other)] == [path.name for path in runs.pictures(one)]


def test_so_it_is_with_a_penalty_and_in_parts(on: Callable[[str], Path]) -> None:
    assert_same(state_of(on("1x1") / "parts"), state_of(on("1x2") / "parts"))


@pytest.mark.parametrize("name", ["1x1", "1x4"])
def test_a_run_of_two_processes_goes_on_on_other_devices(on: Callable[[str], Path], name: str) -> None:
    assert_same(state_of(on("1x1") / "run"), state_of(on(name) / "half"))
    assert len(runs.rows(on(name) / "half")) == 4


@pytest.mark.parametrize("name", ["1x2", "interleaved"])
def test_seeds_in_one_program_are_separate_runs(on: Callable[[str], Path], name: str) -> None:
    """Also where a process's devices are not neighbors in JAX's own order."""
    both = state_of(on(name) / "seeds")
    for seed, alone in enumerate(("run", "seed1")):
        assert_same(state_of(on("1x1") / alone), {leaf: value[seed] for leaf, value in both.items()})
    kernel = both["params/generator/Dense_0/kernel"]
    assert not np.allclose(kernel[0], kernel[1])


@pytest.mark.parametrize("name", ["1x2", "2x1"])
def test_sample_and_evaluate(on: Callable[[str], Path], name: str) -> None:
    """As on one device; one process speaks for all, and nothing is written twice."""
    one, other = on("1x1"), on(name)
    shown, expected = (np.asarray(Image.open(x / "sample.png"), np.int16) for x in (other, one))
    assert np.abs(shown - expected).max() <= 1
    results, asked = read_results(other / "run"), read_results(one / "run")
    assert [result.checkpoint for result in results] == [256, 512, 512]
    assert results[-1].value == results[-2].value == pytest.approx(asked[-1].value, rel=1e-3)


@pytest.mark.slow
def test_bench_and_table_of_two_processes(on: Callable[[str], Path]) -> None:
    others = on("2x1 others")
    assert "| step |" in (others / "bench0.md").read_text()
    assert (others / "bench1.md").read_text() == ""
    table = json.loads((others / "table" / "toys_ring.json").read_text())
    assert table and all(len(line["results"]) == 2 for line in table)
