"""Codes that were found without labels as a classifier, once each is matched to a class."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from gaxjax.errors import InputError
from gaxjax.metrics.checking import Values


class Matching(NamedTuple):
    """The best matching of codes to classes, one to one."""

    error: float
    """share of the examples whose code is not their class's"""
    classes_found: int
    """classes that are the most frequent one of the code that they are matched to"""
    codes: tuple[int, ...]
    """code of each class; -1 for a class that is left without"""


def match_codes(codes: Int[Values, " examples"], labels: Int[Values, " examples"]) -> Matching:
    """Matches codes to classes so that the most examples have their class's code. Chen et al. 2016, 7.2.

    The best of all one-to-one matchings, by the Hungarian algorithm; codes beyond the number of classes stay
    unmatched, and their examples count as errors.

    >>> match_codes(np.array([1, 1, 0, 0, 0]), np.array([0, 0, 1, 1, 0]))
    Matching(error=0.2, classes_found=2, codes=(1, 0))
    """
    code, label = (np.asarray(values) for values in (codes, labels))
    if code.ndim != 1 or code.shape != label.shape or not code.size:
        raise InputError(
            f"codes and labels must have shape [examples], at least one; got {code.shape}, {label.shape}"
        )
    for name, values in (("codes", code), ("labels", label)):
        if not np.issubdtype(values.dtype, np.integer) or values.min() < 0:
            raise InputError(f"{name} must be integers from 0; got {values.dtype}, least {values.min()}")
    # [codes, classes]; a code or a class beyond those that occur would only add zeros.
    table = np.zeros((code.max() + 1, label.max() + 1), np.int64)
    np.add.at(table, (code, label), 1)
    # Here, for it takes a fifth of the time in which `gaxjax train` starts, which has metrics at hand.
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(table, maximize=True)
    # By class, for that is how a table of classes is read.
    by_class = dict(zip(columns.tolist(), rows.tolist(), strict=True))
    # Matched alone is not found: the last code left is matched to the last class, whatever it stands for.
    found = sum(
        int(table[row].argmax() == column and table[row, column] > 0) for column, row in by_class.items()
    )
    # Not the diagonal: rows and columns are those of the matching, of fewer than either where there are more.
    right = int(table[rows, columns].sum())
    return Matching(
        (code.size - right) / code.size,
        found,
        tuple(by_class.get(column, -1) for column in range(table.shape[1])),
    )
