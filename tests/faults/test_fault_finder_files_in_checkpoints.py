"""Files that a Mac leaves everywhere (._x, .DS_Store) make checkpoints unreadable; the run begins at 0.

Right: of a checkpoint only the files that a run writes are read.
"""

from pathlib import Path

import runs
import saving


def litter(folder: Path) -> None:
    """What a copy from a Mac, and a look with Finder, leave."""
    for path in [folder, *folder.rglob("*")]:
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
        if path.is_dir():
            (path / ".DS_Store").write_bytes(b"\0\0\0\1Bud1\xff")


def test_read_and_gone_on_with(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    saving.save(folder, 1, 2)
    litter(folder)
    for step in (2, 3, 4):  # the newest is read, and older ones make room
        assert saving.newest(folder, writable=False) == saving.newest(folder) == step
        saving.save(folder, step + 1)
    assert runs.steps(tmp_path) == [4, 5] and not list(tmp_path.glob("damaged_*"))
