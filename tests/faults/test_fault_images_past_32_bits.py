"""Past 2,147,484 kimg the count of images is negative, and the next resume deletes every picture before it

Right: images are counted by the host, in numbers without end; at 2^31 and 2^32 a run goes on as before.
"""

import shutil
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import runs
import tiny

from gaxjax import cli
from gaxjax.data import open_source
from gaxjax.programs.program import StageProgram
from gaxjax.recipe.serialization import load_recipe
from gaxjax.recipe.stages import images_at_step, step_at_images
from gaxjax.runs.checkpoint import Checkpoints
from gaxjax.runs.record import read_results
from gaxjax.solvers.step import finish_step

BATCH, MOST = 16, 2**31 - 1


def doctor(recipe: Path, run: Path, step: int, images: int) -> None:
    """Makes the run's last checkpoint one of this step, at which the devices have counted so many images."""
    chosen, _ = load_recipe(str(recipe))
    like = StageProgram(chosen, 0, open_source(chosen.data).spec).saved_carry
    with Checkpoints(run / "checkpoints") as checkpoints:
        state, totals = checkpoints.restore(runs.STEPS, like)
        state = state._replace(step=jnp.int32(step), images=jnp.int32(images))
        checkpoints.save(step, (state, totals), {"stage": 0, "step": step})
        checkpoints.wait()
    for earlier in runs.steps(run)[:-1]:
        shutil.rmtree(run / f"checkpoints/{earlier:09d}")


@pytest.mark.parametrize("power", [31, pytest.param(32, marks=pytest.mark.slow)])
def test_run_goes_on(
    power: int,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe, run = tiny.copy(tmp_path_factory, tmp_path)
    before = [path.name for path in runs.pictures(run)]
    middle = 2**power // BATCH
    begin, end = middle - 6, middle + 6
    doctor(recipe, run, begin, min(begin * BATCH, MOST))
    longer = ("--kimg", str((end * BATCH - 8) / 1000))
    assert tiny.train(recipe, run, *longer) == 0
    said = capsys.readouterr()
    assert f"going on from {begin * BATCH:,} images" in said.out and "-" not in said.err.split("img/s")[0]
    assert said.err.count("metrics.jsonl has lost rows") == 1  # those that this test has skipped
    assert runs.steps(run)[-1] == end
    rows = [row for row in runs.rows(run) if row["step"] > begin]
    assert rows and all(row["images"] == BATCH * row["step"] > 2**31 - 200 for row in rows)
    drawn = [step for step in range(begin + 1, end + 1) if step % 10 == 0 or step == end]
    names = [f"{BATCH * step:010d}.png" for step in drawn]
    assert [path.name for path in runs.pictures(run)] == [*before, *names]
    # Once more, and measured: nothing is dropped, and the number of images is the run's.
    assert tiny.train(recipe, run, *longer) == 0
    assert capsys.readouterr().out == f"this run is finished\nsamples: {run}/samples/{names[-1]}\n"
    assert [path.name for path in runs.pictures(run)] == [*before, *names]
    if power == 31:
        flags = ("--metrics", "fid", "--features", "pixels", "--n", "64", "--real", "64")
        assert cli.main(["evaluate", str(run), *flags]) == 0
        assert [result.checkpoint for result in read_results(run)] == [end * BATCH]


@pytest.mark.parametrize(
    ("before", "after"), [(0, 16), (MOST - 16, MOST), (MOST - 15, MOST), (MOST, MOST), (-(2**31), MOST)]
)
def test_count_of_the_devices_ends(before: int, after: int) -> None:
    """It stays at its most; one that an earlier version let run over goes there."""

    class State:
        """What `finish_step` reads and replaces."""

        step, images, params, average = jnp.int32(0), jnp.int32(before), {}, {}

        def _replace(self, **new: Any) -> dict[str, Any]:
            return new

    class Game:
        players = {"critic": ()}

    batches = {"image": np.zeros((1, 16, 1))}
    new = jax.jit(lambda: finish_step(Game(), State(), batches, {"critic": 1}, 0, 0))()  # type: ignore[arg-type]
    assert int(new["images"]) == after and new["images"].dtype == jnp.int32


def test_images_of_stages() -> None:
    class Part:
        def __init__(self, steps: int, images: int):
            self.steps, self.images_per_step = steps, images

    parts: Any = (Part(10, 16), Part(2**40, 32))
    for step, images in ((0, 0), (10, 160), (11, 192), (2**35, 160 + 32 * (2**35 - 10))):
        assert images_at_step(parts, step) == images and step_at_images(parts, images) == step
    assert step_at_images(parts, 161) == 11
