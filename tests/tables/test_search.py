"""The search over settings of Lucic et al. 2018: draws, recipes, budgets by hand, and what is written."""

import csv
import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaxjax.errors import Diverged, InputError
from gaxjax.metrics.result import Result
from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.serialization import describe, differences
from gaxjax.runs.record import append_results, open_run, read_run
from gaxjax.tables import lucic2018, table_run
from gaxjax.tables.budgets import best_of, finite_values
from gaxjax.tables.lucic2018_search import FIRST_SEED, MODELS, Search, apply_setting, draw_setting
from gaxjax.transforms import Clip

BOUNDS = {
    "wide": {
        "b1": (0, 1),
        "learning rate": (1e-5, 1e-2),
        "D steps": (1, 5),
        "penalty": (0.1, 100),
        "clip": (1e-3, 1),
        "lambda": (1e-4, 1e-2),
        "gamma": (0, 1),
    },
    "narrow": {
        "b1": (0.5, 0.5),
        "learning rate": (1e-4, 1e-3),
        "D steps": (1, 1),
        "penalty": (0.1, 10),
        "clip": (1e-2, 1),
        "lambda": (1e-3, 1e-3),
        "gamma": (0.6, 0.9),
    },
}
"""The study's, as google/compare_gan v1 has them in params.py."""


@pytest.mark.parametrize("ranges", BOUNDS)
def test_settings_fill_the_study_s_ranges(ranges: str) -> None:
    drawn = {model: [draw_setting(model, ranges, i) for i in range(200)] for model in MODELS}
    for name, (low, high) in BOUNDS[ranges].items():
        values = [float(s[name]) for settings in drawn.values() for s in settings if name in s]
        assert low <= min(values) and max(values) <= high
        logarithmic = name in ("learning rate", "penalty", "clip", "lambda")
        scaled = np.log10(values) if logarithmic else np.array(values)
        ends = np.log10([low, high]) if logarithmic else np.array([low, high], float)
        # Uniform in what is drawn: the mean is the middle, within 5 standard errors.
        error = (ends[1] - ends[0]) / math.sqrt(12 * len(values)) * (1.8 if name == "D steps" else 1)
        assert abs(np.mean(scaled) - ends.mean()) <= 5 * error + 1e-12, name
    common = {"b1", "learning rate", "D steps", "norm"}
    own = {"wgan": {"clip"}, "wgan_gp": {"penalty"}, "dragan": {"penalty"}, "began": {"lambda", "gamma"}}
    for model, settings in drawn.items():
        assert {frozenset(s) for s in settings} == {frozenset(common | own.get(model, set()))}
        norms = {s["norm"] for s in settings}
        assert norms == ({"none"} if model in ("wgan_gp", "dragan") else {"batch", "none"})
    assert drawn["mm_gan"][0] != drawn["ns_gan"][0] != drawn["mm_gan"][1]


def test_a_recipe_with_a_setting() -> None:
    """Everything that was drawn, in the units of images in [-1, 1], and nothing else."""
    setting = {"b1": 0.3, "learning rate": 2e-3, "D steps": 5.0, "norm": "none"}
    special: dict[str, dict[str, Any]] = {
        "wgan": {"clip": 0.2},
        "dragan": {"penalty": 3.0},
        "wgan_gp": {"penalty": 3.0},
        "began": {"lambda": 4e-3, "gamma": 0.6},
    }
    for model in MODELS:
        before = lucic2018.recipe(model, "mnist")
        after = apply_setting(before, {**setting, **special.get(model, {})})
        changed = {
            line.split(":")[0].split(".")[0] for line in differences(describe(before), describe(after))
        }
        assert changed <= {"gan", "optimizers"}
        if model == "vae":
            (optimizer,) = after.optimizers.values()
            assert (optimizer.b1, optimizer.learning_rate, optimizer.updates) == (0.3, 2e-3, 1)
            assert (after.gan.encoder.norm, after.gan.decoder.norm) == ("none", "batch")
            continue
        for player, optimizer in after.optimizers.items():
            assert (optimizer.b1, optimizer.learning_rate) == (0.3, 2e-3)
            assert optimizer.updates == (5 if player == "discriminator" else 1)
        discriminator: Any = after.gan.discriminator
        assert getattr(discriminator, "network", discriminator).norm == "none"
        if model == "wgan":
            assert discriminator.bounds == Clip(0.2)
        if model in ("dragan", "wgan_gp"):
            # 3 (2 s - 1)^2 of slopes s here is 12 (s - 1/2)^2.
            (penalty,) = after.gan.adversary.penalties
            assert (penalty.weight, penalty.target) == (12.0, 0.5)
        if model == "began":
            assert (after.gan.gain, after.gan.diversity) == (2e-3, 0.6)


def test_the_best_of_a_budget() -> None:
    values = [5.0, 2.0, 9.0, 2.5]
    for budget in (1, 2, 3):
        least = [min(draws) for draws in itertools.product(values, repeat=budget)]
        assert best_of(values, budget) == pytest.approx((np.mean(least), np.std(least)))
    assert best_of(values, 10_000) == pytest.approx((2.0, 0.0))
    searched = Search("A", [{}] * 3, [4.0, math.inf, 3.0])
    assert searched.best == 2 and finite_values(searched) == [4.0, 4.0, 3.0]
    assert Search("A", [{}] * 2, [math.inf] * 2).best is None


def test_a_search_and_its_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a training that costs nothing: one setting of WGAN breaks, LSGAN breaks whatever it has."""
    rates = [float(draw_setting("wgan", "wide", i)["learning rate"]) for i in range(4)]
    trained: list[str] = []

    def train(recipe: Recipe, workdir: Path) -> None:
        trained.append(str(workdir.relative_to(tmp_path)))
        rate = next(iter(recipe.optimizers.values())).learning_rate
        if "lsgan" in workdir.parts[-2] or rate == rates[1]:
            raise Diverged("the loss is nan at step 2")
        open_run(workdir, recipe, None)

    def evaluate(workdir: Path, evaluation: Evaluation, directory: str) -> None:
        recipe = read_run(workdir)
        rate = next(iter(recipe.optimizers.values())).learning_rate
        value = 100 + 1e3 * rate + recipe.seed % FIRST_SEED / 10
        sample = {"fake": evaluation.n, "features": "pixels", "weights": "", "level": "pixels"}
        assert evaluation.n == 256 and recipe.data.directory == directory == "data"
        append_results(workdir, [Result("fid", value, **sample, checkpoint=10**9)])

    monkeypatch.setattr(table_run, "train", train)
    monkeypatch.setattr(table_run, "evaluate_run", evaluate)
    monkeypatch.setattr(table_run, "feature_protocol", lambda *_: ("pixels", "", "pixels"))

    def make(search: int) -> str:
        flags: dict[str, Any] = {
            "budget": "smoke",
            "seeds": 2,
            "features": "pixels",
            "only": "wgan,lsgan,vae",
        }
        return lucic2018.make(tmp_path, search=search, data_directory="data", **flags)

    text = make(4)
    models = ("wgan", "lsgan", "vae")
    searched = {f"mnist/{model}_wide_{i:03d}/search" for model in models for i in range(4)}
    best = int(np.argmin([100 + 1e3 * rate + i / 10 if i != 1 else math.inf for i, rate in enumerate(rates)]))
    again = {f"mnist/wgan_wide_{best:03d}/seed{seed}" for seed in range(2)}
    of_vae = [1e3 * float(draw_setting("vae", "wide", i)["learning rate"]) + i / 10 for i in range(4)]
    again |= {f"mnist/vae_wide_{np.argmin(of_vae):03d}/seed{seed}" for seed in range(2)}
    assert set(trained) == searched | again and len(trained) == 16
    assert read_run(tmp_path / f"mnist/wgan_wide_{best:03d}/search").seed == FIRST_SEED + best
    values = [100 + 1e3 * rates[best] + seed / 10 for seed in range(2)]
    entries = {
        entry["row"]: entry for entry in json.loads((tmp_path / "lucic2018_mnist_wide.json").read_text())
    }
    assert [result["value"] for result in entries["WGAN"]["results"]] == pytest.approx(values)
    assert entries["WGAN"]["kimg"] == pytest.approx(0.24) and entries["LSGAN"]["results"] == []
    assert f"| WGAN | 4 | 1 | {values[0] + best / 10:.4g} (setting {best}) | " in text
    assert "| LSGAN | 4 | 4 |  |  |  |" in text and "| best of | 1 | 2 | 4 |" in text
    assert "4 settings of each model are drawn from its wide ranges" in text
    assert "| 23.8 ± 0.6 [memory] |" in text and "quoted" not in text.split("| VAE |")[1]
    rows = list(csv.DictReader((tmp_path / "lucic2018_mnist_wide_settings.csv").read_text().splitlines()))
    assert [row["setting"] for row in rows] == ["0", "1", "2", "3"] * 3
    assert [float(row["learning rate"]) for row in rows if row["model"] == "wgan"] == rates
    assert [row["fid"] == "" for row in rows if row["model"] == "wgan"] == [False, True, False, False]
    assert (tmp_path / "lucic2018_mnist_wide_search.png").stat().st_size > 10_000

    # A shorter search is part of a longer one: what is there is not measured again.
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("measured twice")

    monkeypatch.setattr(table_run, "evaluate_run", refuse)
    assert "| WGAN | 3 | 1 |" in make(3)
    with pytest.raises(InputError, match="a search draws at least 1 setting; got -1"):
        make(-1)
    capsys.readouterr()
