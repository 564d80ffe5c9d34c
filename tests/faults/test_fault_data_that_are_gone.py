"""Sampling from a run, or editing, needs the data set that it was trained on.

Right: a run is enough: it keeps the shapes, the number of classes and, where samples are made of images, some
of those. A class that it was not trained on is refused.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
import runs
import styled
from PIL import Image

from gaxjax import cli
from gaxjax.runs import examples

TRANSLATING = runs.GAME.replace(
    "self.latents.draw(self.make_rng(PLAY), count_examples(batch))", 'flatten(batch["image"])[:, :4]'
)


def images(folder: Path) -> Path:
    """Three classes of six images."""
    for label in "abc":
        (folder / label).mkdir(parents=True)
        for i in range(6):
            noise = np.random.default_rng(i).integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(noise).save(folder / label / f"{i}.png")
    return folder


def trained(folder: Path, text: str, *flags: str) -> Path:
    """A run whose data are gone."""
    data = images(folder / "data")
    run = styled.trained(folder, text, "--data.name", "folder", "--data.directory", str(data), *flags)
    shutil.rmtree(data)
    return run


def test_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained(tmp_path, styled.CONDITIONAL)
    monkeypatch.chdir(tmp_path)
    before = sorted(run.rglob("*"))
    for flags in ("", "--n 7 --out seven.png", "--seeds 0-3 --label 2 --out two.png"):
        assert cli.main(["sample", str(run), *flags.split()]) == 0
    assert cli.main(["edit", str(run), *["interpolate", "--seeds", "0,1", "--frames", "2"]]) == 0
    assert cli.main(["sample", str(run), *["--seeds", "0", "--label", "7", "--out", "b.png"]]) == 2
    assert "its classes are 0 to 2" in capsys.readouterr().err
    assert sorted(run.rglob("*")) == before
    kept = examples.read_examples(run)
    assert kept and kept.number is None
    batch = kept.batch(7)
    assert batch
    np.testing.assert_array_equal(batch["label"], [0, 0, 0, 1, 1, 2, 2])
    assert (run / "examples.npz").stat().st_size < 2000  # no images, which samples are not made of


def test_images_to_translate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained(tmp_path, TRANSLATING, "--kimg", "0.016")
    out = ["--out", str(tmp_path / "grid.png")]
    assert cli.main(["sample", str(run), "--n", "9", *out]) == 0
    assert cli.main(["sample", str(run), "--n", "10", *out]) == 2
    said = capsys.readouterr().err
    assert "the run keeps examples for --n 9, and needs its data for 10: " in said
    assert f"{tmp_path}/data does not exist" in said


def test_a_run_of_before(conditional_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Has no examples with it: its data are opened. Damaged ones are named."""
    run = Path(shutil.copytree(conditional_run, tmp_path / "run"))
    pictures = []
    for name in ("with.png", "without.png"):
        assert cli.main(["sample", str(run), "--n", "10", "--out", str(tmp_path / name)]) == 0
        pictures.append((tmp_path / name).read_bytes())
        (run / "examples.npz").unlink(missing_ok=True)
    assert pictures[0] == pictures[1]
    (run / "examples.npz").write_bytes(b"PK")
    assert cli.main(["sample", str(run)]) == 2
    assert f"{run}/examples.npz cannot be read" in capsys.readouterr().err
