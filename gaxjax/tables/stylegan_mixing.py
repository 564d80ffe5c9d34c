"""Samples of StyleGANs with the styles of 1 to 4 latents, at a small size. Karras et al. 2019, table 2."""

from pathlib import Path

from gaxjax.tables import stylegan
from gaxjax.tables.reproduction import reproduce, selected
from gaxjax.tables.verdict import Budget, budget_of


def make(
    out: Path,
    budget: str = "small",
    seeds: int = 1,
    data_directory: str = "",
    together: bool = False,
    dataset: str = "fashion_mnist",
    features: str = "inception",
    level: str = "",
    weights: str = "",
    only: str = "",
) -> str:
    """Trains StyleGANs with less and more mixing and measures samples of mixed latents: OUT/stylegan_mixing.*

    Args:
        out: directory of the table and its runs; that of stylegan-ladder, to share two runs
        budget: smoke, small (40 kimg, a fifth of what counts as the whole), paper, or a share such as 0.4
        seeds: runs of each config
        data_directory: where tensorflow-datasets keeps its sets (empty: its own default)
        together: all seeds in one program, where the device has room for them
        dataset: a set with a split "test", such as fashion_mnist or cifar10
        features: what the distance sees: inception, classifier(fashion_mnist), pixels
        level: of the features (inception: 64, 192, 768, 2048); empty: the deepest that there is
        weights: file of the features' weights (empty: GAXJAX_INCEPTION, or the file that is downloaded once)
        only: runs, comma-separated, such as config_e,config_f; empty for all
    """
    chosen = budget_of(budget, smoke=Budget(0.0005, 256), small=Budget(0.2))
    rows = stylegan.mixing(stylegan.measured(features, weights, level), dataset)
    about = stylegan.ABOUT.format(table="table 2", dataset=dataset)
    return reproduce(
        out, "stylegan_mixing", about, selected(rows, only), chosen, seeds, data_directory, together
    )
