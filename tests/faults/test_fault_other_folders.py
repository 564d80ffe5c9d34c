"""After the first command a folder runs/ stands in the clone, and the checks fail that passed before.

Right: what else lies in the folder (runs with their config.py, tables, builds, a user's own) decides nothing.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from launching import REPOSITORY


def checks(root: Path) -> list[str]:
    """What ruff says of a folder."""
    asked = (["check", "--output-format", "concise"], ["format", "--check"], ["check", "--show-files"])
    ruff = [sys.executable, "-m", "ruff"]
    return [
        subprocess.run([*ruff, *words, "--no-cache", "."], cwd=root, capture_output=True, text=True).stdout
        for words in asked
    ]


def test_checks_do_not_depend_on_what_else_is_there(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    shutil.copytree(REPOSITORY / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    before = checks(tmp_path)
    assert "test_cli.py" in before[2]
    # Folders named like modules, a build of the package, a script: each with code that ruff would refuse.
    for folder in ("runs/quickstart", "tables/ring/a", "styled", "build/lib/gaxjax", "mine", "."):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "config.py").write_text("import sys\nimport os\nx = 1 \n")
    assert checks(tmp_path) == before
