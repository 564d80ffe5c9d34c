"""A bracket, a backslash or `..` in the run's path: no checkpoint can be read, and every start begins at 0.

Right: a path is taken as it is written, or is refused before anything is in it. The first checkpoint is read
back at once, so that a place that does not keep what it is given is known then.
"""

import os
from pathlib import Path

import pytest
import runs
import saving
from etils import epath

from gaxjax import cli
from gaxjax.errors import InputError, Unwritable
from gaxjax.runs import checkpoint

WORK = ["a[1]", "[!a]", "**", "a*?", "a b", "é 日本", "100%41 #1", "a\nb", "{a,b}", "~", "a:b", "-x", "gs"]


@pytest.mark.parametrize("name", WORK)
def test_works(tmp_path: Path, name: str) -> None:
    saving.save(tmp_path / name / "checkpoints", 1, 2, 3)
    assert saving.newest(tmp_path / name / "checkpoints") == 3
    assert runs.steps(tmp_path / name) == [2, 3] and os.listdir(tmp_path) == [name]


def test_up_and_down_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`..` leads where the system says: through a link, to beside what it points to."""
    for name in ("here", "far/away"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "here/link").symlink_to(tmp_path / "far/away")
    monkeypatch.chdir(tmp_path / "here")
    for folder, place in {"../up": "up", "link/../run": "far/run", "none/../run": "here/run"}.items():
        saving.save(Path(folder, "checkpoints"), 1, 2, 3)
        assert saving.newest(Path(folder, "checkpoints"), writable=False) == 3
        assert runs.steps(tmp_path / place) == [2, 3]
    assert runs.steps(Path("../up")) == [2, 3] and os.listdir(tmp_path / "far/away") == []


REFUSED = {
    "a\\b": "has a backslash",
    "a\\": "has a backslash",
    os.fsdecode(b"\xff"): "is not UTF-8",
    "/gs/bucket": "would be taken for gs://bucket/run",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, workdir = runs.write_recipe(tmp_path / "recipe"), tmp_path / name / "run"
    assert cli.main(["train", f"{recipe}:short", "--workdir", str(workdir)]) == 2
    said = capsys.readouterr().err
    path = str(workdir).encode(errors="backslashreplace").decode()
    assert said.startswith(f"error: {path} cannot hold checkpoints, for its path {REFUSED[name]}")
    assert os.listdir(tmp_path) == ["recipe"] and not workdir.exists()
    with pytest.raises(InputError, match="cannot hold checkpoints"):
        saving.save(workdir / "checkpoints", 1)


def test_a_run_is_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, workdir = runs.write_recipe(tmp_path / "recipe"), tmp_path / "[a] **" / "run"
    for said in ("starting", "this run is finished"):
        assert cli.main(["train", f"{recipe}:short", "--workdir", str(workdir)]) == 0
        captured = capsys.readouterr()
        assert captured.out.startswith(said) and "cannot" not in captured.err
    assert runs.steps(workdir) == [5, 10]


def test_what_was_saved_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a path that is a pattern, orbax itself saves what nobody can read."""
    monkeypatch.setattr(checkpoint, "literal_path", epath.Path)
    folder = tmp_path / "a[1]" / "checkpoints"
    with pytest.raises(Unwritable) as stopped:
        saving.save(folder, 1, 2)
    what = f"checkpoint 1 was saved, but cannot be read back from {folder}/000000001: its table of arrays is"
    assert str(stopped.value).startswith(what)
    assert str(stopped.value).endswith("use another --workdir; there is no checkpoint yet")
