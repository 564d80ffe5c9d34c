"""Runs of a table as tasks: what an engine is asked and what it answers, by engines that cost nothing."""

import dataclasses
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import answering
import pytest

from gaxjax import cli
from gaxjax.errors import InputError, Interrupted, RunsFailed
from gaxjax.metrics.result import Result
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.runs.lock import InUse
from gaxjax.tables import toys, workers
from gaxjax.tables.table_run import TableRun
from gaxjax.tables.workers import Workers, local, make_runs, slurm
from gaxjax.tables.workers import task as tasks
from gaxjax.tables.workers.task import Outcome, Task, perform_task

RECIPE = toys.recipe("ring", "minimax", "alternating")


def run_in(folder: Path) -> TableRun:
    """A run of a table that is in this folder."""
    return TableRun(folder, folder.name, RECIPE, (("fid", Evaluation("points", n=10)),))


@pytest.mark.parametrize(
    "options",
    [
        {"workers": "locl:2"},
        {"workers": "local"},
        {"workers": "local:0"},
        {"workers": "ray:"},
        {"workers": "slurm:many"},
        {"workers": "ray", "cpus": -1},
        {"workers": "ray", "retries": -1},
        {"workers": "slurm", "hours": 0.0},
    ],
)
def test_workers_that_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(
        InputError, match=r"workers is local:N, ray, ray:ADDRESS, slurm|hours are more; got cpus"
    ):
        Workers(**options)


def test_workers_that_there_are() -> None:
    assert Workers().engine == ("", "") and Workers("ray").engine == ("ray", "")
    assert Workers("ray:head:6379").engine == ("ray", "head:6379")
    assert Workers("slurm:4").engine == ("slurm", "4") and Workers("local:16").engine == ("local", "16")


def test_an_engine_that_is_not_installed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = f"table toys --out {tmp_path / 'out'} --budget smoke --only ring/minimax_alt --workers".split()
    for engine, package in (("ray", "ray"), ("slurm", "submitit")):
        monkeypatch.setitem(sys.modules, package, None)
        assert cli.main([*command, engine]) == 2
        message = capsys.readouterr().err
        assert message.startswith(f"error: {package} is not installed") and "'gaxjax[workers]'" in message
    assert cli.main([*command, "sparrow"]) == 2
    assert not list((tmp_path / "out").rglob("recipe.json"))


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """Folders of the runs that count as made."""
    folders: set[Path] = set()

    def read(run: TableRun) -> list[list[Result]] | None:
        return [[Result("fid", 3.0)]] if run.folder in folders else None

    monkeypatch.setattr(workers, "read_all_measurements", read)
    return folders


def test_what_fails_is_told_after_all_others(
    tmp_path: Path,
    measured: set[Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ["finished", "made", "bad", "collapsed", "late"]
    runs = [run_in(tmp_path / name) for name in names]
    measured.add(tmp_path / "finished")
    asked: list[str] = []
    log = tmp_path / "logs" / "bad.log"

    def run_tasks(given: Sequence[Task], _: Workers) -> Iterator[tuple[Task, Outcome]]:
        asked.extend(task.name for task in given)
        for task in reversed(given):  # in any order
            # The sign by which a task sees that it is in the command's folder.
            assert task.sign.exists() and task.sign.is_relative_to(tmp_path)
            failed = Outcome("failed", "KeyError: 'x'")
            outcome = {"bad": failed, "collapsed": Outcome("diverged", "the loss is nan")}.get(task.name)
            if outcome is None:
                measured.add(task.run.folder)
            if task.name == "bad":
                task.log.touch()
            yield task, outcome or Outcome("made")

    fake = ModuleType("fake")
    fake.run_tasks = run_tasks  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fake", fake)
    monkeypatch.setitem(workers.ENGINES, "local", "fake")
    with pytest.raises(RunsFailed) as failure:
        make_runs(tmp_path, runs, Workers("local:3"))
    # What was finished is no task.
    assert asked == names[1:]
    expected = "1 of 5 runs failed; the others are kept, and the same command goes on with these alone:\n"
    assert str(failure.value) == f"{expected}  bad: KeyError: 'x'\n    its log: {log}"
    said = capsys.readouterr().out
    assert said.startswith("5 runs, 1 of them finished; local:3\n[1/4] late: FID 3 (1)\n")
    assert "[2/4] collapsed: the loss is nan\n" in said and "[4/4] made: FID 3 (1)\n" in said
    assert list((tmp_path / "logs").iterdir()) == [log]

    # The same again makes those that are left, and a run that diverges is a result.
    asked.clear()
    monkeypatch.setattr(fake, "run_tasks", lambda given, _: ((t, Outcome("diverged", "nan")) for t in given))
    assert make_runs(tmp_path, runs, Workers("local:3")) == {
        tmp_path / n: "nan" for n in ("bad", "collapsed")
    }


def test_a_stopped_command_closes_its_engine(
    tmp_path: Path, measured: set[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = []

    def run_tasks(given: Sequence[Task], _: Workers) -> Iterator[tuple[Task, Outcome]]:
        try:
            signal.raise_signal(signal.SIGTERM)
            yield given[0], Outcome("made")
        finally:
            closed.append(True)

    fake = SimpleNamespace(run_tasks=run_tasks)
    monkeypatch.setitem(sys.modules, "fake", fake)  # type: ignore[arg-type]
    monkeypatch.setitem(workers.ENGINES, "ray", "fake")
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted, match="the same command goes on"):
        make_runs(tmp_path, [run_in(tmp_path / "a")], Workers("ray"))
    assert closed == [True] and signal.getsignal(signal.SIGTERM) is before


# A task


@pytest.fixture
def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    """A task of this process, whose folder and environment come back after it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAXJAX_COORDINATOR", "none")
    monkeypatch.setattr(tasks, "configure_jax", lambda **_: None)
    monkeypatch.setattr(tasks, "APPEARANCE", 0.0)
    monkeypatch.setattr(tasks, "POLL", 0.0)
    sign = tmp_path / "out" / "logs" / ".sign"
    sign.parent.mkdir(parents=True)
    sign.touch()
    return Task("a", run_in(Path("out/a")), sign.with_name("a.log"), sign, tmp_path, {})


def test_how_a_task_ends(one: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[Any] = [InUse("it is being trained"), InUse("still"), ""]

    def make(run: TableRun) -> str:
        assert run == one.run and Path.cwd() == one.directory
        end = ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end

    monkeypatch.setattr(tasks, "make_run", make)
    # The process of a lost node may end a moment later than the node.
    assert perform_task(one) == Outcome("made") and ends == []
    for end, outcome in (
        ("the loss is nan", Outcome("diverged", "the loss is nan")),
        (Interrupted("saved", 15), Outcome("stopped", "saved")),
        (InputError("no data"), Outcome("failed", "no data")),
        (KeyError("x"), Outcome("failed", "KeyError: 'x'")),
    ):
        ends.append(end)
        assert perform_task(one) == outcome
    monkeypatch.setattr(tasks, "PATIENCE", -1.0)
    ends.append(InUse("it is being trained"))
    assert perform_task(one) == Outcome("failed", "it is being trained")
    gpus = perform_task(dataclasses.replace(one, gpus=2))
    assert gpus.kind == "failed" and gpus.message.startswith("2 GPUs were asked for, and JAX finds none on ")


def test_a_task_in_another_place_than_the_command_s(one: Task) -> None:
    one.sign.unlink()
    outcome = perform_task(one)
    assert outcome.kind == "failed" and "is not the command's: --out must be on a disk" in outcome.message
    outcome = perform_task(dataclasses.replace(one, directory=Path("/nowhere")))
    assert outcome.kind == "failed" and outcome.message.startswith("/nowhere is not on ")


# Processes of this machine


def test_processes_that_are_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One at a time or two, each place with one of them; a killed one is begun again, so often."""
    monkeypatch.setattr(local, "answer_task", answering.answer)
    monkeypatch.setattr(local, "plan_places", lambda *_: ["left", "right"])
    given = [
        # Not an Outcome, whose module takes seconds to import: it is only handed on.
        SimpleNamespace(name=name, folder=str(tmp_path), outcome=SimpleNamespace(kind="made", message=name))
        for name in ("plain", "killed", "hopeless", "broken", "last")
    ]
    ended = list(local.run_tasks(given, Workers("local:2", retries=1)))  # type: ignore[arg-type]
    outcomes = {task.name: (outcome.kind, outcome.message) for task, outcome in ended}
    assert len(ended) == 5 and outcomes == {
        "plain": ("made", "plain"),
        "killed": ("made", "killed"),
        "hopeless": ("stopped", "its process was killed by signal 9"),
        "broken": ("failed", "its process was gone with status 7"),
        "last": ("made", "last"),
    }
    counts = {task.name: (tmp_path / f"{task.name}.txt").read_text().count("\n") for task in given}
    assert counts == {"plain": 1, "killed": 2, "hopeless": 2, "broken": 1, "last": 1}


def test_places_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 5}, raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1,0")
    assert local.plan_places(2, 2, 1) == [local.Place((0, 1), "3"), local.Place((2, 5), "1")]
    assert local.plan_places(9, 0, 0) == [local.Place((), "")] * 9
    with pytest.raises(InputError, match="local:3 with 2 cores each, but this process may use 4"):
        local.plan_places(3, 2, 0)
    with pytest.raises(InputError, match="local:2 with 2 GPUs each, but there are 3 GPUs here"):
        local.plan_places(2, 0, 2)


# SLURM


class Job:
    """One of submitit's, as far as it is asked here."""

    paths = SimpleNamespace(stderr="job.err")

    def __init__(self, folder: Path, job_id: str, state: str = "", outcome: Outcome | None = None):
        self.job_id, self.state, self._outcome = job_id, state, outcome

    def done(self) -> bool:
        return self.state != "RUNNING"

    def result(self) -> Outcome:
        if self._outcome is None:
            raise RuntimeError("a whole log")
        return self._outcome


class Executor:
    """Takes what is submitted."""

    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}
        self.submitted: list[str] = []

    def update_parameters(self, **parameters: Any) -> None:
        self.parameters = parameters

    def map_array(self, function: Any, given: Sequence[Task]) -> list[Job]:
        self.submitted += [task.name for task in given]
        return [
            Job(Path(), f"7_{i}", "FAILED", None if task.name == "b" else Outcome("made"))
            for i, task in enumerate(given)
        ]


def test_jobs_of_an_array(one: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    executor, asked = Executor(), []

    def make(folder: Path, **options: Any) -> Executor:
        asked.append((folder, options))
        return executor

    def known(folder: Path, number: str) -> Job:
        return Job(folder, number, {"5_0": "RUNNING", "5_1": "UNKNOWN"}[number], Outcome("made"))

    helpers = SimpleNamespace(as_completed=lambda jobs, poll_frequency: iter(jobs))
    monkeypatch.setitem(
        sys.modules,
        "submitit",
        SimpleNamespace(AutoExecutor=make, SlurmJob=known, helpers=helpers),  # type: ignore[arg-type]
    )
    folder = one.sign.parents[1] / "slurm"
    folder.mkdir()
    # Of an earlier command: one is at work, the other is forgotten.
    (folder / "jobs.json").write_text(json.dumps({"a": "5_0", "c": "5_1"}))
    given = [dataclasses.replace(one, name=name) for name in ("a", "b", "c")]
    settings = Workers("slurm:4", cpus=3, gpus=2, hours=1.5, retries=5, sbatch="--partition=gpu mem=8G")
    outcomes = {task.name: outcome for task, outcome in slurm.run_tasks(given, settings)}
    assert executor.submitted == ["b", "c"]
    assert outcomes["a"] == outcomes["c"] == Outcome("made")
    assert outcomes["b"] == Outcome("failed", "SLURM's job 7_0 ended as FAILED; job.err may say why")
    assert json.loads((folder / "jobs.json").read_text()) == {"a": "5_0", "b": "7_0", "c": "7_1"}
    assert asked == [(folder, {"cluster": "slurm", "slurm_max_num_timeout": 5})]
    assert executor.parameters == {
        "name": "gaxjax",
        "timeout_min": 90,
        "cpus_per_task": 3,
        "gpus_per_node": 2,
        "slurm_array_parallelism": 4,
        "slurm_signal_delay_s": 180,
        "slurm_additional_parameters": {"partition": "gpu", "mem": "8G", "requeue": True},
    }


def test_a_job_saves_before_it_is_queued_again(one: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """USR2 while the run is trained becomes SIGTERM, after which it is saved; else there is nothing to."""
    queued: list[str] = []

    def requeue(number: int, _: Any) -> None:
        queued.append(saved[-1])
        raise SystemExit(1)

    saved = ["not yet"]

    def train(task: Task) -> Outcome:
        before = signal.signal(signal.SIGTERM, lambda *_: saved.append("saved"))
        signal.raise_signal(signal.SIGUSR2)
        signal.signal(signal.SIGTERM, before)
        return Outcome("stopped")

    def measure(task: Task) -> Outcome:
        signal.raise_signal(signal.SIGUSR2)
        raise AssertionError("it goes on")

    handlers = {number: signal.getsignal(number) for number in (signal.SIGUSR2, signal.SIGTERM)}
    try:
        for perform, expected in ((measure, "not yet"), (train, "saved")):
            signal.signal(signal.SIGUSR2, requeue)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            monkeypatch.setattr(slurm, "perform_task", perform)
            with pytest.raises(SystemExit):
                slurm.Requeued()(one)
            assert queued.pop() == expected
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
