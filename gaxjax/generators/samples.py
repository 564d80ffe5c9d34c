"""Samples from a run's checkpoint."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gaxjax import runs
from gaxjax.data import normalize, open_source
from gaxjax.errors import InputError, check_seed
from gaxjax.files.places import as_path
from gaxjax.game import GAN, Batch, judge, sample
from gaxjax.generators.codes import pin_codes
from gaxjax.generators.model import check_label, count_classes
from gaxjax.generators.sampling import check_frames, sampling_options
from gaxjax.generators.truncation import Psi, check_psi
from gaxjax.pictures.point_plots import probe_points
from gaxjax.pictures.samples import check_path, draw_samples, sample_files
from gaxjax.recipe import Recipe
from gaxjax.runs import examples
from gaxjax.runs.examples import fixed_batch
from gaxjax.runs.inventory import read_inventory

SAMPLES, EACH = 64, 8
"""Samples of a picture, and of each class where there are classes, unless another number is asked for."""


def write_samples(
    workdir: Path | str,
    n: int | None,
    out: Path | str,
    seed: int = 0,
    psi: Psi = 1.0,
    cutoff: int | None = None,
    best: bool = False,
    codes: Sequence[str] = (),
    label: int | None = None,
    frames: int | None = None,
    sampling: str = "",
) -> list[Path]:
    """Writes a picture of `n` samples of the run in `workdir`, from latents of the given seed.

    Of a game with classes all are of the class `label`, or classes are in order: a row for each where they
    divide `n`. n: None for 64, or where there are classes 8 of each.

    psi, cutoff: styles towards their average, in the first `cutoff` layers. best: of the checkpoint that was
    measured as the best, not of the last. codes: values that codes have in all samples, such as "c1=7".
    frames: length of clips; None: that of the clips trained on. sampling: other options of the game's own,
    such as "crossed=True".

    Of clips there are a picture of strips of frames and a film, .png and .gif; and .mp4, if `out` is.
    Returns all files, which replace those that are there.
    """
    if n is not None and n < 1:
        raise InputError(f"--n, the number of samples, must be at least 1; got {n}")
    check_seed(seed, "--seed")
    workdir, out = as_path(workdir), as_path(out)
    # A run of several seeds shows the first: pictures are of one generator.
    recipe, gan, state = runs.open_first_seed(workdir, best)
    gan = pin_codes(gan, codes, read_inventory(workdir).get("factors", ()))
    classes = count_classes(gan, examples.read_shapes(workdir, recipe)[1])
    if label is not None:
        check_label(label, classes)
    rows = classes if label is None else 0
    n = n or (EACH * rows or SAMPLES)
    batch = dict(batch_for(workdir, recipe, n))
    # In place of those of the examples, whose images a game that is told a label does not look at.
    if label is not None:
        batch["label"] = np.full_like(batch["label"], label)
    options = choose_options(gan, psi, cutoff, frames, sampling)
    draw = jax.jit(lambda state: sample(gan, state, normalize(batch), jax.random.key(seed), **options))
    # By shapes alone, before anything is compiled.
    check_path(out, jax.eval_shape(draw, state))
    fake = draw(state)
    # Points are drawn over what D says of the plane; images need no probe points, and then this is empty.
    verdict = jax.jit(lambda state: judge(gan, state, probe_points(batch)))(state)
    # A row for each class, where the classes share the samples equally.
    columns = n // rows if rows and n % rows == 0 else 0
    draw_samples(jax.device_get(fake), out, batch.get("image"), jax.device_get(verdict), columns)
    return sample_files(fake, out)


def choose_options(
    gan: GAN, psi: Psi, cutoff: int | None, frames: int | None, sampling: str
) -> dict[str, Any]:
    """Arguments of the game's `sample`, as `write_samples` is asked; InputError for what it does not take."""
    # Passed on only where asked for, since games without styles have no such arguments.
    options: dict[str, Any] = {}
    if psi != 1.0 or cutoff is not None:
        check_psi(gan, psi, cutoff)
        options = {"psi": psi, "cutoff": cutoff}
    if frames is not None:
        check_frames(gan, frames)
        options["frames"] = frames
    others = sampling_options(gan, sampling) if sampling else {}
    # Either may be meant, and neither is to pass over the other without a word.
    if twice := sorted(options.keys() & others.keys()):
        flags = " and ".join(f"--{name}" for name in twice)
        raise InputError(f"--sampling {sampling!r} and {flags} say the same: give one of them")
    return options | others


def batch_for(workdir: Path, recipe: Recipe, n: int) -> Batch:
    """`n` examples for samples: those that the run keeps, or else of its data."""
    kept = examples.read_examples(workdir)
    if kept and (batch := kept.batch(n)):
        return batch
    try:
        # Only now: a run that keeps its examples is sampled where its data are gone.
        source = open_source(recipe.data)
    except InputError as error:
        if kept is None:
            raise
        few = f"the run keeps examples for --n {kept.number}, and needs its data for {n}"
        raise InputError(f"{few}: {error}") from error
    return fixed_batch(source, n)
