"""A row of NULs in metrics.jsonl or garbage in results.jsonl: a traceback; in rollbacks.jsonl: half the rates

Right: the file and the line are named, and nothing is changed until they are mended.
"""

from pathlib import Path

import pytest
import tiny

from gaxjax.errors import InputError
from gaxjax.runs.record import read_metrics, read_results


@pytest.mark.parametrize(
    ("name", "line"),
    [("metrics.jsonl", b"\0\0\0\0"), ("results.jsonl", b"garbage"), ("rollbacks.jsonl", b"garbage")],
)
def test_damaged_line_is_named(
    name: str,
    line: bytes,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe, run = tiny.copy(tmp_path_factory, tmp_path)
    path = run / name
    text = path.read_bytes() if path.exists() else b""
    path.write_bytes(text + line + b"\n")
    before, number = tiny.contents(run), text.count(b"\n") + 1
    capsys.readouterr()
    assert tiny.train(recipe, run) == 2
    todo = "delete that line, or put the file back from a copy"
    said = f"error: {path}, line {number} is damaged, it begins with {line!r}: {todo}\n"
    assert capsys.readouterr().err == said
    assert tiny.contents(run) == before
    path.write_bytes(text)  # as the message says
    assert tiny.train(recipe, run) == 0


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("metrics.jsonl", b'{"step": null, "images": 0, "seconds": 0}'),
        ("metrics.jsonl", b'{"step": 1, "images": 0, "seconds": 0, "critic/loss": "low"}'),
        ("metrics.jsonl", b'{"step": 1}'),
        ("metrics.jsonl", b"[1]"),
        ("metrics.jsonl", b"\xff"),
        ("results.jsonl", b'{"metric": "fid"}'),
        ("results.jsonl", b'{"metric": "fid", "value": "small"}'),
        ("results.jsonl", b'{"value": 1.0}'),
    ],
)
def test_line_that_is_no_row(name: str, line: bytes, tmp_path: Path) -> None:
    """JSON, but not what a run writes; an empty line does no harm."""
    (tmp_path / name).write_bytes(b"\n" + line + b"\n")
    with pytest.raises(InputError, match=f"{name}, line 2 is damaged"):
        (read_metrics if name == "metrics.jsonl" else read_results)(tmp_path)
