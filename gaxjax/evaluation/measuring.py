"""Measures a run, or two folders of images or clips; what the command `gaxjax evaluate` does."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gaxjax import parallel, runs
from gaxjax.data import Data, Source, open_source
from gaxjax.data.checking import check_data
from gaxjax.data.clip_sources import StreamedClips
from gaxjax.data.clips import VIDEO, ClipFolder
from gaxjax.data.config import Layout
from gaxjax.data.folder import image_files
from gaxjax.data.images import DamagedError, is_gray, upright_size
from gaxjax.errors import InputError, summarize_error
from gaxjax.evaluation.accuracy import resolve_accuracy
from gaxjax.evaluation.evaluator import Evaluator
from gaxjax.evaluation.protocol import check_count
from gaxjax.files.places import as_path
from gaxjax.metrics.catalog import PAIRED
from gaxjax.metrics.metric import Metric
from gaxjax.metrics.result import Result
from gaxjax.metrics.samples import OF_GAME
from gaxjax.metrics.selection import parse_metrics
from gaxjax.parallel.seeds import Seeds
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.stages import images_at_step
from gaxjax.runs.record import append_results, read_run

__all__ = ["evaluate_folders", "evaluate_run"]

FILES: tuple[Layout, Layout] = ("flat", "flat")
"""Layouts of two folders that have a file for each example."""
OF_RUN = ("split", "reference", "output", "balanced", "sampling")
"""What says which of a run's data and samples are measured."""


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


def evaluate_folders(
    fake: Path | str,
    real: Path | str,
    evaluation: Evaluation,
    layouts: tuple[Layout, Layout] = FILES,
) -> list[Result]:
    """Measures the images of one folder against those of another, or the clips; all of one size.

    Where the metrics compare pairs, images of one name belong together. Clips are those of an evaluation
    whose shape is (frames, height, width, channels), the first frames of each; layouts: how each folder has
    them, as `Data.layout`.
    """
    folders = as_path(fake), as_path(real)
    metrics = parse_metrics(evaluation.metrics)
    of_game = [name for name, metric in metrics.items() if OF_GAME & set(metric.fake)]
    if of_game:
        raise InputError(
            f"{', '.join(of_game)} asks the game itself, and not its images alone: measure a run"
        )
    # Said, and not left out of what is measured without a word.
    if of_run := [name for name in OF_RUN if getattr(evaluation, name) != getattr(Evaluation(), name)]:
        raise InputError(
            f"{', '.join(of_run)} is of a run; two folders are measured as they are: leave it out"
        )
    paired, reference, sides = bool(PAIRED & set(metrics)), "image", list[Source]()
    # First, for what cannot be used is said before anything is computed.
    if len(evaluation.shape) == 4:
        data, reference = describe_clips(folders, evaluation.shape, layouts), VIDEO
        sides = [open_clips(side) for side in data]
    else:
        refuse_clips(metrics, evaluation, layouts)
        data = describe_images(folders, paired)
        sides = [open_source(side) for side in data]
    check_count(data[0], len(sides[0]))
    # Fewer files than n are all measured: the result says how many there were.
    n = min(evaluation.n, len(sides[0]))
    of_folders = replace(
        evaluation, n=n, real=n if paired else evaluation.real, split="", reference=reference
    )
    evaluator = Evaluator(of_folders, data[1], sides[1], paired=True)
    # Fakes come the way that real images do; only nothing is cached of them.
    statistics = evaluator.gather_source(sides[0], n, evaluator.needs)
    of_real = f"{folders[1]} at {'x'.join(map(str, data[1].shape))}"
    return [
        replace(result, data=of_real if result.real else "")
        for result in evaluator.results(statistics, None, str(folders[0]))
    ]


def refuse_clips(
    metrics: Mapping[str, Metric], evaluation: Evaluation, layouts: tuple[Layout, Layout]
) -> None:
    """InputError for what is of folders of clips alone, where it is not said that these are."""
    give = "give --shape FRAMES HEIGHT WIDTH CHANNELS"
    if names := [name for name, metric in metrics.items() if metric.units == ("clips",)]:
        raise InputError(f"{', '.join(names)} is of clips: {give}")
    if evaluation.shape or layouts != FILES:
        what = f"shape={evaluation.shape}" if evaluation.shape else f"layouts={layouts}"
        raise InputError(f"{what}: images are measured as they are; leave it out, or of clips {give}")


def describe_images(folders: Sequence[Path], paired: bool) -> list[Data]:
    """Folders of images, all of one size; InputError for those that are not, or that are no pairs."""
    names = [list_images(folder) for folder in folders]
    # Both lists are sorted, so that equal lists pair by position.
    if paired and names[0] != names[1]:
        unpaired = sorted(str(path) for path in set(names[0]) ^ set(names[1]))
        raise InputError(
            f"pairs have one name in both folders; {len(unpaired)} have not, such as {unpaired[0]}"
        )
    files = [folder / name for folder, own in zip(folders, names, strict=True) for name in own]
    shape = common_shape(files)
    # No split and no labels: folders in folders are more images, not classes.
    return [Data("folder", shape, str(folder), split="", layout="flat") for folder in folders]


def describe_clips(folders: Sequence[Path], shape: tuple[int, ...], layouts: Sequence[Layout]) -> list[Data]:
    """Folders of clips, of which the first frames are measured."""
    return [
        Data("folder", shape, str(folder), split="", layout=layout, first_frames=True)
        for folder, layout in zip(folders, layouts, strict=True)
    ]


def open_clips(data: Data) -> StreamedClips:
    """A folder of clips; InputError for those that are too short, and for frames of another size."""
    check_data(data)
    # Not kept in memory: each clip is looked at once.
    source = StreamedClips(ClipFolder(data), data)
    for index in source.indices.tolist():
        width, height = source.folder.frame_size(index)
        if (height, width) != data.shape[1:3]:
            raise InputError(
                f"{source.folder.name(index)} has frames of {width}x{height} pixels, and --shape "
                f"{' '.join(map(str, data.shape))} is of {data.shape[2]}x{data.shape[1]}; metrics depend on "
                "how frames are resized, so bring all to one size first"
            )
    return source


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
