"""A picture of one's own in a run's samples/, or what macOS leaves there, ends the run with an error

Right: only names that a run writes itself are read, counted, animated or removed.
"""

import shutil
from pathlib import Path

import pytest
import runs
import tiny

from gaxjax.runs.record import last_picture, pictures_of

FOREIGN = ("mine.png", "._0000000160.png", ".DS_Store", "00001.png", "9-copy.png", "zebra.png", "notes.txt")


def test_foreign_files_among_the_samples(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, run = tiny.copy(tmp_path_factory, tmp_path)
    drawn = {name: (run / name).read_bytes() for name in ("samples.gif", "moments.png")}
    for name in FOREIGN:
        (run / "samples" / name).write_bytes(b"no picture at all")
    for name in ("checkpoints/000000060", "checkpoints/._000000055"):
        shutil.rmtree(run / name, ignore_errors=True)
    assert tiny.train(recipe, run) == 0
    own = runs.pictures(run)
    assert capsys.readouterr().out.endswith(f"samples: {run}/samples/0000000960.png\n")
    assert drawn == {name: (run / name).read_bytes() for name in drawn}
    assert {path.name for path in (run / "samples").iterdir()} >= set(FOREIGN) and len(own) > 7
    assert all((run / "samples" / name).read_bytes() == b"no picture at all" for name in FOREIGN)


def test_pictures_are_in_the_order_of_numbers(tmp_path: Path) -> None:
    """Also past the ten digits that they are filled up to."""
    (tmp_path / "samples").mkdir()
    numbers = (10_000_000_160, 0, 9_999_999_840, 4_294_967_296)
    for number in numbers:
        (tmp_path / "samples" / f"{number:010d}.png").touch()
    assert [int(path.stem) for path in pictures_of(tmp_path)] == sorted(numbers)
    last = last_picture(tmp_path)
    assert last and last.name == "10000000160.png"
