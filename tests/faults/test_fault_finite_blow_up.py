"""A loss that grows beyond all bounds, but stays finite, is not named, and good checkpoints rotate away.

Right: the sentinel names a loss above sentinel.largest_loss (1e9) by default, at the next row or before the
next checkpoint is written, so that the last good one is kept.
"""

import re
from pathlib import Path

import pytest
import runs

from gaxjax import cli
from gaxjax.errors import InputError
from gaxjax.recipe.sentinel import Sentinel
from gaxjax.runs.record import read_metrics

GROWING = (
    runs.GAME.replace(
        'return nonsaturating_generator(self.critic(made)), {"gray": self.gray.value}',
        'return nonsaturating_generator(self.critic(made)) + 10.0**step, {"gray": self.gray.value}',
    )
    + "short = replace(recipe, kimg=0.32)\nlate = replace(short, log_kimg=0.32)\n"
)
"""Ten times as large at each step: 8.8e30 is finite."""


@pytest.mark.parametrize(("name", "stopped", "loss"), [("short", 14, "1.59e+12"), ("late", 15, "7.41e+12")])
def test_named_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, stopped: int, loss: str
) -> None:
    """At a row; where the only row is at the end, before the checkpoint that is due first."""
    assert GROWING.count("10.0**step") == 1
    recipe, run = runs.write_recipe(tmp_path, GROWING), tmp_path / "run"
    command = ["train", f"{recipe}:{name}", "--workdir", str(run)]
    assert cli.main(command) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"error: step {stopped}: painter/loss is {loss} (watched: 1e+09). Stopped; ")
    assert "checkpoint 10 is the last good one" in said and runs.steps(run) == [5, 10]
    if name == "late":  # who knows better says so, and the run goes on
        assert cli.main([*command, "--sentinel.largest-loss", "0"]) == 0
        assert runs.steps(run) == [15, 20] and read_metrics(run)[-1]["painter/loss"] > 1e17


@pytest.mark.parametrize("bound", [-1.0, float("inf"), float("nan")])
def test_bounds_that_are_refused(bound: float) -> None:
    said = f"sentinel.largest_loss must be 0 or more, and finite; got {bound}"
    with pytest.raises(InputError, match=f"^{re.escape(said)}$"):
        Sentinel(largest_loss=bound)
