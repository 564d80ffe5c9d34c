"""The tables of StyleGAN: which runs they share, and how the numbers of one run stand side by side."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import pytest
from shrinking import trace_losses

from gaxjax.errors import InputError
from gaxjax.metrics.result import Result, check_comparable
from gaxjax.programs.program import stage_programs
from gaxjax.tables import find_table, stylegan
from gaxjax.tables.reproduction import as_csv, as_markdown
from gaxjax.tables.verdict import Line

EVALUATION = stylegan.fid_evaluation("pixels", "", "")
LADDER = {row.name: row for row in stylegan.ladder(EVALUATION, "fashion_mnist")}
MIXING = stylegan.mixing(EVALUATION, "fashion_mnist")


def test_every_config_of_the_ladder_fits_its_data() -> None:
    """The losses of its first stage are traced; the others are grown from it."""
    spec = {
        "image": jax.ShapeDtypeStruct((32, 32, 1), jnp.uint8),
        "label": jax.ShapeDtypeStruct((), jnp.int32),
    }
    for row in LADDER.values():
        recipe = row.recipe()
        trace_losses(stage_programs(replace(recipe, stages=recipe.all_stages[:1]), spec))
        assert [stage.shape[0] for stage in recipe.all_stages][-3:] == [8, 16, 32]


def test_each_step_of_the_ladder_is_one_change() -> None:
    """C to F differ from the one before by a field of the generator, or of the game."""
    games = [LADDER[f"config_{letter}"].recipe().gan for letter in "bcdef"]
    fields = ["modulation", "start", "noise"]
    for before, after, field in zip(games, games[1:], fields, strict=False):
        value = getattr(after.generator, field)
        assert getattr(before.generator, field) != value
        assert after == replace(before, generator=replace(before.generator, **{field: value}))
    assert games[4] == replace(games[3], mixing=0.9) and games[3].mixing == 0


def test_runs_are_shared_with_the_ladder() -> None:
    runs = {row.name: row.recipe() for row in MIXING}
    assert list(runs) == ["config_e", "mixing_50", "config_f", "mixing_100"]
    for name in ("config_e", "config_f"):
        assert runs[name] == LADDER[name].recipe()
    assert [row.evaluation.sampling for row in MIXING[:4]] == ["", "mix=2", "mix=3", "mix=4"]


def test_several_columns_of_one_metric() -> None:
    lines = []
    for number, row in enumerate(MIXING[:4] + MIXING[8:12]):
        result = Result(
            "fid", 10.0 + number, features="pixels", fake=10_000, sampling=row.evaluation.sampling
        )
        lines.append(Line(row, [result], 40.0, 0.2, []))
    head, _, first, second = as_markdown(lines).splitlines()
    assert "1 latent, paper" in head and "4 latents, ours (runs)" in head
    assert first.startswith("| mixing 0% | 10 (1) | 4.42 |") and "| 13 (1) | 17.41 |" in first
    assert second.startswith("| mixing 90% | 14 (1) | 4.4 |")
    assert as_csv(lines).decode().splitlines()[2].startswith("mixing 0%,2 latents,11 (1),8.22")
    with pytest.raises(InputError, match="they differ in sampling: '' and 'mix=2'"):
        check_comparable([line.results[0] for line in lines[:2]])
    assert "drawn with mix=2" in str(lines[1].results[0])


def test_names_have_a_hyphen() -> None:
    assert find_table("stylegan-ladder") is not find_table("stylegan-mixing")
