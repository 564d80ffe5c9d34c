"""A full disk takes part of a row of results.jsonl, nobody checks, and every later start fails at that line

Right: a row is written whole or not at all; a last line that was cut off is dropped with a word.
"""

import errno
from pathlib import Path
from typing import Any

import pytest
import runs
import tiny

from gaxjax import files
from gaxjax.metrics.result import Result
from gaxjax.runs import rows
from gaxjax.runs.record import append_results, read_results


class Full:
    """A file on a disk that has room for a few bytes more."""

    def __init__(self, file: Any, room: int):
        self._file, self._room = file, room

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, content: bytes) -> int:
        return int(self._file.write(content[: self._room]))


def test_row_on_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n')
    with open(path, "ab", buffering=0) as file:
        with pytest.raises(OSError, match="No space left on device") as failure:
            files.append(Full(file, 7), b'{"a": 2}\n')  # type: ignore[arg-type]
        assert failure.value.errno == errno.ENOSPC and failure.value.filename == str(path)
        assert path.read_bytes() == b'{"a": 1}\n'
        files.append(file, b'{"a": 3}\n')
    assert rows.read_rows(path, dict) == [{"a": 1}, {"a": 3}]


@pytest.mark.parametrize("torn", [b'{"metric": "fid", "val', b"\0\0\0"])
def test_torn_last_line(tmp_path: Path, torn: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    append_results(tmp_path, [Result("fid", 1.0)])
    path = tmp_path / "results.jsonl"
    with open(path, "ab") as file:
        file.write(torn)
    assert [result.value for result in read_results(tmp_path)] == [1.0]
    append_results(tmp_path, [Result("fid", 2.0)])
    said = capsys.readouterr().err
    assert said == f"{path}: its last line was cut off after {len(torn)} bytes, and is dropped\n"
    assert [result.value for result in read_results(tmp_path)] == [1.0, 2.0]


def test_line_that_lacks_its_end_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As an editor may leave it, or a disk that was full by one byte: it is a whole row."""
    append_results(tmp_path, [Result("fid", 1.0)])
    path = tmp_path / "results.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    append_results(tmp_path, [Result("fid", 2.0)])
    assert [result.value for result in read_results(tmp_path)] == [1.0, 2.0]
    assert capsys.readouterr().err == ""


def test_run_goes_on(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, run = tiny.copy(tmp_path_factory, tmp_path)
    before = runs.rows(run)
    for name in ("metrics.jsonl", "results.jsonl", "rollbacks.jsonl"):
        with open(run / name, "ab") as file:
            file.write(b'{"step": 67, "ima')
    assert tiny.train(recipe, run) == 0
    said = capsys.readouterr().err
    for name in ("metrics.jsonl", "results.jsonl", "rollbacks.jsonl"):
        assert f"{run / name}: its last line was cut off after 17 bytes, and is dropped\n" in said
    assert runs.rows(run) == before and (run / "results.jsonl").read_bytes() == b""
