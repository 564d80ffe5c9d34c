"""gaxjax classifier NAME [--data-directory DIR] [--out FILE] [--seed 0]"""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from gaxjax.cli.parsing import parse
from gaxjax.errors import InputError, check_seed
from gaxjax.files.places import disk_path


@dataclasses.dataclass(frozen=True)
class Train:
    """Trains the classifier of a set."""

    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """of the set: mnist, fashion_mnist or digits"""
    data_directory: Annotated[str, tyro.conf.arg(help_behavior_hint="(default: tfds' own)")] = ""
    """where the set is"""
    out: Annotated[
        Path | None, tyro.conf.arg(help_behavior_hint="(default: ~/.cache/gaxjax/classifiers/NAME.npz)")
    ] = None
    """file of the weights"""
    seed: int = 0
    """of weights, order and dropout"""


def main(arguments: list[str]) -> None:
    """Trains a classifier and says how good it is."""
    options = parse(Train, arguments, "classifier")
    check_seed(options.seed, "--seed")
    from gaxjax.parallel.configure import configure_jax

    configure_jax()
    # A set without a classifier is refused here: a Literal of the sets would bring JAX for the help.
    from gaxjax.features import classifier
    from gaxjax.parallel.cache import cache_folder, writable_folder

    classifier.check_dataset(options.name)
    if options.out is None and writable_folder(cache_folder()) != cache_folder():
        raise InputError("the classifier has nowhere to be kept: say where, with --out FILE")
    default = Path(cache_folder(), "classifiers", f"{options.name}.npz")
    out = disk_path(options.out or default, "weights are")
    print(
        classifier.describe_weights(
            classifier.train_classifier(options.name, options.data_directory, out, options.seed)
        )
    )
