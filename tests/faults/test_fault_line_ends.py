"""git that is set to Windows' line ends (core.autocrlf) breaks all scripts, which bash cannot read then.

Right: files have the repository's own line ends on every machine.
"""

import shutil
import subprocess
from pathlib import Path

import pytest
from launching import LAUNCH, REPOSITORY


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
def test_scripts_keep_their_line_ends(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        person = ("-c", "user.name=A", "-c", "user.email=a@localhost")
        subprocess.run(["git", *person, *words], cwd=tmp_path, check=True, capture_output=True)

    origin = tmp_path / "origin"
    shutil.copytree(LAUNCH, origin / "launch")
    shutil.copytree(REPOSITORY / ".ci", origin / ".ci")
    shutil.copy(REPOSITORY / ".gitattributes", origin)
    shutil.copy(REPOSITORY / "docs" / "quickstart.png", origin)
    git("init", "origin")
    git("-C", "origin", "add", ".")
    git("-C", "origin", "commit", "-m", "all")
    git("-c", "core.autocrlf=true", "clone", "origin", "clone")
    files = [path for path in origin.rglob("*") if path.is_file() and ".git" not in path.parts]
    assert len(files) >= 8
    for path in files:
        clone = tmp_path / "clone" / path.relative_to(origin)
        assert clone.read_bytes() == path.read_bytes(), path.name
