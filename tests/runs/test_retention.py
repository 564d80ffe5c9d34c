"""Which checkpoints stay, by Orbax's own rules and by one of ours, save after save."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from orbax.checkpoint.checkpoint_managers import PreservationContext

from gaxjax.errors import InputError
from gaxjax.recipe import Sentinel
from gaxjax.recipe.serialization import load_recipe
from gaxjax.runs.retention import Retention, retention_of


def stay(retention: Retention, steps: Iterable[int], minutes: int = 1) -> list[int]:
    """What is left after checkpoints at these steps, of so many minutes each, were saved one by one."""
    kept: list[Any] = []
    for step in steps:
        time = datetime(2026, 1, 1) + timedelta(minutes=minutes * step)
        kept.append(SimpleNamespace(step=step, time=time, metrics=None))
        flags = retention.policy().should_preserve(kept, context=PreservationContext())
        kept = [info for info, flag in zip(kept, flags, strict=True) if flag]
    return [info.step for info in kept]


def test_the_newest_stay() -> None:
    assert stay(Retention(), range(5, 31, 5)) == [25, 30]
    assert stay(Retention(newest=1), range(5, 31, 5)) == [25, 30]  # the newest may be the one that is damaged
    assert Retention(newest=3).largest_count(10**6) == 4


def test_one_of_each_period_of_images_stays() -> None:
    """At 10 images a step for 100 steps, then at 20; an interruption's may be the first of its period."""
    by_images = Retention(images=500, images_at=lambda step: 10 * step + 10 * max(step - 100, 0))
    assert stay(by_images, range(10, 151, 10)) == [50, 100, 130, 140, 150]
    assert stay(by_images, [10, 40, 43, 53, 60, 70, 97, 99, 150, 151, 152]) == [53, 150, 151, 152]
    # One at each whole period, the newest two, and one that is being written.
    assert by_images.largest_count(2000) == 4 + 2 + 1


def test_one_each_so_many_hours_stays() -> None:
    """The first too, as Orbax has it."""
    assert stay(Retention(hours=1), range(1, 20), minutes=15) == [1, 5, 9, 13, 17, 18, 19]


def test_retention_of_a_recipe() -> None:
    """What a sentinel goes back to is among the newest, whatever else stays."""
    recipe, _ = load_recipe("quickstart")
    recipe = replace(recipe, keep_kimg=0.5, keep_hours=2.0, sentinel=Sentinel(rollbacks=1))
    retention = retention_of(recipe)
    assert (retention.newest, retention.images, retention.hours) == (3, 500, 2.0)
    assert retention.images_at(3) == 3 * recipe.all_stages[0].images_per_step
    with pytest.raises(InputError, match="keep_kimg must be 0 or more, and finite; got -1"):
        replace(recipe, keep_kimg=-1)
