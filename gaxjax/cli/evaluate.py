"""gaxjax evaluate DIR [--metrics fid,kid] [...], gaxjax evaluate --images FAKE REAL [...]"""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from gaxjax.cli.parsing import parse
from gaxjax.errors import InputError
from gaxjax.files.places import as_path
from gaxjax.recipe.evaluation import Evaluation

Layout = Literal["flat", "frames", "strips"]


@dataclasses.dataclass(frozen=True)
class Evaluate:
    """Measures a run, or a folder of images or clips."""

    evaluation: Annotated[Evaluation, tyro.conf.arg(name="")]
    images: Annotated[tuple[Path, Path] | None, tyro.conf.arg(metavar="FAKE REAL")] = None
    """two folders of images, in place of a run; or of clips, with a --shape of four numbers"""
    layouts: Annotated[tuple[Layout, Layout], tyro.conf.arg(metavar="FAKE REAL")] = ("flat", "flat")
    """how each of two folders has its clips: flat (a file is a clip), frames or strips, as data.layout"""
    checkpoint: Literal["last", "best"] = "last"
    """of the run"""
    data_directory: str = ""
    """where the data are, if not where the run found them"""


def main(arguments: list[str]) -> None:
    """Prints what is measured of a run, or of two folders, a line each."""
    # Not a field: a run has defaults of its own for all the others, so it is read first.
    workdir, flags = None, arguments
    if arguments and not arguments[0].startswith("-"):
        workdir, flags = as_path(arguments[0]), arguments[1:]
    program = f"evaluate {workdir or '(DIR | --images FAKE REAL)'}"
    options = parse(Evaluate, flags, program, default=Evaluate(default_of(workdir)))
    from gaxjax.parallel.configure import configure_jax

    configure_jax()
    from gaxjax.evaluation.measuring import evaluate_folders, evaluate_run

    if options.images and workdir is None:
        fake, real = options.images
        results = evaluate_folders(fake, real, options.evaluation, options.layouts)
    elif workdir and options.images is None and options.layouts == Evaluate.layouts:
        best = options.checkpoint == "best"
        results = evaluate_run(workdir, options.evaluation, best, options.data_directory)
    else:
        raise InputError(
            "say what is measured: gaxjax evaluate DIR, or gaxjax evaluate --images FAKE REAL, whose "
            "--layouts are of clips"
        )
    for result in results:
        print(result)


def default_of(workdir: Path | None) -> Evaluation:
    """What a run measures of itself; the FID if it measures nothing, of what its recipe says."""
    if workdir and (workdir / "recipe.json").exists():
        from gaxjax.runs.record import read_run

        evaluation = read_run(workdir).evaluation
        # What is measured now keeps no checkpoint.
        return dataclasses.replace(evaluation, metrics=evaluation.metrics or "fid", best="")
    return Evaluation(metrics="fid")
