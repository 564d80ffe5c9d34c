"""The table of super-resolution: filters are measured beside networks, on the same photographs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gaxjax.recipe import Evaluation
from gaxjax.tables import ledig2017
from gaxjax.tables.reproduction import at_length


def test_filters_are_measured_without_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = ledig2017.recipe("srresnet")
    tiny = replace(
        plain,
        evaluation=replace(plain.evaluation, shape=(32, 40, 3)),
        data=replace(plain.data, shape=(16, 16, 3)),
    )
    monkeypatch.setattr(ledig2017, "recipe", lambda name: tiny)
    random, originals = np.random.default_rng(0), []
    for number in range(2):
        (tmp_path / "data" / "test").mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8))
        picture = small.resize((48, 32), Image.Resampling.BICUBIC)
        picture.save(tmp_path / "data" / "test" / f"{number}.png")
        originals.append(np.asarray(picture)[:, 4:44].astype(np.float64))
    directory = str(tmp_path / "data")
    text = ledig2017.make(
        tmp_path / "table", data_directory=directory, features="pixels", only="nearest,bicubic"
    )
    luma = np.array([65.481, 128.553, 24.966]) / 255
    found, table = [], [line for line in text.splitlines() if line.startswith("| ")]
    for line, resampling in zip(table[2:], ledig2017.FILTERS.values(), strict=True):
        each, squares = [], []
        for original in originals:
            picture = Image.fromarray(original.astype(np.uint8))
            reduced = picture.resize((10, 8), Image.Resampling.BICUBIC)
            difference = np.asarray(reduced.resize((40, 32), resampling)) - original
            inside = (difference @ luma)[4:-4, 4:-4]
            each.append(10 * np.log10(255**2 / np.mean(inside**2)))
            squares.append(np.sum((difference / 255) ** 2))
        found.append(np.mean(each))
        # Both are of two photographs, whose numbers differ.
        assert f"| {np.mean(each):.4g} ± {np.std(each) / np.sqrt(2):.2g} (1) |" in line
        assert f"| {np.mean(squares):.4g} ± " in line and "not comparable: other photographs" in line
    assert found[1] > found[0] + 3 and "without 4 pixels at each border" in text
    assert (tmp_path / "table" / "ledig2017.csv").exists()


def test_stages_share_a_length_as_they_did() -> None:
    recipe = ledig2017.recipe("srgan")
    assert recipe.kimg == sum(stage.kimg for stage in recipe.stages)
    assert at_length(recipe, recipe.kimg) == recipe
    half = at_length(recipe, recipe.kimg / 2)
    assert [stage.kimg for stage in half.stages] == [stage.kimg / 2 for stage in recipe.stages]
    rows = list(ledig2017.rows(Evaluation("psnr_y")))
    assert [row.metric for row in rows] == [*ledig2017.METRICS] * 4
    # Its first stage is the other row's run.
    alone = ledig2017.recipe("srresnet")
    assert recipe.stages[0] == alone.all_stages[0] and recipe.data == alone.data
