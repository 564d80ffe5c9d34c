"""Samples from a run's last checkpoint."""

from pathlib import Path

import jax

from gaxjax import parallel
from gaxjax.checkpoint import Checkpoints, placed
from gaxjax.data import normalize, open_source
from gaxjax.errors import InputError
from gaxjax.game import GAN, Batch, State, judge, sample
from gaxjax.landscape import places
from gaxjax.pictures import draw
from gaxjax.recipe import Recipe, plan
from gaxjax.record import read_run
from gaxjax.train import carry_of, fixed_batch


def generate(workdir: Path, n: int, out: Path, seed: int = 0) -> Path:
    """Writes a picture of `n` samples of the run in `workdir`, from latents of the given seed."""
    if n < 1:
        raise InputError(f"--n, the number of samples, must be at least 1; got {n}")
    recipe = read_run(workdir)
    source = open_source(recipe.data)
    gan, state = last(workdir, recipe, source.spec)
    batch = fixed_batch(source, n)
    made = jax.jit(lambda state: sample(gan, state, normalize(batch), jax.random.key(seed)))(state)
    verdict = jax.jit(lambda state: judge(gan, state, places(batch)))(state)
    return draw(jax.device_get(made), out, batch.get("image"), jax.device_get(verdict))


def last(workdir: Path, recipe: Recipe, spec: Batch) -> tuple[GAN, State]:
    """The game of a run's last checkpoint and its state, for examples of this spec."""
    sharding = parallel.state_sharding(parallel.make_mesh())
    # Only to read: the run may still be going on, in another process.
    with Checkpoints(workdir / "checkpoints", writable=False) as checkpoints:

        def load(step: int) -> tuple[GAN, State]:
            stage = recipe.all_stages[checkpoints.meta(step)["stage"]]
            like = placed(carry_of(stage, plan(recipe, stage), spec), sharding)
            return stage.gan, checkpoints.restore(step, like)[0]

        found = checkpoints.newest_good(load)
    if found is None:
        raise InputError(f"{workdir} has no checkpoint that can be read: train it first")
    return found
