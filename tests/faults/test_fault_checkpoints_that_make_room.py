"""Sampling from a run that goes on: the checkpoints that were listed are gone when they are read.

Right: they have made room for others, which are looked for again: a run can be sampled while it trains.
"""

import shutil
from pathlib import Path

import saving

from gaxjax.runs.checkpoint import Checkpoints


def test_listed_again(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    saving.save(folder, 1, 2)
    listed: list[int] = []
    with Checkpoints(folder, writable=False) as checkpoints:

        def load(step: int) -> int:
            if not listed:
                shutil.rmtree(folder / "000000001")
                shutil.rmtree(folder / "000000002")
                saving.save(folder, 3, 4)
            listed.append(step)
            checkpoints.restore(step, saving.LIKE)
            return step

        assert checkpoints.load_newest(load) == 4
    assert listed == [2, 4]
