"""Samples from a run's checkpoint."""

from pathlib import Path
from typing import Any

import jax

from gaxjax import runs
from gaxjax.data import normalize, open_source
from gaxjax.errors import InputError, check_seed
from gaxjax.game import Batch, judge, sample
from gaxjax.generators.truncation import Psi, check_psi
from gaxjax.parallel.seeds import Seeds
from gaxjax.pictures.images import draw
from gaxjax.pictures.points import places
from gaxjax.recipe import Recipe
from gaxjax.runs import examples
from gaxjax.runs.examples import fixed_batch


def generate(
    workdir: Path,
    n: int,
    out: Path,
    seed: int = 0,
    psi: Psi = 1.0,
    cutoff: int | None = None,
    best: bool = False,
) -> Path:
    """Writes a picture of `n` samples of the run in `workdir`, from latents of the given seed.

    psi, cutoff: styles towards their average, in the first `cutoff` layers. best: of the checkpoint that was
    measured as the best, not of the last.
    """
    if n < 1:
        raise InputError(f"--n, the number of samples, must be at least 1; got {n}")
    check_seed(seed, "--seed")
    recipe, gan, states = runs.open(workdir, best)
    batch = batch_of(workdir, recipe, n)
    state = Seeds(recipe.seed, recipe.seeds).one(states)
    options: dict[str, Any] = {}
    if psi != 1.0 or cutoff is not None:
        check_psi(gan, psi, cutoff)
        options = {"psi": psi, "cutoff": cutoff}
    made = jax.jit(lambda state: sample(gan, state, normalize(batch), jax.random.key(seed), **options))(state)
    verdict = jax.jit(lambda state: judge(gan, state, places(batch)))(state)
    return draw(jax.device_get(made), out, batch.get("image"), jax.device_get(verdict))


def batch_of(workdir: Path, recipe: Recipe, n: int) -> Batch:
    """`n` examples for samples: those that the run keeps, or else of its data."""
    there = examples.read(workdir)
    if there and (batch := there.batch(n)):
        return batch
    try:
        source = open_source(recipe.data)
    except InputError as error:
        if there is None:
            raise
        few = f"the run keeps examples for --n {there.number}, and needs its data for {n}"
        raise InputError(f"{few}: {error}") from error
    return fixed_batch(source, n)
