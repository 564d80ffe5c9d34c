"""Rows of metrics.jsonl are lost while checkpoints survive, as in a mounted bucket: a silent gap

Right: rows are with the store before the checkpoint that comes after them, and a gap is named at a resume.
"""

import io
import shutil
from pathlib import Path
from typing import Any

import pytest
import runs
import tiny

from gaxjax.runs.record import Record
from gaxjax.runs.rows import RowWriter


def test_rows_are_kept_before_their_checkpoint(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that keeps what is closed, and a machine that is gone at the picture of step 30."""
    recipe, original = tiny.copy(tmp_path_factory, tmp_path)
    workdir, alive = tmp_path / "again", [True]

    class Buffer(io.FileIO):
        """Written beside the file that is meant, which gets it when this is closed."""

        def close(self) -> None:
            if not self.closed and alive:
                shutil.copy(str(self.name), workdir / "metrics.jsonl")
            super().close()

    def opened(self: RowWriter) -> io.FileIO:
        shutil.copy(workdir / "metrics.jsonl", tmp_path / "buffer")
        return Buffer(tmp_path / "buffer", "ab")

    def picture(self: Record, images: int, *_: Any) -> Path:
        if images == 16 * 30:
            alive.clear()
            raise KeyboardInterrupt
        return workdir

    with monkeypatch.context() as patch:
        patch.setattr(RowWriter, "_open", opened)
        patch.setattr(Record, "add_picture", picture)
        assert tiny.train(recipe, workdir) == 130
    assert runs.steps(workdir)[-1] == 25  # 28 was logged since
    assert [row["step"] for row in runs.rows(workdir)] == [7, 14, 21]
    assert tiny.train(recipe, workdir) == 0
    assert runs.rows(workdir) == runs.rows(original)


def test_gap_is_told(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, run = tiny.copy(tmp_path_factory, tmp_path)
    capsys.readouterr()
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(lines[:1] + lines[4:8]))
    assert tiny.train(recipe, run) == 0
    where = "before step 60, where the run goes on: between steps 7 and 35, 56 and 60"
    assert capsys.readouterr().err == f"metrics.jsonl has lost rows {where}\n"
