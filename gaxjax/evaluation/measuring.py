"""Measures a run, or two folders of images; what the command `gaxjax evaluate` does."""

import sys
from dataclasses import replace
from pathlib import Path

from gaxjax import parallel, runs
from gaxjax.data import Data, open_source
from gaxjax.data.folder import image_files
from gaxjax.data.images import DamagedError, is_gray, upright_size
from gaxjax.errors import InputError, summarize_error
from gaxjax.evaluation.accuracy import resolve_accuracy
from gaxjax.evaluation.evaluator import Evaluator
from gaxjax.files.places import as_path
from gaxjax.metrics.catalog import PAIRED
from gaxjax.metrics.result import Result
from gaxjax.metrics.samples import OF_GAME
from gaxjax.metrics.selection import parse_metrics
from gaxjax.parallel.seeds import Seeds
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.stages import images_at_step
from gaxjax.runs.record import append_results, read_run

__all__ = ["evaluate_folders", "evaluate_run"]


def evaluate_run(
    workdir: Path | str, evaluation: Evaluation, best: bool = False, directory: str = ""
) -> list[Result]:
    """Measures samples of a run's last (or best) checkpoint, and adds the results to the run's results.jsonl.

    directory: where the data are, if not where the run found them.
    """
    workdir = as_path(workdir)
    recipe = read_run(workdir)
    data = replace(recipe.data, directory=directory or recipe.data.directory)
    source = open_source(data)
    # The data's spec goes along: shapes of a run whose data are open need not be read from its files again.
    _, gan, state = runs.open(workdir, best, source.spec)
    evaluation = resolve_accuracy(evaluation, gan, data, source.spec)
    seeds = Seeds(recipe.seed, recipe.seeds)
    images = images_at_step(recipe.all_stages, int(seeds.select(state.step)))
    results = Evaluator(evaluation, data, source).evaluate_seeds(
        gan, state, source, images, str(workdir), seeds
    )
    try:
        # One process writes; the others wait below, so that none ends, and takes the job with it, before
        # that.
        if parallel.is_primary():
            append_results(workdir, results)
    except OSError as error:
        # Measuring took minutes or hours: a run that cannot be written to is no reason to lose the numbers.
        print(f"warning: results are not kept with the run: {summarize_error(error)}", file=sys.stderr)
    parallel.barrier()
    return results


def evaluate_folders(fake: Path | str, real: Path | str, evaluation: Evaluation) -> list[Result]:
    """Measures the images of one folder against those of another; all of one size.

    Where the metrics compare pairs, images of one name belong together.
    """
    fake, real = as_path(fake), as_path(real)
    metrics = parse_metrics(evaluation.metrics)
    of_game = [name for name, metric in metrics.items() if OF_GAME & set(metric.fake)]
    if of_game:
        raise InputError(
            f"{', '.join(of_game)} asks the game itself, and not its images alone: measure a run"
        )
    names = {folder: list_images(folder) for folder in (fake, real)}
    paired = bool(PAIRED & set(metrics))
    # Both lists are sorted, so that equal lists pair by position.
    if paired and names[fake] != names[real]:
        unpaired = sorted(str(path) for path in set(names[fake]) ^ set(names[real]))
        raise InputError(
            f"pairs have one name in both folders; {len(unpaired)} have not, such as {unpaired[0]}"
        )
    shape = common_shape([folder / name for folder, files in names.items() for name in files])
    # Fewer files than n are all measured: the result says how many there were.
    n = min(evaluation.n, len(names[fake]))
    of_folders = replace(evaluation, n=n, real=n if paired else evaluation.real, split="")
    # No split and no labels: folders in folders are more images, not classes.
    data = {folder: Data("folder", shape, str(folder), split="", layout="flat") for folder in names}
    source = open_source(data[fake])  # first, for what cannot be used is said before anything is computed
    evaluator = Evaluator(of_folders, data[real], paired=True)
    # Fakes come the way that real images do; only nothing is cached of them.
    statistics = evaluator.gather_source(source, n, evaluator.needs)
    return [
        replace(result, data=f"{real} at {'x'.join(map(str, shape))}" if result.real else "")
        for result in evaluator.results(statistics, None, str(fake))
    ]


def list_images(folder: Path) -> list[Path]:
    """The images of a folder, or an InputError."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder of images")
    return image_files(folder)


def common_shape(files: list[Path]) -> tuple[int, int, int]:
    """(height, width, channels) of images that all have one size; 3 channels unless all are gray."""
    # Sizes are read from the files' headers: nothing is decoded yet.
    sizes, gray = {}, True
    for file in files:
        try:
            sizes[file] = upright_size(file)
            gray = gray and is_gray(file)
        except DamagedError as error:
            raise InputError(f"{file} cannot be used ({error}): repair or remove it") from error
    width, height = sizes[files[0]]
    for file, size in sizes.items():
        if size != (width, height):
            other = "x".join(str(n) for n in size)
            raise InputError(
                f"{file} is {other} pixels, {files[0]} is {width}x{height}; metrics depend on how images are "
                "resized, so bring all to one size first"
            )
    return height, width, 1 if gray else 3
