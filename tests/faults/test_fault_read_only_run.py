"""Measuring a run that cannot be written to ends in an error, and prints no number.

Right: the numbers are printed, and a line says that they are not kept with the run.
"""

from pathlib import Path

import pytest
import runs

from gaxjax import cli


def test_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert cli.main(["train", f"{runs.write_recipe(tmp_path)}:short", "--workdir", str(run)]) == 0
    (run / "results.jsonl").symlink_to(tmp_path / "nowhere/results.jsonl")  # not even root can write there
    capsys.readouterr()
    assert cli.main(["evaluate", str(run), *["--metrics", "fid", "--features", "pixels", "--n", "70"]]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("FID-pixels ")
    assert "warning: results are not kept with the run: " in said.err and "results.jsonl" in said.err
