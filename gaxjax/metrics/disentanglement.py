"""Disentanglement: whether each factor of images is told by one code, and by that one alone.

Chen et al. 2018, arXiv 1802.04942, section 4.1 (MIG), and Nie et al. 2020, arXiv 2003.03461 (L2).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from gaxjax.errors import InputError
from gaxjax.metrics.checking import Values, check_features, check_finite

BINS = 20
"""Of a code, of equal width from its smallest value to its largest; as many as others take (Locatello et al.
2019)."""


class Gap(NamedTuple):
    """The mutual information gap, and what it is made of."""

    mean: float
    """over factors, 0 to 1"""
    by_factor: np.ndarray
    """[F]: how much more the best code tells than the second best, as a share of the factor's entropy"""
    information: np.ndarray
    """[D, F]: of each code and factor, in nats"""
    entropies: np.ndarray
    """[F], in nats"""


class FactorError(NamedTuple):
    """How far factors are from those that were read."""

    mean: float
    """of |read - factors| over examples"""
    standard_error: float
    """of that mean"""
    by_factor: np.ndarray
    """[F]: the root of the mean square of each"""


def mutual_information_gap(
    codes: Float[Values, "examples codes"], factors: Float[Values, "examples factors"], bins: int = BINS
) -> Gap:
    """The mean over factors v of (I(z1; v) - I(z2; v)) / H(v), z1 and z2 the codes that tell the most of v.

    Codes are taken in bins, factors by their values. A factor of one value, of which nothing can be told, has
    a gap of 0. Of few examples, information is overestimated, by about (bins - 1)(values - 1) / (2 examples).
    """
    check_examples(codes=codes, factors=factors)
    if np.shape(codes)[1] < 2:
        raise InputError("a gap is between two codes: at least 2 are needed; got 1")
    told = discretize(np.asarray(codes), bins)
    # Real factors have few values, each of which is a bin of its own.
    values = [np.unique(column, return_inverse=True)[1] for column in np.asarray(factors).T]
    information = np.array([[mutual_information(code, value) for value in values] for code in told.T])
    # What a factor tells of itself.
    entropies = np.array([mutual_information(value, value) for value in values])
    # The two codes that tell the most, whichever they are: no code has to be in the place of its factor.
    second, first = np.sort(information, axis=0)[-2:]
    # No information is above the entropy; where that is 0, so is the gap.
    gaps = (first - second) / np.where(entropies > 0, entropies, 1)
    return Gap(float(gaps.mean()), gaps, information, entropies)


def factor_error(
    read: Float[Values, "examples factors"], factors: Float[Values, "examples factors"]
) -> FactorError:
    """Mean of |read - factors| over examples, each factor in [0, 1]; code i is of factor i.

    Of codes that no label has tied to factors, which is which is left to chance, and so is this number.
    """
    check_examples(read=read, factors=factors)
    if np.shape(read) != np.shape(factors):
        raise InputError(
            f"each factor must have a code; got {np.shape(read)[1]} codes and {np.shape(factors)[1]} "
            f"factors: give the game as many codes as the data have factors"
        )
    differences = np.asarray(read, np.float64) - np.asarray(factors, np.float64)
    # Of the norm, not of its square: a few images that are far off weigh less.
    norms = np.sqrt(np.sum(differences**2, axis=1))
    error = float(norms.std() / np.sqrt(len(norms)))
    return FactorError(float(norms.mean()), error, np.sqrt(np.mean(differences**2, axis=0)))


def discretize(values: Float[np.ndarray, "examples codes"], bins: int) -> Int[np.ndarray, "examples codes"]:
    """The number of each value's bin, 0 to bins - 1.

    >>> discretize(np.array([[0.0], [0.4], [0.5], [1.0]]), 2)[:, 0]
    array([0, 0, 1, 1])
    """
    low, high = values.min(axis=0), values.max(axis=0)
    # Of a code that never changes all are in the first. The largest value is in the last bin, not past it.
    shares = (values - low) / np.where(high > low, high - low, 1)
    return np.minimum((shares * bins).astype(np.int64), bins - 1)


def nearest_values(
    read: Float[np.ndarray, "examples factors"], sizes: Sequence[int]
) -> Float[np.ndarray, "examples factors"]:
    """What was read of factors at the nearest of their values, so many each, evenly from 0 to 1.

    >>> nearest_values(np.array([[0.2, 0.3], [-0.1, 1.4]]), (2, 3))
    array([[0. , 0.5],
           [0. , 1. ]])
    """
    steps = np.asarray(sizes) - 1
    # Of a single value, 0 and not 0 / 0.
    return np.rint(np.clip(read, 0, 1) * steps) / np.maximum(steps, 1)


def mutual_information(a: Int[np.ndarray, " examples"], b: Int[np.ndarray, " examples"]) -> float:
    """Of two numberings from 0, as their counts have it, in nats; of one with itself, the entropy.

    >>> round(mutual_information(np.array([0, 1, 0, 1]), np.array([0, 1, 1, 0])), 4)
    0.0
    """
    shape = int(a.max()) + 1, int(b.max()) + 1
    joint = np.bincount(a * shape[1] + b, minlength=shape[0] * shape[1]).reshape(shape) / len(a)
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    # 0 log 0 is 0: what does not occur together adds nothing.
    there = joint > 0
    return float(np.sum(joint[there] * np.log(joint[there] / independent[there])))


def check_examples(**arrays: Values) -> None:
    """Refuses arrays that are not of the same examples, or not finite."""
    for name, array in arrays.items():
        check_features(**{name: array})
    check_finite(**arrays)
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        raise InputError(f"every example must have each; got {counts}")


def format_by_factor(names: Sequence[str], values: np.ndarray) -> str:
    """A number for each factor, in a line.

    >>> format_by_factor(("size", "x"), np.array([0.5, 0.25]))
    'size 0.500, x 0.250'
    """
    return ", ".join(f"{name} {value:.3f}" for name, value in zip(names, values, strict=True))


def parse_by_factor(text: str) -> dict[str, str]:
    """The inverse of `format_by_factor`, of names without a comma.

    >>> parse_by_factor("size 0.500, x 0.250")
    {'size': '0.500', 'x': '0.250'}
    """
    return dict(part.rsplit(" ", 1) for part in text.split(", ")) if text else {}
