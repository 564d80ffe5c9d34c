"""A run on a read-only disk, or of another user, cannot be looked at.

Right: reading a checkpoint writes nothing; a damaged one is named and passed over where it lies.
"""

import os

import pytest
import saving


def test_read_without_the_right_to_write(capsys: pytest.CaptureFixture[str]) -> None:
    with saving.open_to_all() as parent:
        folder = parent / "checkpoints"
        saving.save(folder, 1, 2)
        saving.newest(folder)  # imports what lies where root alone may read
        paths = [parent, *parent.rglob("*")]
        for path in paths:
            path.chmod(0o555 if path.is_dir() else 0o444)
        before = saving.contents(parent)
        with saving.not_root():
            assert not os.access(folder, os.W_OK, effective_ids=True)
            assert saving.newest(folder, writable=False) == 2
            assert capsys.readouterr().err == ""
        manifest = folder / "000000002/state/manifest.ocdbt"
        manifest.chmod(0o644)
        os.truncate(manifest, 10)
        manifest.chmod(0o444)
        with saving.not_root():
            assert saving.newest(folder, writable=False) == 1
        assert "checkpoint 2 cannot be read, going on from checkpoint 1: " in capsys.readouterr().err
        assert saving.contents(parent).keys() == before.keys()
        for path in paths:
            path.chmod(0o755)
