"""A real Ray of two nodes on this machine, one of which is killed: nothing is lost, and nothing run twice."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import runs

from gaxjax import cli

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*:Warning:ray")]
TABLE = "toys --budget 0.1 --seeds 2 --no-together --only ring/minimax_alternating,ring/minimax_simultaneous"


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Two nodes, each with room for one run."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    room = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args=room)
    cluster.add_node(**room)
    yield cluster
    cluster.shutdown()


def test_a_node_is_lost(cluster: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone, scheduled = tmp_path / "alone", tmp_path / "scheduled"
    assert cli.main(["table", *TABLE.split(), "--out", str(alone)]) == 0
    capsys.readouterr()
    (node,) = cluster.worker_nodes
    raylet = node.all_processes["raylet"][0].process.pid
    command = ["table", *TABLE.split(), "--out", str(scheduled), "--workers", f"ray:{cluster.address}"]
    process = runs.start(*command)
    victim = runs.until(lambda: run_in_the_middle(scheduled, raylet), process)
    cluster.remove_node(node, allow_graceful=False)
    status, output, errors = runs.finish(process, 600)
    assert status == 0, (output, errors)

    # The table is the one that this process makes alone.
    assert (scheduled / "toys_ring.md").read_text() == (alone / "toys_ring.md").read_text()
    assert (scheduled / "toys_ring.csv").read_text() == (alone / "toys_ring.csv").read_text()
    folders = sorted(path.parent.relative_to(alone) for path in alone.rglob("recipe.json"))
    assert len(folders) == 4 and output.count("] ring/") == 4 and "[4/4] " in output
    for folder in folders:
        # Bit for bit, and every row of the metrics once.
        assert runs.stored(alone / folder, 2_000) == runs.stored(scheduled / folder, 2_000)
        assert runs.rows(alone / folder) == runs.rows(scheduled / folder)
        events = [json.loads(line) for line in (scheduled / folder / "starts.jsonl").read_text().splitlines()]
        # The run of the lost node was begun there and ended elsewhere; every other one was begun once.
        expected = ["start", "start", "end"] if scheduled / folder == victim else ["start", "end"]
        assert [event["event"] for event in events] == expected, folder
        measured = (scheduled / folder / "results.jsonl").read_text().splitlines()
        assert len(measured) == 3
    log = (scheduled / "logs" / f"{victim.relative_to(scheduled)}.log".replace("/", ".")).read_text()
    assert log.count("\n== ") == 2 and log.count("going on from ") == 1


def run_in_the_middle(out: Path, raylet: int) -> Path | None:
    """A run of the node of that raylet that has saved, and is not about to end."""
    for lock in out.glob("ring/*/*/.lock"):
        try:
            process = json.loads(lock.read_text())["process"]
            parent = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):  # it has just ended, or begins
            continue
        if parent == raylet and 500 <= max(runs.steps(lock.parent), default=0) <= 1_000:
            return lock.parent
    time.sleep(0.05)
    return None
