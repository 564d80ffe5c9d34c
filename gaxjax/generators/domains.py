"""The domains that a game can be asked to translate into, where they are what its data's labels say."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gaxjax.errors import InputError
from gaxjax.game import GAN
from gaxjax.gans.label_sets import count_labels
from gaxjax.runs.inventory import read_inventory

LABEL, ATTRIBUTES = "label", "attributes"
"""What a batch says of domains: one number [B], or yes or no of each [B, A]."""


class Domain(NamedTuple):
    """What is asked for."""

    name: str
    """of the data, or attributes as they are written; empty where a game has one domain alone"""
    batch: Mapping[str, np.ndarray] = {}
    """what a batch of one says of it"""


def choose_domains(
    gan: GAN, run: Path, spec: Mapping[str, Any], needs: set[str], texts: Sequence[str]
) -> list[Domain]:
    """The domains that are asked for, or all that there are; InputError for one that the game does not know.

    needs: what of a batch's names the game looks at when it translates.
    """
    if ATTRIBUTES in needs:
        (count,) = spec[ATTRIBUTES].shape
        # Names are of the data that the run was trained on, which need not be here any more.
        names = list(read_inventory(run).get("attributes") or map(str, range(count)))
        sizes = count_labels(gan) or [count]
        return [
            Domain(text, {ATTRIBUTES: parse_attributes(text, names, sizes)[None]}) for text in texts or names
        ]
    if LABEL in needs:
        inventory = read_inventory(run)
        count = inventory.get("classes") or 0
        names = list(inventory.get("names") or map(str, range(count)))
        labels = [parse_class(text, names) for text in texts or names]
        if len(set(labels)) < len(labels):
            raise InputError(f"--domain names each domain once; got {', '.join(texts)}")
        return [Domain(names[label], {LABEL: np.array([label], np.int32)}) for label in labels]
    # Unheard it would seem to be done.
    if texts:
        raise InputError(
            f"--domain {texts[0]}: {type(gan).__name__} is told no labels, and translates into one "
            "domain alone: leave it out"
        )
    return [Domain("")]


def parse_class(text: str, names: Sequence[str]) -> int:
    """The number of a class by its name, or as it is written."""
    if text in names:
        return list(names).index(text)
    if text.isdecimal() and int(text) < len(names):
        return int(text)
    raise InputError(f"--domain {text}: the run's domains are {', '.join(names)}, or 0 to {len(names) - 1}")


def parse_attributes(text: str, names: Sequence[str], sizes: Sequence[int]) -> np.ndarray:
    """Attributes [A] float32: "Blond_Hair", "Blond_Hair=1,Male=0"; 0 for those that are not named.

    sizes: of sets of attributes, side by side; one of which none is named is not known, -1.

    >>> parse_attributes("Male,Young=0", ["Male", "Young", "kind=a", "kind=b"], [2, 2]).tolist()
    [1.0, 0.0, -1.0, -1.0]
    """
    known: dict[int, int] = {}
    for word in text.split(","):
        # A name may have an equals sign of its own: a column of several values is an attribute for each.
        name, _, value = (word, "", "1") if word in names else word.rpartition("=")
        if name not in names or value not in ("0", "1"):
            raise InputError(
                f"--domain {text}: {word!r} is not NAME=0 or NAME=1 with a NAME of {', '.join(names)}"
            )
        known[list(names).index(name)] = int(value)
    # Of a set of which something is said, all the rest is 0, as one that is one-hot has to be.
    values, start = np.full(len(names), -1, np.float32), 0
    for size in sizes:
        own = range(start, start + size)
        if not known.keys().isdisjoint(own):
            values[own] = [known.get(place, 0) for place in own]
        start += size
    return values
