"""Which of many known modes a generator finds: stacked MNIST's count. Metz et al. 2017, section 3.3.1."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from gaxjax.errors import InputError
from gaxjax.metrics.checking import Values


class Modes(NamedTuple):
    """What a histogram of the classes of fakes says."""

    classes_found: int
    """classes that have any example"""
    kl: float
    """KL(histogram || uniform), in nats"""


def modes(labels: Int[Values, " examples"], classes: int = 1000) -> Modes:
    """The number of classes among the labels, and sum_c p(c) log(p(c) / (1 / classes)) over those.

    The divergence is that of the model relative to the uniform distribution, so that empty classes add
    nothing. Stacked MNIST has 1,000 classes, and 25,600 samples in the protocol of Karras et al. 2018.

    >>> modes(np.array([0, 0, 2, 2]), classes=4)  # log 2
    Modes(classes_found=2, kl=0.6931471805599453)
    """
    values = _integers(labels=labels)
    if values.ndim != 1 or not values.size:
        raise InputError(f"labels must have shape [examples], at least one; got {values.shape}")
    if classes < 1 or values.min() < 0 or values.max() >= classes:
        raise InputError(
            f"labels must be from 0 to {classes - 1} for {classes} classes; "
            f"got {values.min()} to {values.max()}"
        )
    share = np.bincount(values, minlength=classes) / values.size
    # 0 log 0 is 0.
    share = share[share > 0]
    return Modes(len(share), float(np.sum(share * np.log(share * classes))))


def stacked_labels(digits: Int[Values, "examples 3"]) -> Int[np.ndarray, " examples"]:
    """The class d0 + 10 d1 + 100 d2 of the digits in an image's three channels. Metz et al. 2017.

    >>> stacked_labels(np.array([[1, 2, 3]]))
    array([321])
    """
    values = _integers(digits=digits)
    if values.ndim != 2 or values.shape[1] != 3:
        raise InputError(f"digits must have shape [examples, 3]; got {values.shape}")
    if values.size and (values.min() < 0 or values.max() > 9):
        raise InputError(f"digits must be from 0 to 9; got {values.min()} to {values.max()}")
    # As `data.stacked` labels its examples.
    return values @ np.array([1, 10, 100])


def _integers(**labels: Values) -> np.ndarray:
    for name, value in labels.items():
        if not np.issubdtype(value.dtype, np.integer):
            raise InputError(f"{name} must be integers, the classes themselves; got {value.dtype}")
    return np.asarray(value, np.int64)
