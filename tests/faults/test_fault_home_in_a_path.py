"""`--workdir=~/run` makes a folder named `~`.

Right: a path's ~ is the home directory wherever a command or the environment gives a path, also after =.
"""

from pathlib import Path

import jax
import pytest
import runs

from gaxjax import cli
from gaxjax.parallel.configure import configure_jax


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train ~/tiny.py:short --workdir=~/mine", "{home}/mine is there and is not a run"),
        ("train ~/none.py --workdir=~/mine", "no recipe file '{home}/none.py'"),
        (
            "train ~/tiny.py --data.name=folder --data.directory=~/none --dry-run",
            "{home}/none does not exist",
        ),
        ("sample ~/none", "{home}/none is not a run directory"),
        ("edit ~/none noise", "{home}/none is not a run directory"),
        ("evaluate ~/none --metrics fid --features pixels", "{home}/none is not a run directory"),
        ("evaluate --images ~/a ~/b --metrics fid --features pixels", "{home}/a is not a folder of images"),
        ("evaluate ~/none --features=~/none.py:function", "{home}/none is not a run directory"),
    ],
)
def test_paths(arguments: str, message: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "mine").mkdir()
    (home / "mine/notes.txt").touch()
    runs.write_recipe(home)
    assert cli.main(arguments.split()) == 2
    assert message.format(home=home) in capsys.readouterr().err
    assert not Path("~").exists()


def test_words_that_are_no_paths() -> None:
    for word in ("--sampling=psi=0.7", "a=~/b", "--n", "x~y", "./~/run"):
        assert cli.with_home(word) == word


def test_compiled_programs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = jax.config.jax_compilation_cache_dir
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "~/compiled")
    configure_jax()
    kept = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", before)
    assert kept == f"{home}/compiled"
