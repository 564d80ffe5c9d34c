"""Jobs through submitit itself, on this machine: what SLURM would tell a job before its time is over."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import runs

from gaxjax import cli

pytestmark = pytest.mark.slow
TABLE = "toys --budget 0.1 --seeds 1 --no-together --only ring/minimax_alternating"
COMMAND = """
import sys
from gaxjax import cli
from gaxjax.tables.workers import slurm
slurm.CLUSTER, slurm.POLL = "local", 0.2
sys.exit(cli.main(sys.argv[1:]))
"""
"""Where submitit would start srun it starts processes."""


def test_a_job_whose_time_is_over(tmp_path: Path) -> None:
    """It saves where it is, is queued again, and goes on from there to the run of one start."""
    pytest.importorskip("submitit")
    alone, scheduled = tmp_path / "alone", tmp_path / "scheduled"
    run = Path("ring") / "minimax_alternating" / "seed0"
    assert cli.main(["table", *TABLE.split(), "--out", str(alone)]) == 0
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "table", *TABLE.split(), "--out", scheduled, "--workers", "slurm"],
        cwd=runs.REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    runs.until(lambda: 500 in runs.steps(scheduled / run), process)
    os.kill(json.loads((scheduled / run / ".lock").read_text())["process"], signal.SIGUSR2)
    status, output, errors = runs.finish(process)
    assert status == 0 and "0 jobs go on, 1 are submitted" in output, errors
    assert runs.stored(alone / run, 2_000) == runs.stored(scheduled / run, 2_000)
    assert runs.rows(alone / run) == runs.rows(scheduled / run)
    assert (alone / "toys_ring.md").read_bytes() == (scheduled / "toys_ring.md").read_bytes()
    events = [json.loads(line) for line in (scheduled / run / "starts.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["start", "end", "start", "end"]
    assert events[1]["why"].startswith("stopped at step ") and events[3]["why"] == "finished"
    assert list(json.loads((scheduled / "slurm" / "jobs.json").read_text())) == [str(run)]
