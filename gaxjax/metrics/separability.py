"""Linear separability: whether attributes of images are told apart by a plane between their latents.

Karras et al. 2019, section 4.2. The paper has 200,000 images and 40 attributes of faces, each as a classifier
that was trained on CelebA sees it.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from gaxjax.errors import InputError
from gaxjax.metrics.checking import Values, check_features, check_finite


class Separability(NamedTuple):
    """A score, 1 at best, and what it is made of."""

    score: float
    """exp of the sum of the entropies"""
    entropies: tuple[float, ...]
    """H(Y | X) of each attribute, in nats"""


def separability(
    latents: Float[Values, "examples latents"],
    logits: Float[Values, "examples attributes"],
    either: bool = False,
) -> Separability:
    """exp sum_i H(Y_i | X_i): Y_i attribute i, X_i the side of the plane that is to tell it.

    logits: of an example having each attribute; of each, the half of the examples with the largest absolute
    ones are kept. either: the surer half of those that have it and of those that have not, which is not the
    paper's way. Of a class that a tenth of the images have, the surest half is of those without it alone.

    The plane is that of a linear support vector machine with scikit-learn's defaults. The authors' code adds
    up bits and takes 2 to the power of the sum, which is the same number.
    """
    # Apart: both at once would have to be of one width.
    check_features(latents=latents)
    check_features(logits=logits)
    check_finite(latents=latents, logits=logits)
    if len(latents) != len(logits) or len(latents) < 2:
        came = f"{len(latents)} latents and {len(logits)} logits"
        raise InputError(f"every example, at least 2, must have latents and logits; got {came}")
    points, scores = np.asarray(latents, np.float64), np.asarray(logits, np.float64)
    entropies = []
    for values in scores.T:
        every = np.ones(len(values), bool)
        groups = (values > 0, values <= 0) if either else (every,)
        # The paper's filter: images of which the classifier is unsure say little of the latents.
        sure = np.concatenate([surest_half(np.flatnonzero(group), values) for group in groups])
        has = values[sure] > 0
        entropies.append(conditional_entropy(has, predict_sides(points[sure], has)))
    return Separability(float(np.exp(np.sum(entropies))), tuple(entropies))


def surest_half(places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The half of the places, rounded up, where the values are the farthest from 0."""
    # Stable: among equals the earlier ones, the same on every machine.
    return places[np.argsort(-np.abs(values[places]), kind="stable")[: (len(places) + 1) // 2]]


def one_vs_rest(logits: Float[Values, "examples classes"]) -> Float[np.ndarray, "examples classes"]:
    """log p / (1 - p) of each class, where p is its probability among all of them.

    >>> one_vs_rest(np.log([[0.5, 0.25, 0.25]])).round(4)
    array([[ 0.    , -1.0986, -1.0986]])
    """
    check_features(logits=logits)
    values = np.asarray(logits, np.float64)
    if values.shape[1] < 2:
        raise InputError(f"logits must be of at least 2 classes; got {values.shape[1]}")
    # log sum of exp of all other logits: log p / (1 - p) = logit - that, without p, which may round to 1.
    others = [np.logaddexp.reduce(np.delete(values, c, axis=1), axis=1) for c in range(values.shape[1])]
    return values - np.stack(others, axis=1)


def predict_sides(
    points: Float[np.ndarray, "examples latents"], has: Bool[np.ndarray, " examples"]
) -> Bool[np.ndarray, " examples"]:
    """On which side of the plane that best parts those that have from those that have not each point is."""
    if has.all() or not has.any():
        return has
    from sklearn.svm import LinearSVC

    # dual: the faster of two forms of one problem. A fixed seed, as its solver visits examples at random.
    machine = LinearSVC(dual="auto", random_state=0, max_iter=10_000)
    return machine.fit(points, has).predict(points)


def conditional_entropy(y: Bool[np.ndarray, " examples"], x: Bool[np.ndarray, " examples"]) -> float:
    """H(Y | X) in nats.

    >>> round(conditional_entropy(np.array([True, False]), np.array([True, True])), 4)  # log 2
    0.6931
    """
    total = 0.0
    for side in (x, ~x):
        for which in (y, ~y):
            # 0 log 0 is 0: a side of one kind adds nothing.
            if (both := np.mean(side & which)) > 0:
                total -= both * np.log(both / np.mean(side))
    return float(total)
