"""The table of toys: its rows, and the command, which goes on where it was stopped."""

import csv
import itertools
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gaxjax import cli
from gaxjax.data import open_source
from gaxjax.errors import InputError
from gaxjax.parallel import devices
from gaxjax.programs.program import check_programs, stage_programs
from gaxjax.recipe.serialization import describe, differences
from gaxjax.runs.record import read_results
from gaxjax.tables import table_run, toys


def runs_of(pairs: str, only: str = "") -> set[str]:
    return {row.name for data in toys.DATA for row in toys.rows(data, pairs, only)}


def test_the_budgets() -> None:
    every, cross, least = (runs_of(pairs) for pairs in ("all", "cross", "least"))
    pairs = list(itertools.product(toys.OBJECTIVES, toys.SOLVERS))
    assert len(every) == 2 * len(pairs) and least < cross < every
    assert len(cross) == 2 * (len(toys.OBJECTIVES) + len(toys.SOLVERS) - 1) == 26
    assert least == {f"{d}/minimax_{s}" for d in ("ring", "grid") for s in ("alternating", "unrolled_5_")}
    recipe = toys.recipe("ring", "minimax", "alternating")
    (stage,) = recipe.all_stages
    assert (stage.steps, stage.images_per_step) == (20_000, 128)


def test_rows_that_are_asked_for() -> None:
    assert all("unrolled" in name for name in runs_of("all", "unrolled"))
    assert len(runs_of("all", "unrolled, DRAGAN")) == 2 * (8 + 6 - 1)
    assert runs_of("cross", "grid/minimax_opt") == {"grid/minimax_optimistic"}
    assert runs_of("least", "DRAGAN") == set()
    rows = toys.rows("ring", "least", "alternating")
    assert [(row.metric, row.better) for row in rows] == [
        ("modes found", "higher"),
        ("high quality", "higher"),
        ("sliced distance", "lower"),
    ]
    assert {row.printed for row in rows} == {None}


def test_runs_differ_by_what_their_names_say() -> None:
    plain = describe(toys.recipe("ring", "non-saturating", "alternating"))
    for objective, solver in itertools.product(toys.OBJECTIVES, toys.SOLVERS):
        other = describe(toys.recipe("grid", objective, solver))
        found = {line.split(":")[0].rsplit(".", 1)[0] for line in differences(plain, other)}
        assert {name.split(".")[0] for name in found} <= {"gan", "solver", "optimizers", "data"}
        assert not any("generator" in name and name.startswith("gan") for name in found)


@pytest.mark.parametrize(("objective", "solver"), [("R3GAN", "competitive (ACGD)"), ("DRAGAN", "optimistic")])
def test_any_pair_can_be_played(objective: str, solver: str) -> None:
    recipe = toys.recipe("ring", objective, solver)
    check_programs(stage_programs(recipe, open_source(recipe.data).spec))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of each of two seeds, on the ring; not to be changed."""
    table_run.feature_protocol.cache_clear()
    out = tmp_path_factory.mktemp("toys") / "table"
    assert cli.main(command(out)) == 0
    return out


def command(out: Path) -> list[str]:
    only = "ring/minimax_alternating,ring/minimax_simultaneous"
    return f"table toys --out {out} --budget 0.001 --seeds 2 --only {only}".split()


def values(out: Path) -> list[list[float]]:
    """Of every row, for each seed."""
    told = json.loads((out / "toys_ring.json").read_text())
    return [[result["value"] for result in entry["results"]] for entry in told]


def test_the_table_and_its_picture(table: Path) -> None:
    assert {path.name for path in table.iterdir()} == {
        "ring",
        *(f"toys_ring.{end}" for end in ("md", "csv", "json", "png")),
    }
    text = (table / "toys_ring.md").read_text()
    head, _, *rows = (line for line in text.splitlines() if line.startswith("| "))
    numbers = " | ".join(f"{metric}, ours (runs)" for metric in toys.METRICS)
    assert head == f"| row | {numbers} | verdict | kimg |"
    assert [row.split(" | ")[0] for row in rows] == ["| minimax; alternating", "| minimax; simultaneous"]
    assert all(
        row.endswith("| no number in the paper, at 0.001 of the paper's length | 2.56 |") for row in rows
    )
    assert text.count("10,000 points against 10,000 of ring (8 Gaussians, spread 2, deviation 0.02)") == 2
    assert text.count("modes found, high quality: 10,000 points") == 1
    with Image.open(table / "toys_ring.png") as picture:
        assert picture.size == (1000, 400)
    lines = list(csv.DictReader((table / "toys_ring.csv").read_text().splitlines()))
    assert [line["metric"] for line in lines] == ["modes found", "high quality", "sliced distance"] * 2
    results = read_results(table / "ring" / "minimax_alternating" / "seeds2")
    assert len(results) == 6 and {(result.trained, result.checkpoint) for result in results} == {
        (0, 2560),
        (1, 2560),
    }
    by_metric = [[r.value for r in results if r.metric == metric] for metric in toys.METRICS]
    assert values(table)[:3] == by_metric
    first, second = by_metric[2]
    assert first != second and 0 < first < 10
    assert np.isclose([float(x) for x in lines[2]["values"].split()], [first, second], rtol=1e-5).all()


def test_a_table_that_was_stopped_goes_on(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C comes at step 7 of the second run; the first one is neither trained nor measured again."""
    steps, out = itertools.count(1), tmp_path / "table"

    def stopping(advance: Any, _: Any) -> Any:
        def one(*arguments: Any) -> Any:
            if next(steps) == 20 + 7:
                os.kill(os.getpid(), signal.SIGINT)
            return advance(*arguments)

        return one

    with monkeypatch.context() as patch:
        patch.setattr(devices, "block_on_cpu", stopping)
        assert cli.main(command(out)) == 130
    said = capsys.readouterr()
    assert said.out.count("modes found") == 1 and "stopped at step 7, all is saved" in said.err
    assert not (out / "toys_ring.md").exists()
    finished = out / "ring" / "minimax_alternating" / "seeds2"
    kept = [finished / name for name in ("metrics.jsonl", "results.jsonl", "checkpoints/000000020")]
    before = [path.stat().st_mtime_ns for path in kept]

    assert cli.main(command(out)) == 0
    said = capsys.readouterr()
    assert said.out.count("this run is finished") == 1
    assert said.out.count(f"going on from {7 * 128} images") == 1
    assert [path.stat().st_mtime_ns for path in kept] == before
    assert values(out) == values(table)
    text = (out / "toys_ring.md").read_text()
    assert text == (table / "toys_ring.md").read_text()

    # The same command again trains and measures nothing.
    monkeypatch.setattr(table_run, "evaluate_run", None)
    assert cli.main(command(out)) == 0
    assert capsys.readouterr().out.count("this run is finished") == 2
    assert (out / "toys_ring.md").read_text() == text


def test_a_process_of_its_own_makes_the_same(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of two runs one is there and the other is made by a process: the table is that of one process."""
    out = tmp_path / "table"
    shutil.copytree(table, out)
    run = out / "ring" / "minimax_simultaneous" / "seeds2"
    shutil.rmtree(run)
    assert cli.main([*command(out), "--workers", "local:1", "--cpus", "1"]) == 0
    said = capsys.readouterr().out
    assert "2 runs, 1 of them finished; local:1\n[1/1] ring/minimax_simultaneous/seeds2: modes found " in said
    for name in (
        "toys_ring.md",
        "toys_ring.csv",
        "toys_ring.png",
        "ring/minimax_simultaneous/seeds2/samples.gif",
    ):
        assert (out / name).read_bytes() == (table / name).read_bytes(), name
    log = (out / "logs" / "ring.minimax_simultaneous.seeds2.log").read_text()
    assert "== ring/minimax_simultaneous/seeds2 on " in log and "starting, on " in log
    assert "sliced distance " in log and [path.name for path in (out / "logs").iterdir()] == [
        "ring.minimax_simultaneous.seeds2.log"
    ]


def test_a_run_is_measured_by_the_command(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = table / "ring" / "minimax_alternating" / "seeds2"
    before = read_results(run)
    assert cli.main(["evaluate", str(run), "--metrics", "points", "--n", "10000"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6 and lines[0].startswith("modes found ")
    after = read_results(run)
    assert [result.value for result in after[6:]] == [result.value for result in before]
    assert cli.main(["evaluate", str(run), "--metrics", "fid", "--features", "pixels"]) == 2
    assert "fid measures images and clips, not examples of shape (2,): use points" in capsys.readouterr().err


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="seeds must be at least 1; got 0"):
        toys.make(tmp_path / "out", seeds=0)
    with pytest.raises(
        InputError, match=r"'sgd' leaves no run .*; objectives: minimax, .*solvers: alternating"
    ):
        toys.make(tmp_path / "out", only="sgd")
    with pytest.raises(InputError, match=r"budget is smoke, small, paper or a share .*; got 'tiny'"):
        toys.make(tmp_path / "out", budget="tiny")
    assert not (tmp_path / "out").exists()
