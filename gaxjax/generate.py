"""Samples from a run's last checkpoint."""

from pathlib import Path
from typing import Any

import jax

from gaxjax import examples, parallel
from gaxjax.checkpoint import Checkpoints
from gaxjax.data import normalize, open_source
from gaxjax.data.source import Spec
from gaxjax.errors import InputError, check_seed
from gaxjax.examples import fixed_batch
from gaxjax.game import GAN, Batch, State, judge, sample
from gaxjax.landscape import places
from gaxjax.pictures import draw
from gaxjax.program import carry_of
from gaxjax.recipe import Recipe, outputs, plan
from gaxjax.record import read_run
from gaxjax.seeds import Seeds
from gaxjax.truncation import Psi, check_psi


def generate(
    workdir: Path, n: int, out: Path, seed: int = 0, psi: Psi = 1.0, cutoff: int | None = None
) -> Path:
    """Writes a picture of `n` samples of the run in `workdir`, from latents of the given seed.

    psi, cutoff: styles towards their average, in the first `cutoff` layers.
    """
    if n < 1:
        raise InputError(f"--n, the number of samples, must be at least 1; got {n}")
    check_seed(seed, "--seed")
    recipe = read_run(workdir)
    spec, batch = batch_of(workdir, recipe, n)
    gan, states = last(workdir, recipe, spec)
    state = Seeds(recipe.seed, recipe.seeds).one(states)
    options: dict[str, Any] = {}
    if psi != 1.0 or cutoff is not None:
        check_psi(gan, psi, cutoff)
        options = {"psi": psi, "cutoff": cutoff}
    made = jax.jit(lambda state: sample(gan, state, normalize(batch), jax.random.key(seed), **options))(state)
    verdict = jax.jit(lambda state: judge(gan, state, places(batch)))(state)
    return draw(jax.device_get(made), out, batch.get("image"), jax.device_get(verdict))


def batch_of(workdir: Path, recipe: Recipe, n: int) -> tuple[Spec, Batch]:
    """`n` examples for samples, and their spec: those that the run keeps, or else of its data."""
    there = examples.read(workdir)
    if there and (batch := there.batch(n)):
        return there.spec, batch
    try:
        source = open_source(recipe.data)
    except InputError as error:
        if there is None:
            raise
        few = f"the run keeps examples for --n {there.number}, and needs its data for {n}"
        raise InputError(f"{few}: {error}") from error
    return source.spec, fixed_batch(source, n)


def last(workdir: Path, recipe: Recipe, spec: Batch, kind: str = "checkpoints") -> tuple[GAN, State]:
    """The game of a run's last checkpoint, or of its "best" one, and its state, for examples of this spec.

    Of a run of several seeds, all of them.
    """
    seeds = Seeds(recipe.seed, recipe.seeds)
    sharding = parallel.state_sharding(seeds.mesh)
    # Only to read: the run may still be going on, in another process.
    with Checkpoints(workdir / kind, writable=False) as checkpoints:

        def load(step: int) -> tuple[GAN, State]:
            stage = recipe.all_stages[checkpoints.meta(step)["stage"]]
            like = parallel.placed(
                seeds.shaped(carry_of(*outputs(stage, plan(recipe, stage), spec))), sharding
            )
            return stage.gan, checkpoints.restore(step, like)[0]

        found = checkpoints.newest_good(load)
    if found is None:
        why = "train it first" if kind == "checkpoints" else "train it with --evaluation.best"
        raise InputError(f"{workdir / kind} has no checkpoint that can be read: {why}")
    return found
