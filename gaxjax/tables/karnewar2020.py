"""MSG-GAN beside ProGAN and StyleGAN, and which sizes are connected. Karnewar and Wang 2020."""

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gaxjax import parallel
from gaxjax.files import write_bytes
from gaxjax.layers.modules import set_fields
from gaxjax.recipe import Growth, Recipe
from gaxjax.recipe.evaluation import Evaluation
from gaxjax.recipe.serialization import load_recipe
from gaxjax.runs.record import read_metrics
from gaxjax.tables.reproduction import Group, measure_rows, select_rows, write_table
from gaxjax.tables.verdict import Budget, Printed, Row, format_table, parse_budget
from gaxjax.tables.workers import WorkerFlags, Workers

LENGTH = 120.0
"""kimg that count as the whole length; the paper's is 6,000 to 25,000, of another set."""
RUNS = {
    "progan": ("progan_small", "all", "ProGAN, grown", 9.49),
    "none": ("msg_gan:small", "none", "MSG-ProGAN, no connections", 14.20),
    "coarse": ("msg_gan:small", "coarse", "MSG-ProGAN, coarse connections", 10.84),
    "middle": ("msg_gan:small", "middle", "MSG-ProGAN, middle connections", 9.17),
    "fine": ("msg_gan:small", "fine", "MSG-ProGAN, fine connections", 9.74),
    "all": ("msg_gan:small", "all", "MSG-ProGAN", 8.36),
    "stylegan": ("stylegan_small", "all", "StyleGAN, grown", 4.40),
    "msg_stylegan": ("msg_stylegan:small", "all", "MSG-StyleGAN", 5.80),
}
"""Row -> recipe, sizes that are connected, the paper's name and FID on FFHQ."""
ABOUT = """\
Karnewar and Wang 2020, arXiv 1903.06048: FID on FFHQ at 1024 px, of ProGAN after 12 million images, StyleGAN
after 25, MSG-ProGAN after 6 and MSG-StyleGAN after 9.6. Ours: Fashion-MNIST at 32 px, by networks of
{features} / 2^(level + 1) channels, {width} at most, against the test images; all rows of as many images.
What grows does so by 1.5 kimg of fading and 1.5 after it at each size: ProGAN, from 4 px on, is at 32 px
after 7.5 kimg, StyleGAN, from 8 px on, after 4.5. Coarse is 4 px, middle 8, fine 16; in the paper
4 to 8, 16 to 32, and 64 to 512. So the order may be compared, and no number."""


def recipe(name: str, features: int, width: int) -> Recipe:
    """A row's recipe, with networks of this size."""
    target, connections, *_ = RUNS[name]
    small = load_recipe(target)[0]
    # Whatever of these the networks of a row have; only a game of pyramids has connections.
    sizes = {"features": features, "max_features": width, "style_size": width, "connections": connections}
    gan = set_fields(small.gan, **sizes)
    growth = Growth(small.growth.first, 1.5, 1.5) if small.growth.first else small.growth
    # ProGAN begins at 4 px and StyleGAN at 8; what is measured is the end, and no older checkpoint.
    return replace(small, gan=gan, kimg=LENGTH, growth=growth, sample_kimg=5, checkpoint_kimg=5, keep=1)


def rows(features: int, width: int, evaluation: Evaluation) -> list[Row]:
    """One run each, with the paper's FID."""
    return [
        Row(
            name=name,
            title=title,
            metric="fid",
            printed=Printed(fid, None, 1, "secondary"),
            recipe=functools.partial(recipe, name, features, width),
            evaluation=evaluation,
            measured_as="FID",
            # Told apart by the verdict, whatever the features are.
            differs="32 px, small networks and another set",
        )
        for name, (_, _, title, fid) in RUNS.items()
    ]


def training_times(groups: Sequence[Group]) -> str:
    """How long each run took, steps alone, on whatever machine it ran; as Markdown."""
    lines = [
        [group.lines[0].row.title, f"{read_metrics(run.folder)[-1]['seconds'] / 60:.1f}"]
        for group in groups
        for run in group.runs
        if read_metrics(run.folder)
    ]
    return format_table([["row", "minutes of training"], *lines])


def make(
    out: Path,
    budget: str = "small",
    seeds: int = 1,
    data_directory: str = "",
    features: int = 256,
    width: int = 64,
    seen_by: str = "classifier(fashion_mnist)",
    level: str = "",
    weights: str = "",
    n: int = 10_000,
    only: str = "",
    workers: WorkerFlags = Workers(),
) -> str:
    """Trains MSG-GANs beside what grows, and measures their FID: OUT/karnewar2020.md, .csv, .json, .png.

    OUT/karnewar2020_times.md says how long each run took.

    Args:
        out: directory of the table and its runs
        budget: smoke, small (20 kimg, a sixth of what counts as the whole), paper, or a share such as 0.4
        seeds: runs of each row
        data_directory: where tensorflow-datasets keeps Fashion-MNIST (empty: its own default)
        features: channels at a level are so many / 2^(level + 1)
        width: channels that a level has at most; also the size of w
        seen_by: what the distance sees: classifier(fashion_mnist), inception, pixels
        level: of these features (inception: 64, 192, 768, 2048); empty: the deepest that there is
        weights: file of the features' weights (empty: as for `gaxjax evaluate`)
        n: samples, and as many test images; by fewer than there are features FID is too large
        only: rows, comma-separated, such as progan,all; empty for all
        workers: where the runs are made
    """
    training = parse_budget(budget, smoke=Budget(0.0005, 256), small=Budget(1 / 6))
    evaluation = Evaluation("fid", features=seen_by, level=level, weights=weights, split="test", n=n, real=n)
    selection = select_rows(rows(features, width, evaluation), only)
    groups = measure_rows(out, selection, training, seeds, data_directory, False, workers)
    text = write_table(out, "karnewar2020", ABOUT.format(features=features, width=width), groups)
    times = training_times(groups)
    if parallel.is_primary():
        write_bytes(out / "karnewar2020_times.md", times.encode() + b"\n")
    return f"{text}\n{times}\n"
