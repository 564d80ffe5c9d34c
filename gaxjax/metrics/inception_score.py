"""The Inception Score: how sure a classifier is of each image, and how unsure of what comes next."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from gaxjax.errors import InputError
from gaxjax.metrics.checking import Values, check_features, check_finite


class InceptionScore(NamedTuple):
    """An estimate over the parts of a set, from 1 to the number of classes."""

    mean: float
    """of the parts' scores"""
    standard_deviation: float
    """of the parts' scores"""


def inception_score(
    logits: Float[Values, "images classes"], splits: int = 10, seed: int | None = 2020
) -> InceptionScore:
    """exp E_x KL(p(y | x) || p(y)), p(y) the mean of each part. Salimans et al. 2016, section 4.

    The paper has 50,000 images in 10 parts, and the classes of Inception. seed shuffles the images first as
    torch-fidelity does with that rng_seed; None leaves them as they come.

    >>> inception_score(np.log(np.array([[0.5, 0.5], [0.5, 0.5]])), splits=1)
    InceptionScore(mean=1.0, standard_deviation=0.0)
    """
    check_features(logits=logits)
    check_finite(logits=logits)
    count = len(logits)
    if not 1 <= splits <= count:
        raise InputError(f"splits must be from 1 to the number of images, {count}; got {splits}")
    values = np.asarray(logits)
    if seed is not None:
        # The old generator, for torch-fidelity's permutation. In the order in which samples come, parts may
        # differ by label.
        values = values[np.random.RandomState(seed).permutation(count)]
    scores = []
    for part in range(splits):
        # Parts differ by one image at most where the number does not divide.
        start, stop = part * count // splits, (part + 1) * count // splits
        log_p = _log_softmax(values[start:stop].astype(np.float64))
        p = np.exp(log_p)
        marginal = p.mean(axis=0, keepdims=True)
        # A class that no image has any of would be 0 log 0.
        log_marginal = np.log(np.maximum(marginal, np.finfo(np.float64).tiny))
        # exp of the mean divergence, of each part; the score is the mean of the parts' scores and not of
        # their logarithms.
        scores.append(np.exp(np.sum(p * (log_p - log_marginal), axis=1).mean()))
    return InceptionScore(float(np.mean(scores)), float(np.std(scores)))


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
