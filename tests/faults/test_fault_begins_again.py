"""Checkpoints that cannot be read, be it for permissions alone, are put aside, and the run begins at 0.

Right: permissions, a failing disk or memory stop with path and cause, and nothing is touched. Where all
checkpoints are damaged, the run stops and says so; it begins anew only when asked to.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import runs
import saving

from gaxjax import cli
from gaxjax.errors import InputError
from gaxjax.runs import checksums


@pytest.fixture
def folder() -> Iterator[Path]:
    with saving.open_to_all() as parent:
        saving.save(parent / "checkpoints", 1, 2)
        saving.newest(parent / "checkpoints")  # imports what lies where root alone may read
        for path in parent.rglob("*"):  # who trained it may read and write it
            os.chown(path, saving.NOBODY if os.geteuid() == 0 else -1, -1)
        os.chown(parent, saving.NOBODY if os.geteuid() == 0 else -1, -1)
        yield parent / "checkpoints"


@pytest.mark.parametrize(
    "part",
    [".", "000000002", "000000002/state", "000000002/state/d", "000000002/meta/metadata", "manifest"],
)
def test_permissions(folder: Path, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / part if part != "manifest" else folder / "000000002/state/manifest.ocdbt"
    before, mode = saving.contents(folder), path.stat().st_mode
    for closed in (0, 0o600) if path.is_dir() else (0,):
        path.chmod(closed)
        with saving.not_root(), pytest.raises(InputError) as refused:
            saving.newest(folder)
        path.chmod(mode)
        assert "Permission denied" in str(refused.value) and str(path) in str(refused.value)
    assert capsys.readouterr().err == "" and saving.contents(folder) == before
    assert os.listdir(folder.parent) == ["checkpoints"]
    with saving.not_root():
        assert saving.newest(folder) == 2


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A recipe and a run of it; not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    recipe = runs.write_recipe(folder)
    assert cli.main(["train", f"{recipe}:short", "--workdir", str(folder / "run")]) == 0
    return recipe, folder / "run"


STALE = ValueError("Failed to read: \"/there/d/1\": Stale file handle [os_error_code='116']")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EIO, "Input/output error", "/there/d/1"), "/there/d/1: Input/output error"),
        (STALE, "/there/d/1: Stale file handle"),
        (MemoryError(), "Cannot allocate memory"),
    ],
    ids=["EIO", "ESTALE", "ENOMEM"],
)
def test_what_is_no_damage(
    finished: tuple[Path, Path],
    error: Exception,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*arguments: Any) -> None:
        raise error

    recipe, run = finished
    before = saving.contents(run)
    monkeypatch.setattr(checksums, "check_arrays", fail)
    assert cli.main(["train", f"{recipe}:short", "--workdir", str(run)]) == 2
    what = f"error: checkpoint 10 in {run}/checkpoints cannot be read ({said})"
    assert capsys.readouterr().err == f"{what}; nothing was changed: mend that, and start again\n"
    assert saving.contents(run) == before


def test_all_are_damaged(
    finished: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, run = finished[0], Path(shutil.copytree(finished[1], tmp_path / "run"))
    for step in (5, 10):
        (run / f"checkpoints/{step:09d}/state/manifest.ocdbt").unlink()
    before = saving.contents(run)
    assert cli.main(["train", f"{recipe}:short", "--workdir", str(run)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: no checkpoint in {run}/checkpoints can be read (checkpoint 10: its table")
    assert "--restart" in said and said.count("\n") == 1
    assert cli.main(["sample", str(run)]) == 2
    assert f"error: no checkpoint in {run}/checkpoints can be read" in capsys.readouterr().err
    assert saving.contents(run) == before


def test_all_are_damaged_and_a_new_beginning_is_asked_for(folder: Path) -> None:
    for step in (1, 2):
        (folder / f"{step:09d}/state/manifest.ocdbt").unlink()
    assert saving.newest(folder, restart=True) is None
    assert sorted(os.listdir(folder.parent)) == ["checkpoints", "damaged_000000001_0", "damaged_000000002_0"]
