"""Processes that do not share the workdir train to the end, save nothing, and hang.

Right: before the first step each looks for what process 0 has written there; all end with status 2.
"""

from pathlib import Path

import runs
from launching import job

# A process looks for 20 s, for a network's disk may be slow; what it then says does not depend on how long.
BRIEFLY = """
from gaxjax.parallel.processes import check_shared

check_shared.__defaults__ = (2.0,)
"""


def test_a_workdir_of_ones_own_is_refused(tmp_path: Path) -> None:
    recipe = runs.write_recipe(tmp_path, runs.GAME + BRIEFLY)
    own = [tmp_path / "zero", tmp_path / "one"]
    processes = [
        runs.start("train", recipe, "--workdir", workdir, **environment)
        for workdir, environment in zip(own, job(2), strict=True)
    ]
    (first, _, said), (second, _, also_said) = [runs.finish(process) for process in processes]
    assert (first, second) == (2, 2), said + also_said
    assert "error: another process cannot begin; its own message says why" in said
    assert "error: process 1 on " in also_said
    assert f"does not see what process 0 has written to the --workdir: {own[1]} must be" in also_said
    assert not own[1].exists() and not list(own[0].glob(".*"))
