"""A truncated image ends `evaluate` in a traceback and a run after hours, which may not go on without it.

Right: the file is named with the reason. `train --dry-run --decode` looks at every image whole, and a run
that comes upon one goes on with --data.no-strict, as long as that leaves the order of the others as it is.
"""

from dataclasses import replace
from pathlib import Path

import folders
import pytest
import runs

from gaxjax import cli
from gaxjax.data import Data, open_source
from gaxjax.recipe.serialization import NOT_PART_OF_TRAINING
from gaxjax.runs.inventory import inventory_of, list_changes


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [("2.png", b"", "the file is empty"), ("2.png", b"<html>", "not an image"), ("2.jpg", None, "runcated")],
)
def test_evaluate_names_it(
    name: str, content: bytes | None, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("fake", "real"):
        for number in range(5):
            folders.save(tmp_path / folder / f"{number}.bmp", (number, 0, 0), side=16)
    bad = folders.truncate(tmp_path / "fake" / name)
    if content is not None:
        bad.write_bytes(content)
    flags = ["--metrics", "fid", "--features", "pixels"]
    assert cli.main(["evaluate", "--images", str(tmp_path / "fake"), str(tmp_path / "real"), *flags]) == 2
    said = capsys.readouterr().err
    assert str(bad) in said and reason in said and "epair or remove" in said


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty images; the tenth's header is whole, and its pixels are not."""
    for number in range(20):
        folders.save(tmp_path / "in" / f"{number:02}.png", number)
    (tmp_path / "in" / "10.png").unlink()
    folders.truncate(tmp_path / "in" / "10.jpg")
    return tmp_path / "in"


def test_dry_run_looks_at_all(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = runs.write_recipe(tmp_path)
    data = ("--data.name", "folder", "--data.directory", str(folder), "--data.memory", "0")
    dry = ["train", f"{recipe}:short", "--samples", "4", "--dry-run", *data]
    assert cli.main([*dry, "--decode"]) == 2
    assert f"{folder / '10.jpg'}: " in capsys.readouterr().err
    (folder / "10.jpg").unlink()
    assert cli.main([*dry, "--decode"]) == 0
    assert "decoded  19 images" in capsys.readouterr().out
    assert cli.main(["train", str(recipe), "--workdir", str(tmp_path / "run"), *data, "--decode"]) == 2
    assert "--decode goes with --dry-run" in capsys.readouterr().err


def test_strict_may_change_where_the_order_stays(folder: Path) -> None:
    assert "data.strict" in NOT_PART_OF_TRAINING
    strict = Data("folder", (8, 8, 1), str(folder), memory=0)
    begun = inventory_of(open_source(strict))
    assert list_changes(begun, inventory_of(open_source(replace(strict, strict=False)))) == []
    with pytest.warns(UserWarning, match="left out 1 of 20"):
        kept = open_source(replace(strict, strict=False, memory=1))
    assert list_changes(begun, inventory_of(kept)) == ["20 examples then, 19 now"]
