"""What is proved of the game, and what the package's own game comes to."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gaxjax.tables import theory


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The table, from fewer steps."""
    out = tmp_path_factory.mktemp("theory") / "table"
    return out, theory.make(out, steps=400)


@pytest.fixture(scope="module")
def rows(made: tuple[Path, str]) -> list[dict[str, str]]:
    with open(made[0] / "theory.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("row", "known", "tolerance"),
    [
        (0, 0.0, 0.015),  # before it has learned, D is wrong by 0.1 and more: see below
        (1, -0.8108, 0.015),  # four standard errors of the mean of 131,072 examples, and D's own error
        (2, 0.0, 0.015),
        (3, -math.log(4), 0.001),  # around D = 1/2 the value is flat: D wrong by 0.015 is worth 0.0009
        (4, 0.001, 1e-6),  # sigmoid(l)
        (5, 0.999, 1e-6),  # 1 - sigmoid(l)
    ],
)
def test_every_claim_holds(rows: list[dict[str, str]], row: int, known: float, tolerance: float) -> None:
    assert float(rows[row]["known"]) == pytest.approx(known, abs=1e-4)
    assert float(rows[row]["ours"]) == pytest.approx(known, abs=tolerance)


def test_a_discriminator_that_has_not_learned_is_told_apart() -> None:
    data, model = theory.normal_density(0, 1), theory.normal_density(1.5, 0.7)
    both = (data + model) / 2
    state = theory.train_discriminator(1.5, 0.7, 0, 1)
    assert theory.mean_difference(state, data / (data + model), both) > 0.1
    assert theory.value(state, 0) < theory.best_value(data, model) - 0.1


def test_only_the_discriminator_moves() -> None:
    """And its optimum is of these two densities, not of the ones that the game began with."""
    state = theory.train_discriminator(1.5, 0.7, 0, 1)
    generator = {name: float(value) for name, value in state.params["generator"].items()}
    assert generator == {"mean": 1.5, "deviation": pytest.approx(0.7)}
    assert int(state.step) == 1


def test_the_best_value_lies_between_the_same_and_nothing_in_common() -> None:
    normal = theory.normal_density
    assert np.sum(normal(1.0, 0.5)) * 0.005 == pytest.approx(1, abs=1e-6)
    assert theory.best_value(normal(1, 0.5), normal(1, 0.5)) == pytest.approx(-math.log(4), abs=1e-6)
    assert theory.best_value(normal(-4, 0.3), normal(4, 0.3)) == pytest.approx(0, abs=1e-6)


def test_the_table_is_written(made: tuple[Path, str], rows: list[dict[str, str]]) -> None:
    out, text = made
    assert {path.name for path in out.iterdir()} == {"theory.md", "theory.csv", "gradients.png"}
    assert (out / "theory.md").read_text() == text
    lines = text.splitlines()
    assert len(lines) == 2 + len(rows) == 8 and all(line.count("|") == 5 for line in lines)
    with Image.open(out / "gradients.png") as picture:
        assert picture.size == (1000, 400)
