"""gaxjax status: of runs that go on, are finished, were stopped or killed, and of folders of them."""

import json
import os
import time
from pathlib import Path

import pytest
import runs
import tiny

from gaxjax import cli
from gaxjax.runs.lock import Lock
from gaxjax.runs.status import find_runs, read_status


def say(capsys: pytest.CaptureFixture[str], *directories: Path) -> list[str]:
    assert cli.main(["status", *map(str, directories)]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.fixture
def run(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a finished run, with rates that are known."""
    copy = tmp_path / "runs" / "one"
    copy.parent.mkdir()
    tiny.copy(tmp_path_factory, tmp_path)[1].rename(copy)
    rows = [json.loads(line) for line in (copy / "metrics.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        row["images_per_second"] = 100.0 if number < 5 else 50.0
    (copy / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return copy


def test_a_finished_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nine rows: five at 100, four at 50 images per second; of the last five the median is 50."""
    (line,) = say(capsys, run)
    assert line.startswith(f"{run}: 100.0% of 0.96 kimg; 50 images/s, 50% of its median; checkpoint 60, ")
    assert line.endswith("s ago; finished")
    began, ended = map(json.loads, (run / "starts.jsonl").read_text().splitlines())
    assert (began["event"], ended["event"], ended["why"]) == ("start", "end", "finished")


def cut(run: Path, rows: int) -> None:
    """As if it had come so far."""
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(lines[:rows]))


def test_a_run_that_goes_on(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut(run, 4)  # 448 images of 960 at 100 a second
    with (lock := Lock(run)):
        assert lock.attempt()
        (line,) = say(capsys, run)
    assert "46.7% of 0.96 kimg; 100 images/s, 100% of its median; 5 s to go; " in line
    assert f"; trained by process {os.getpid()} on " in line


def test_a_run_on_another_machine(run: Path) -> None:
    with (lock := Lock(run)):
        assert lock.attempt()
        holder = json.loads((run / ".lock").read_text())
        (run / ".lock").write_text(json.dumps({**holder, "kernel": "another", "host": "far", "beats": 9}))
        os.utime(run / ".lock", (time.time() - 90, time.time() - 90))
        status = read_status(run)
    assert "on far" in status.holder and "whose last sign of life was 1 min 3" in status.holder


def test_what_stopped_it(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut(run, 4)
    *_, end = (run / "starts.jsonl").read_text().splitlines()
    row = json.loads(end)
    (run / "starts.jsonl").write_text(json.dumps({**row, "why": "No space left on device"}) + "\n")
    assert f"; nobody is at it: No space left on device ({row['time']})" in say(capsys, run)[0]
    (run / "starts.jsonl").write_text(json.dumps({**row, "event": "start", "why": ""}) + "\n")
    assert say(capsys, run)[0].endswith(f"which began at {row['time']}, left no word")
    (run / "starts.jsonl").unlink()
    assert say(capsys, run)[0].endswith("; nobody is at it")


def test_the_last_error_of_a_run_that_went_on(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut(run, 4)
    start, end = map(json.loads, (run / "starts.jsonl").read_text().splitlines())
    error = {**end, "event": "error", "why": "No space left on device"}
    stopped = {**end, "why": "stopped at step 60"}
    lines = [start, error, start, stopped, start]
    (run / "starts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with (lock := Lock(run)):
        assert lock.attempt()
        (line,) = say(capsys, run)
    assert line.endswith(f"; last error: No space left on device ({end['time']})") and "trained by" in line
    # Nobody is at it now: what is left of it takes as long as it did.
    assert "5 s to go at its last rate; " in say(capsys, run)[0]


def test_a_run_that_diverges_says_why(tmp_path: Path) -> None:
    text = runs.GAME.replace('"painter": Optimizer()', '"painter": Optimizer("sgd", 1e20)')
    recipe = runs.write_recipe(tmp_path, text)
    assert cli.main(["train", str(recipe), "--workdir", str(tmp_path / "run")]) == 1
    last = read_status(tmp_path / "run").starts[-1]
    assert last["event"] == "error" and "not finite" in last["why"]


def test_folders_of_runs(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    other = tmp_path / "runs" / "deep" / "two"
    other.mkdir(parents=True)
    (other / "recipe.json").write_text('{"kimg": 2.0, "stages": [{"kimg": 1.0}, {"kimg": 3.0}]}')
    assert find_runs(tmp_path / "runs") == [other, run]
    lines = say(capsys, tmp_path / "runs")
    assert lines[0] == f"{other}: 0.0% of 4 kimg; no checkpoint; nobody is at it"
    assert len(lines) == 2


def test_a_damaged_run_among_others(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    damaged = tmp_path / "runs" / "a"
    damaged.mkdir()
    (damaged / "recipe.json").write_text("{")
    assert cli.main(["status", str(tmp_path / "runs")]) == 2
    output = capsys.readouterr()
    first, second = output.out.splitlines()
    assert first.startswith(f"{damaged}: ") and "damaged" in first and second.startswith(f"{run}: 100.0%")
    assert "1 of 2 runs cannot be read" in output.err


@pytest.mark.parametrize(
    ("directory", "message"), [("none", "is no directory: name a run"), (".", "holds no run: none has")]
)
def test_refused(directory: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", str(tmp_path / directory)]) == 2
    assert message in capsys.readouterr().err
