"""Photographs enlarged four times: nearest, bicubic, SRResNet and SRGAN. Ledig et al. 2017, table 2."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import numpy as np
from PIL import Image

from gaxjax.data import Data, Source, open_source
from gaxjax.data.source import Batch, SourceOf
from gaxjax.evaluation.evaluator import Evaluator
from gaxjax.metrics.result import Result
from gaxjax.recipe import Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.serialization import load_recipe
from gaxjax.tables.reproduction import Group, measure_rows, select_rows, write_table
from gaxjax.tables.verdict import Budget, Line, Printed, Row, parse_budget
from gaxjax.tables.workers import WorkerFlags, Workers

ABOUT = """\
Ledig et al. 2017, arXiv 1609.04802, x4: PSNR and SSIM of the luma without 4 pixels at each border, and a
distance between features of the enlarged photograph and the original. Small photographs are the originals
reduced by Pillow's bicubic; nearest and bicubic are Pillow's too, of the same ones. The paper's numbers are
of Set14, ours of the photographs in DIR/test, their centers of 256 px; lengths are shares of the recipe's,
which is far from the paper's."""
METRICS = ("psnr_y", "ssim_y", "perceptual")
NAMES = {"psnr_y": "PSNR-Y", "ssim_y": "SSIM-Y"}
FILTERS = {"nearest": Image.Resampling.NEAREST, "bicubic": Image.Resampling.BICUBIC}
RECIPES = {"srresnet": "srgan:srresnet_mse", "srgan": "srgan"}


@dataclass(frozen=True)
class Method:
    """A row of the paper's table 2, on Set14."""

    title: str
    psnr: float
    ssim: float
    mark: str
    """how the numbers are known"""


METHODS = {
    "nearest": Method("nearest", 24.64, 0.7100, "memory"),
    "bicubic": Method("bicubic", 25.99, 0.7486, "memory"),
    "srresnet": Method("SRResNet", 28.49, 0.8184, "memory"),
    "srgan": Method("SRGAN", 26.02, 0.7397, "secondary"),
}


@final
class Enlarged(SourceOf):
    """The pairs of a source, whose b is a, enlarged by a filter."""

    def __init__(self, source: Source, resampling: Image.Resampling):
        super().__init__(source)
        self.resampling = resampling

    def take(self, positions: np.ndarray, seed: int | None = None) -> Batch:
        batch = self.source.take(positions, seed)
        height, width = self.spec["b"].shape[:2]
        # Of the very images that networks are given: what differs is the enlarging alone.
        large = [Image.fromarray(a).resize((width, height), self.resampling) for a in batch["a"]]
        return {**batch, "b": np.stack([np.asarray(image) for image in large])}


def recipe(name: str) -> Recipe:
    """Of configs/srgan.py."""
    return load_recipe(RECIPES[name])[0]


def rows(evaluation: Evaluation) -> Iterator[Row]:
    """Three numbers of each method; the paper has two of them."""
    # Of features it has no distance: people judged the images instead.
    for name, method in METHODS.items():
        for metric, value in zip(METRICS, (method.psnr, method.ssim, None), strict=True):
            yield Row(
                name=name,
                title=method.title,
                metric=metric,
                printed=None if value is None else Printed(value, None, 1, method.mark),
                recipe=functools.partial(recipe, name) if name in RECIPES else None,
                evaluation=evaluation,
                measured_as=NAMES.get(metric, ""),
                better="lower" if metric == "perceptual" else "higher",
                differs="other photographs, a smaller network and a shorter training",
            )


def measure_filter(name: str, evaluation: Evaluation, data: Data) -> list[Result]:
    """What comes of enlarging the test photographs without any network."""
    # Pairs, though no game makes them: b of each is the enlarged a.
    evaluator = Evaluator(evaluation, data, paired=True)
    source = Enlarged(evaluator.source, FILTERS[name])
    statistics = evaluator.gather_source(source, evaluation.n, evaluator.needs)
    return evaluator.results(statistics, None, name)


def make(
    out: Path,
    budget: str = "paper",
    seeds: int = 1,
    data_directory: str = "",
    features: str = "inception",
    weights: str = "",
    lpips_network: str = "",
    lpips_linear: str = "",
    only: str = "",
    workers: WorkerFlags = Workers(),
) -> str:
    """Trains SRResNet and SRGAN, and measures them beside two filters: OUT/ledig2017.md, .csv, .json, .png.

    Args:
        out: directory of the table and its runs
        budget: smoke, small (a quarter of the recipes' length), paper (all of it), or a share such as 0.4
        seeds: runs of each network
        data_directory: folder of photographs of 256 px and more, in subfolders train and test
        features: of the perceptual distance: inception, or lpips with both of its files
        weights: file of Inception's weights, where it is not to be found or downloaded
        lpips_network: file of torchvision's weights of VGG16, for lpips
        lpips_linear: file of LPIPS's own weights, version 0.1, for lpips
        only: rows, comma-separated, such as bicubic,srresnet; empty for all
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.0005), small=Budget(0.25))
    plain = recipe("srresnet")
    data = replace(plain.data, directory=data_directory)
    evaluation = replace(
        plain.evaluation,
        metrics=",".join(METRICS),
        features=features,
        weights=weights,
        lpips_network=lpips_network,
        lpips_linear=lpips_linear,
        # Each once: pairs have as many samples as originals.
        n=len(open_source(replace(data, split=plain.evaluation.split))),
    )
    selection = select_rows(list(rows(evaluation)), only)
    # Rows of filters have no recipe, and so no run: they are measured here, and all stand in one table.
    trained = [row for row in selection if row.recipe]
    groups = measure_rows(out, trained, training, seeds, data_directory, False, workers)
    filters = []
    # All of a filter's numbers are of one pass over the photographs.
    for name in dict.fromkeys(row.name for row in selection if not row.recipe):
        results = {result.metric: result for result in measure_filter(name, evaluation, data)}
        lines = [Line(row, [results[row.metric]], 0.0, 1.0, []) for row in selection if row.name == name]
        filters.append(Group(lines, []))
    return write_table(out, "ledig2017", ABOUT, [*filters, *groups])
