"""A recipe that imports the file beside it ends in a traceback.

Right: it is found, as for a script, and a copy of what was imported is kept with the run, which needs no
other file. A module that is not there, or a line that Python does not read, is said in one line.
"""

import shutil
from pathlib import Path

import pytest
import runs

from gaxjax import cli
from gaxjax.recipe.serialization import load_recipe
from gaxjax.runs.record import read_run

HEAD, REST = runs.GAME.split("recipe = Recipe(")
RECIPE = f"""from dataclasses import replace

import parts.networks as networks
from game_beside import Critic, Data, Duel, Optimizer, Recipe

recipe = Recipe({REST.replace("Painter()", "networks.Wide()")}"""
NETWORKS = """from game_beside import Painter


class Wide(Painter):
    width: int = {width}
"""


def write(folder: Path, width: int) -> Path:
    """A recipe file with a module and a package beside it."""
    (folder / "parts").mkdir(parents=True)
    (folder / "game_beside.py").write_text(HEAD)
    (folder / "parts/networks.py").write_text(NETWORKS.format(width=width))
    return runs.write_recipe(folder, RECIPE)


def test_a_run_keeps_what_its_recipe_imports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "one", 5)
    run = tmp_path / "run"
    assert cli.main(["train", f"{file}:short", "--workdir", str(run)]) == 0
    # Another recipe, whose modules have the same names, has its own.
    other = write(tmp_path / "two", 7)
    assert load_recipe(str(other))[0].gan.painter.width == 7
    shutil.rmtree(tmp_path / "one")
    before = sorted(run.rglob("*"))
    assert {path.name for path in (run / "modules").rglob("*.py")} == {"game_beside.py", "networks.py"}
    assert read_run(run).gan.painter.width == 5
    assert cli.main(["sample", str(run), "--n", "4", "--out", str(tmp_path / "grid.png")]) == 0
    assert sorted(run.rglob("*")) == before
    # Its own config.py is a recipe file like any other.
    assert cli.main(["train", f"{run}/config.py:short", "--workdir", str(run)]) == 0
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_beside", "tiny.py cannot be imported: No module named 'nothing_beside'"),
        ("from .nothing import recipe", "tiny.py cannot be imported: attempted relative import"),
        ("recipe =", "tiny.py, line 1: invalid syntax"),
    ],
)
def test_said_in_a_line(text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", str(runs.write_recipe(tmp_path, text))]) == 2
    said = capsys.readouterr().err
    assert message in said and said.startswith("error: ") and said.count("\n") == 1
