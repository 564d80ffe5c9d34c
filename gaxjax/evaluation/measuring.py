"""Measures a run, or two folders of images; what the command `gaxjax evaluate` does."""

import sys
from dataclasses import replace
from pathlib import Path

from gaxjax import parallel, runs
from gaxjax.data import Data, open_source
from gaxjax.data.folder import image_files
from gaxjax.data.images import DamagedError, is_gray, measure
from gaxjax.errors import InputError, brief
from gaxjax.evaluation.evaluator import Evaluator
from gaxjax.metrics.metric import OF_GAME, PAIRED, chosen
from gaxjax.metrics.result import Result
from gaxjax.parallel.seeds import Seeds
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.stages import images_by
from gaxjax.runs.record import append_results, read_run

__all__ = ["evaluate_folders", "evaluate_run"]


def evaluate_run(
    workdir: Path, evaluation: Evaluation, best: bool = False, directory: str = ""
) -> list[Result]:
    """Measures samples of a run's last (or best) checkpoint, and adds the results to the run's results.jsonl.

    directory: where the data are, if not where the run found them.
    """
    recipe = read_run(workdir)
    data = replace(recipe.data, directory=directory or recipe.data.directory)
    source = open_source(data)
    _, gan, state = runs.open(workdir, best, source.spec)
    seeds = Seeds(recipe.seed, recipe.seeds)
    seen = images_by(recipe.all_stages, int(seeds.one(state.step)))
    results = Evaluator(evaluation, data, source).all(gan, state, source, seen, str(workdir), seeds)
    try:
        if parallel.primary():
            append_results(workdir, results)
    except OSError as error:
        print(f"warning: results are not kept with the run: {brief(error)}", file=sys.stderr)
    parallel.wait_for_all()
    return results


def evaluate_folders(fake: Path, real: Path, evaluation: Evaluation) -> list[Result]:
    """Measures the images of one folder against those of another; all of one size.

    Where the metrics compare pairs, images of one name belong together.
    """
    metrics = chosen(evaluation.metrics)
    asking = [name for name, metric in metrics.items() if OF_GAME & set(metric.fake)]
    if asking:
        raise InputError(f"{', '.join(asking)} asks a game what it makes of latents: measure a run")
    names = {folder: files_of(folder) for folder in (fake, real)}
    paired = bool(PAIRED & set(metrics))
    if paired and names[fake] != names[real]:
        apart = sorted(str(path) for path in set(names[fake]) ^ set(names[real]))
        raise InputError(f"pairs have one name in both folders; {len(apart)} have not, such as {apart[0]}")
    shape = shape_of([folder / name for folder, files in names.items() for name in files])
    n = min(evaluation.n, len(names[fake]))
    asked = replace(evaluation, n=n, real=n if paired else evaluation.real, split="")
    data = {folder: Data("folder", shape, str(folder), split="", layout="flat") for folder in names}
    measured = open_source(data[fake])  # first, for what cannot be used is said before anything is computed
    evaluator = Evaluator(asked, data[real], paired=True)
    gathered = evaluator.of_real(measured, n, evaluator.needs)
    return [
        replace(result, data=f"{real} at {'x'.join(map(str, shape))}" if result.real else "")
        for result in evaluator.results(gathered, None, str(fake))
    ]


def files_of(folder: Path) -> list[Path]:
    """The images of a folder, or an InputError."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder of images")
    return image_files(folder)


def shape_of(files: list[Path]) -> tuple[int, int, int]:
    """(height, width, channels) of images that all have one size; 3 channels unless all are gray."""
    sizes, gray = {}, True
    for file in files:
        try:
            sizes[file] = measure(file)
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
