"""What a run keeps other packages from saying, and nothing else."""

import logging
import traceback
from pathlib import Path

import numpy as np
import pytest
from absl import logging as absl_logging

from gaxjax.runs.checkpoint import Checkpoints
from gaxjax.runs.silence import silence_failed_saves


def test_orbax_is_silent_and_others_are_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "absl"):
        with Checkpoints(tmp_path / "checkpoints") as checkpoints:
            checkpoints.save(1, {"x": np.ones(3)}, {})
            absl_logging.warning("of somebody else")
        assert [record.message for record in caplog.records] == ["of somebody else"]
        import orbax.checkpoint as ocp

        ocp.CheckpointManager(tmp_path / "another").close()  # somebody's own, after the run
    assert len(caplog.records) > 1


def test_failures_of_a_save(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As they come from a full disk: logged long after they were raised, in orbax's code or not."""
    silence_failed_saves()
    logger = logging.getLogger("asyncio")
    for path in (tmp_path / "site-packages" / "orbax" / "writing.py", tmp_path / "elsewhere.py"):
        try:
            exec(compile("raise OSError(28, 'No space left on device')", path, "exec"))
        except OSError:
            logger.exception("exception was never retrieved")
    (record,) = caplog.records
    assert record.exc_info and "elsewhere.py" in str(traceback.extract_tb(record.exc_info[2]))
